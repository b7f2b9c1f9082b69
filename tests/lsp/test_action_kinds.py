"""Actions that end in new code, new files, words or findings, and what each kind of editor gets. Real stdio."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.action_bench import Bench, Page
from tests.support.lsp_client import CAPS

pytestmark = pytest.mark.process

CODE = "«def double(x):\n    return x * 2\n»"
SETTINGS = {
    "actions": {
        "custom": [
            {"title": "Haiku", "prompt": "A haiku on {code} in {language}.", "answer": "show"},
            {"title": ""},
        ]
    },
    "sandbox": {"allow_root": True},
}
Make = Callable[..., Bench]


@pytest.fixture(scope="module")
def make(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Make]:
    """Benches by editor, each started once."""
    made: dict[str, Bench] = {}

    def start(caps: str = "vscode", **capabilities: Any) -> Bench:
        key = caps + json.dumps(capabilities)
        if key not in made:
            more = {"capabilities": capabilities} if capabilities else {}
            folder = tmp_path_factory.mktemp(caps)
            made[key] = Bench(
                folder, caps, SETTINGS, workspaceFolders=[{"uri": folder.as_uri(), "name": "w"}], **more
            )
        return made[key]

    yield start
    for bench in made.values():
        bench.client.__exit__()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "pyproject.toml").write_text("")
    return tmp_path


def test_listing_asks_no_engine_and_knows_the_place(make: Make, folder: Path) -> None:
    bench = make()
    before = len(bench.events())
    page = Page(bench, CODE, folder / "a.py")
    titles = [action["title"] for action in page.actions("first", "second")]
    assert titles[:3] == ["Fix: first", "Fix: second", "Fix all 2 problems here"]
    for title in ("Explain the selection", "Document", "Add types", "Simplify", "Rename for clarity", "Extract function",
                  "Handle errors", "Optimise", "Generate tests", "Make the tests pass", "Translate to Rust",
                  "Review the selection", "Haiku"):  # fmt: skip
        assert title in titles
    assert "Translate to Python" not in titles
    assert len(bench.events()) == before


def test_only_the_kinds_asked_for_are_listed(make: Make, folder: Path) -> None:
    page = Page(make(), CODE, folder / "a.py")
    kinds = {action["kind"] for action in page.actions("x", only=["quickfix", "refactor.extract"])}
    assert kinds == {"quickfix", "refactor.extract.function"}


def test_what_cannot_be_done_says_why(make: Make, folder: Path) -> None:
    page = Page(make(), "def f():\n    retu«rn 1\n", folder / "a.py")
    why = {
        action["title"]: action["disabled"]["reason"] for action in page.actions() if action.get("disabled")
    }
    assert why["Extract function"] == "Select the lines that should become a function."
    assert "qwen:" in why["Custom instruction …"]
    bare = Page(make("lspmode"), "def f():\n    retu«rn 1\n", folder / "b.py")
    assert not any(action["title"] == "Extract function" for action in bare.actions())


def test_a_comment_becomes_code_below_it(make: Make, folder: Path) -> None:
    marked = "class A:\n    def f(self):\n        # add all numbers up to n«\n"
    page = Page(make(), marked, folder / "a.py")
    for answer in (
        "```python\ntotal = sum(range(n))\nreturn total\n```",
        "```python\n# add all numbers up to n\ntotal = sum(range(n))\nreturn total\n```",
    ):
        edit = page.resolved("Complete from comment", answer)["edit"]
        assert (
            page.after(edit)[page.uri] == page.text + "        total = sum(range(n))\n        return total\n"
        )


def test_tests_go_where_the_project_keeps_them(make: Make, folder: Path) -> None:
    (folder / "tests").mkdir()
    page = Page(make(), CODE, folder / "maths.py")
    code = "from maths import double\n\n\ndef test_double():\n    assert double(2) == 4\n"
    edit = page.resolved("Generate tests", f"```python\n{code}```")["edit"]
    place = (folder / "tests" / "test_maths.py").as_uri()
    assert [change["kind"] for change in edit["documentChanges"] if "kind" in change] == ["create"]
    assert page.after(edit)[place] == code
    assert "with pytest. Import what is tested from the module maths." in page.bench.events()[-2]["prompt"]


def test_tests_are_added_to_those_that_are_there(make: Make, folder: Path) -> None:
    page = Page(make(), CODE, folder / "maths.py")
    existing = "import unittest\nfrom maths import double\n\n\nclass T(unittest.TestCase):\n    def test_a(self):\n        self.assertEqual(double(1), 2)\n"
    (folder / "test_maths.py").write_text(existing)
    answer = "```python\nimport unittest\n\nclass U(unittest.TestCase):\n    def test_b(self):\n        self.assertEqual(double(0), 0)\n```"
    edit = page.resolved("Generate tests", answer)["edit"]
    uri = (folder / "test_maths.py").as_uri()
    [change] = edit["documentChanges"]
    assert (change["textDocument"]["uri"], change["textDocument"]["version"]) == (uri, None)
    new = "\n\nclass U(unittest.TestCase):\n    def test_b(self):\n        self.assertEqual(double(0), 0)\n"
    assert "unittest" in page.bench.events()[-2]["prompt"]
    from tests.support.edits import apply_edits

    assert apply_edits(existing, change["edits"], "utf-16") == existing + new


@pytest.mark.parametrize("answer", ["Tests are not needed here.", "", "```python\ndef test_a():\n```oops"])
def test_bad_tests_are_refused(make: Make, folder: Path, answer: str) -> None:
    page = Page(make(), CODE, folder / "maths.py")
    seen = len(page.bench.client.received)
    resolved = page.resolved("Generate tests", answer)
    assert resolved.get("edit") is None
    assert len(page.told(seen)) == 1


TRANSLATIONS = {
    "C++": ("cpp", "double.cpp", "int twice(int x) { return x * 2; }\n"),
    "Java": ("java", "Double.java", "class Double {\n    static int twice(int x) { return x * 2; }\n}\n"),
    "Go": ("go", "double.go", "package main\n\nfunc double(x int) int { return x * 2 }\n"),
    "Rust": ("rust", "double.rs", "fn double(x: i32) -> i32 {\n    x * 2\n}\n"),
    "TypeScript": ("typescript", "double.ts", "export const double = (x: number): number => x * 2;\n"),
}


@pytest.mark.parametrize("target", TRANSLATIONS)
def test_a_translation_is_a_new_file(make: Make, folder: Path, target: str) -> None:
    tag, name, code = TRANSLATIONS[target]
    page = Page(make(), CODE, folder / "double.py")
    edit = page.resolved(f"Translate to {target}", f"Here:\n```{tag}\n{code}```\n")["edit"]
    assert page.after(edit) == {page.uri: page.text, (folder / name).as_uri(): code}
    (folder / name).write_text("here already")
    again = page.resolved(f"Translate to {target}", f"```{tag}\n{code}```")["edit"]
    stem, _, ending = name.partition(".")
    assert page.after(again)[(folder / f"{stem}_2.{ending}").as_uri()] == code


def test_a_translation_that_does_not_parse_needs_confirmation(make: Make, folder: Path) -> None:
    page = Page(make(), CODE, folder / "double.py")
    edit = page.resolved("Translate to Go", "```go\nfunc ((( {\n```")["edit"]
    [annotation] = edit["changeAnnotations"].values()
    assert annotation["needsConfirmation"]
    assert "does not parse as Go" in annotation["description"]


def test_an_explanation_is_opened_as_a_file(make: Make, folder: Path) -> None:
    page = Page(make(), CODE, folder / "a.py")
    seen = len(page.bench.client.received)
    page.bench.client.answer_with["window/showDocument"] = lambda _: {"success": True}
    assert page.run("Explain", "It **doubles** x.\n```python\ndouble(2)\n```") is True
    shown = [m for m in page.bench.client.received[seen:] if m.get("method") == "window/showDocument"]
    file = Path(shown[0]["params"]["uri"].removeprefix("file://"))
    assert file.read_text() == "# Explain the selection\n\nIt **doubles** x.\n```python\ndouble(2)\n```\n"
    assert file.is_relative_to(page.bench.folder / "home" / "cache")
    page.bench.client.answer_with["window/showDocument"] = lambda _: {"success": False}
    page.run("Explain", "Words.")
    assert page.told(seen) == ["Words."]


REVIEWS = {
    "json": '```json\n[{"line": 2, "end_line": 2, "severity": "error", "area": "security", "message": "Bad", "fix": "Do"}]\n```',
    "json among words": 'I found: [{"line": "2", "severity": "high", "category": "security", "message": "Bad", "fix": "Do"}] ok?',
    "an object with a list": '{"findings": [{"line": 2, "severity": "critical", "area": "security", "message": "Bad", "fix": "Do"}]}',
    "cut off": '```json\n[{"line": 2, "severity": "error", "area": "security", "message": "Bad", "fix": "Do"}, {"line": 3, "mess',
}


@pytest.mark.parametrize("style", REVIEWS)
def test_a_review_becomes_diagnostics_until_cleared(make: Make, folder: Path, style: str) -> None:
    page = Page(make(), CODE, folder / f"{style.replace(' ', '_')}.py")
    assert page.run("Review", REVIEWS[style]) is True

    def where(params: Any) -> bool:
        return bool(params["uri"] == page.uri)

    found = page.bench.client.notification("textDocument/publishDiagnostics", where)
    [one] = found["diagnostics"]
    assert (one["message"], one["severity"], one["code"], one["source"]) == (
        "Bad\nFix: Do",
        1,
        "security",
        "qwen-lsp review",
    )
    assert one["range"] == {"start": {"line": 1, "character": 4}, "end": {"line": 1, "character": 16}}
    assert page.bench.client.command("qwen_lsp.clearFindings", page.uri) == 1
    page.bench.client.notification(
        "textDocument/publishDiagnostics", lambda params: where(params) and params["diagnostics"] == []
    )


def test_a_review_in_words_is_read_where_it_names_lines(make: Make, folder: Path) -> None:
    page = Page(make(), CODE, folder / "words.py")
    page.run(
        "Review",
        "Two things:\n- **Line 1**: warning: the name shadows nothing\n- line 2: SQL injection is possible\n",
    )
    found = page.bench.client.notification("textDocument/publishDiagnostics", lambda p: p["uri"] == page.uri)
    assert [(d["severity"], d["code"]) for d in found["diagnostics"]] == [(2, "quality"), (2, "security")]


@pytest.mark.parametrize(
    ("answer", "said"),
    [("[]", "found nothing"), ("```json\n[]\n```", "found nothing"), ("It is lovely.", "could not be read")],
)
def test_a_review_without_findings_says_so(make: Make, folder: Path, answer: str, said: str) -> None:
    page = Page(make(), CODE, folder / "none.py")
    seen = len(page.bench.client.received)
    page.run("Review", answer)
    assert said in page.told(seen)[0]


def test_a_migration_is_a_draft_with_its_risks(make: Make, folder: Path) -> None:
    page = Page(
        make(), "«# qwen: from unittest to pytest\ndef f(self):\n    self.assertTrue(x)\n»", folder / "a.py"
    )
    answer = "```python\ndef f(self):\n    assert x\n```\n- x must be defined\n- messages differ\n"
    edit = page.resolved("Migrate: from unittest to pytest", answer)["edit"]
    assert page.after(edit)[page.uri] == "def f(self):\n    assert x\n"
    [annotation] = edit["changeAnnotations"].values()
    assert annotation["needsConfirmation"]
    assert "- messages differ" in annotation["description"]


def test_all_problems_are_fixed_at_once(make: Make, folder: Path) -> None:
    page = Page(make(), "«def f(x):\n    retrun x\n    prnt(x)\n»", folder / "a.py")
    resolved = page.resolved("Fix all", "```python\ndef f(x):\n    print(x)\n    return x\n```", "one", "two")
    assert page.after(resolved["edit"])[page.uri] == "def f(x):\n    print(x)\n    return x\n"
    assert "one\n" in page.bench.events()[-2]["prompt"]
    assert "two\n" in page.bench.events()[-2]["prompt"]


def test_words_typed_by_the_user_are_followed(make: Make, folder: Path) -> None:
    page = Page(make(), CODE, folder / "a.py")
    edits = page.applies()
    page.bench.say("```python\ndef double(x):\n    return x + x\n```")
    assert page.bench.client.command("qwen_lsp.instruct", page.uri, page.range, "use addition") is True
    assert page.after(edits[0])[page.uri] == "def double(x):\n    return x + x\n"
    assert "use addition" in page.bench.events()[-2]["prompt"]


@pytest.mark.parametrize("arguments", [[], ["file:///nowhere", None, "x"], [None, {}, "x"], [1, 2, 3]])
def test_commands_with_wrong_arguments_are_answered(make: Make, arguments: list[Any]) -> None:
    bench = make()
    params = {"command": "qwen_lsp.instruct", "arguments": arguments}
    answer = bench.client.answer(bench.client.start_request("workspace/executeCommand", params))
    assert answer["error"]["code"] == -32602


def test_a_users_own_action_answers_in_words(make: Make, folder: Path) -> None:
    page = Page(make("eglot"), CODE, folder / "a.py")
    seen = len(page.bench.client.received)
    page.bench.client.answer_with["window/showDocument"] = lambda _: {"success": False}
    page.run("Haiku", "code sits in silence")
    assert page.told(seen) == ["code sits in silence"]
    assert (
        "A haiku on ```python\ndef double(x):\n    return x * 2\n``` in Python."
        in page.bench.events()[-2]["prompt"]
    )


BROKEN = "```python\ndef double(x:\n    return x * 2\n```"


def test_vscode_is_left_to_ask_about_a_doubtful_edit(make: Make, folder: Path) -> None:
    page = Page(make(), CODE, folder / "a.py")
    [annotation] = page.resolved("Simplify", BROKEN)["edit"]["changeAnnotations"].values()
    assert annotation == {
        "label": "Simplify", "needsConfirmation": True, "description": "After this edit the file no longer parses.",
    }  # fmt: skip


@pytest.mark.parametrize("caps", ["nvim", "helix", "eglot", "lspmode"])
@pytest.mark.parametrize("choice", ["Apply", "Discard", None])
def test_other_editors_are_asked_by_us(make: Make, folder: Path, caps: str, choice: str | None) -> None:
    page = Page(make(caps), CODE, folder / "a.py")
    asked: list[str] = []

    def answer(params: dict[str, Any]) -> dict[str, str] | None:
        asked.append(params["message"])
        return {"title": choice} if choice else None

    page.bench.client.answer_with["window/showMessageRequest"] = answer
    edit: Any = page.resolved("Simplify", BROKEN).get("edit")
    assert "no longer parses" in asked[0]
    if choice != "Apply":
        assert edit is None
        return
    unit = {"nvim": "utf-8", "helix": "utf-8"}.get(caps, "utf-32")
    assert page.after(edit, unit)[page.uri] == "def double(x:\n    return x * 2\n"
    assert ("changes" in edit) == (caps == "nvim")


@pytest.mark.parametrize("caps", ["nvim", "helix", "eglot", "lspmode", "vscode"])
def test_columns_are_right_in_every_encoding(make: Make, folder: Path, caps: str) -> None:
    page = Page(make(caps), "x = '😋é' «+ nmae\n", folder / "a.py")
    unit = {"nvim": "utf-8", "helix": "utf-8", "vscode": "utf-16"}.get(caps, "utf-32")
    edit = page.resolved("Fix:", "```python\nx = '😋é' + name\n```", "undefined name 'nmae'")["edit"]
    assert page.after(edit, unit)[page.uri] == "x = '😋é' + name\n"


def test_a_new_function_can_be_renamed_at_once_where_snippets_are_known(make: Make, folder: Path) -> None:
    marked = "def f(a):\n«    b = a + 1\n»    print(f'${b}', {b})\n"
    answer = "```python\ndef next_of(a):\n    return a + 1\n\n\ndef f(a):\n    b = next_of(a)\n    print(f'${b}', {b})\n```"
    after = "def next_of(a):\n    return a + 1\n\n\ndef f(a):\n    b = next_of(a)\n    print(f'${b}', {b})\n"
    page = Page(make(), marked, folder / "a.py")
    edit = page.resolved("Extract function", answer)["edit"]
    [snippet] = edit["documentChanges"][0]["edits"]
    assert snippet["snippet"]["value"].count("${1:next_of}") == 2
    assert page.after(edit)[page.uri] == after
    plain = Page(make("helix"), marked, folder / "b.py")
    assert plain.after(plain.resolved("Extract function", answer)["edit"], "utf-8")[plain.uri] == after


def poor(**more: Any) -> dict[str, Any]:
    capabilities: dict[str, Any] = json.loads((CAPS / "eglot.json").read_text())["capabilities"]
    del capabilities["textDocument"]["codeAction"]["resolveSupport"]
    capabilities["workspace"].update(more)
    return capabilities


def test_a_client_without_resolve_gets_commands(make: Make, folder: Path) -> None:
    page = Page(make("eglot", **poor()), CODE, folder / "a.py")
    edits = page.applies()
    assert page.run("Simplify", "```python\ndef double(x):\n    return 2 * x\n```") is True
    assert page.after(edits[0], "utf-32")[page.uri] == "def double(x):\n    return 2 * x\n"
    page.bench.client.answer_with["workspace/applyEdit"] = lambda params: {"applied": False}
    assert page.run("Simplify", "```python\ndef double(x):\n    return x << 1\n```") is False


def test_a_client_that_can_apply_nothing_is_offered_only_words(make: Make, folder: Path) -> None:
    page = Page(make("eglot", **poor(applyEdit=False)), CODE, folder / "a.py")
    titles = [action["title"] for action in page.actions("x")]
    assert titles == ["Explain the selection", "Make the tests pass", "Review the selection", "Haiku"]


def test_windows_line_ends_and_a_missing_last_one_stay(make: Make, folder: Path) -> None:
    page = Page(make(), "import a\n\n\ndef f():\n\t«return a.b", folder / "a.py", newline="\r\n")
    edit = page.resolved("Document", '```python\ndef f():\n    """The b."""\n    return a.b\n```')["edit"]
    assert page.after(edit)[page.uri] == 'import a\r\n\r\n\r\ndef f():\r\n\t"""The b."""\r\n\treturn a.b'


def test_the_smallest_edit_is_sent(make: Make, folder: Path) -> None:
    page = Page(make(), CODE.replace("2", "two"), folder / "a.py")
    [change] = page.resolved("Fix:", "```python\ndef double(x):\n    return x * 2\n```", "p")["edit"][
        "documentChanges"
    ]
    [edit] = change["edits"]
    assert edit["newText"] == "2"
    assert edit["range"] == {"start": {"line": 1, "character": 15}, "end": {"line": 1, "character": 18}}


def test_documenting_that_changes_code_needs_confirmation(make: Make, folder: Path) -> None:
    page = Page(make(), CODE, folder / "a.py")
    edit = page.resolved("Document", '```python\ndef double(x):\n    """Doc."""\n    return x * 3\n```')[
        "edit"
    ]
    [annotation] = edit["changeAnnotations"].values()
    assert annotation["description"] == "More than documentation was changed."


def test_removing_what_others_use_needs_confirmation(make: Make, folder: Path) -> None:
    page = Page(make(), CODE + "\n\nprint(double(2))\n", folder / "a.py")
    edit = page.resolved("Rename", "```python\ndef twice(x):\n    return x * 2\n```")["edit"]
    [annotation] = edit["changeAnnotations"].values()
    assert annotation["description"] == "This removes double."


def test_an_engine_that_fails_is_quoted(make: Make, folder: Path) -> None:
    page = Page(make(), CODE, folder / "a.py")
    action = page.action("Simplify")
    page.bench.say("", fail="The model is still loading; try again in a moment.")
    seen = len(page.bench.client.received)
    assert page.bench.client.request("codeAction/resolve", action).get("edit") is None
    assert page.told(seen) == ["The model is still loading; try again in a moment."]


def test_the_progress_bar_can_stop_an_action(make: Make, folder: Path) -> None:
    page = Page(make(), CODE, folder / "a.py")
    action = page.action("Simplify")
    seen, events = len(page.bench.client.received), len(page.bench.events())
    page.bench.say("```python\nx = 1\n```", wait=True)
    request = page.bench.client.start_request("codeAction/resolve", action)

    def begun(m: dict[str, Any]) -> bool:
        return bool(m.get("method") == "$/progress" and m["params"]["value"]["kind"] == "begin")

    page.bench.client.wait_for(lambda m: begun(m) and m in page.bench.client.received[seen:])
    token = next(m for m in page.bench.client.received[seen:] if begun(m))["params"]["token"]
    page.bench.client.notify("window/workDoneProgress/cancel", {"token": token})
    assert page.bench.client.answer(request)["result"].get("edit") is None
    assert page.told(seen) == ["'Simplify' was stopped."]
    assert [event["event"] for event in page.bench.events()[events:]] == ["asked", "aborted"]


def test_actions_from_an_old_list_say_so(make: Make, folder: Path) -> None:
    page = Page(make(), CODE, folder / "a.py")
    action = {**page.action("Simplify"), "data": {"listing": 999_999, "offer": 0}}
    seen = len(page.bench.client.received)
    assert page.bench.client.request("codeAction/resolve", action).get("edit") is None
    assert page.told(seen) == ["These actions are too old. List them again."]


def test_code_too_long_for_an_answer_is_refused_before_asking(make: Make, folder: Path) -> None:
    page = Page(make(), "«" + "value = 1234567890\n" * 1_000 + "»", folder / "a.py")
    events, seen = len(page.bench.events()), len(page.bench.client.received)
    assert page.resolved("Simplify", "").get("edit") is None
    assert "Select less." in page.told(seen)[0]
    assert len(page.bench.events()) == events


RED = """import unittest
from sums import add


class Sums(unittest.TestCase):
    def test_add(self):
        self.assertEqual(add(2, 3), 5)
"""


def test_tests_are_made_to_pass_in_three_rounds_and_only_then_applied(make: Make, folder: Path) -> None:
    page = Page(make(), "«def add(a, b):\n    return a - b\n»", folder / "sums.py")
    (folder / "test_sums.py").write_text(RED)
    answers = ["return a * b", "return (a", "return a + b"]
    client = page.bench.client
    edits = page.applies()
    client.answer_with["window/showDocument"] = lambda _: {"success": True}
    seen = len(client.received)
    assert (
        page.run("Make the tests pass", [f"```python\ndef add(a, b):\n    {row}\n```" for row in answers])
        is True
    )
    shown = [m for m in client.received[seen:] if m.get("method") == "window/showDocument"]
    text = Path(shown[-1]["params"]["uri"].removeprefix("file://")).read_text()
    assert [line for line in text.splitlines() if line.startswith("## ")] == [
        "## As it was: failed", "## Round 1: failed", "## Round 2: failed", "## Round 3: passed",
    ]  # fmt: skip
    [annotation] = edits[0]["changeAnnotations"].values()
    assert (annotation["needsConfirmation"], annotation["description"]) == (
        True,
        "The tests pass after 3 rounds.",
    )
    assert page.after(edits[0])[page.uri] == "def add(a, b):\n    return a + b\n"
    assert (folder / "sums.py").read_text() == page.text  # the workspace is the editor's to change
    assert "6 != 5" in [e for e in page.bench.events() if e["event"] == "asked"][-2]["prompt"]


def test_tests_that_stay_red_change_nothing(make: Make, folder: Path) -> None:
    page = Page(make(), "«def add(a, b):\n    return a - b\n»", folder / "sums.py")
    (folder / "test_sums.py").write_text(RED)
    seen = len(page.bench.client.received)
    assert page.run("Make the tests pass", "```python\ndef add(a, b):\n    return a * b\n```") is False
    assert "still fail after 4 rounds; nothing was changed" in page.told(seen)[-1]


def test_without_tests_there_is_nothing_to_make_pass(make: Make, folder: Path) -> None:
    page = Page(make(), CODE, folder / "lonely.py")
    seen = len(page.bench.client.received)
    assert page.run("Make the tests pass", "") is False
    assert "no tests of lonely.py yet" in page.told(seen)[0]
