"""Actions that end in new code, new files, words or findings. Real stdio."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from qwen_lsp.storage.conversations import Conversations
from tests.support.lsp.action_bench import Benches, Page

pytestmark = pytest.mark.process

CODE = "«def double(x):\n    return x * 2\n»"


def test_listing_asks_no_engine_and_knows_the_place(benches: Benches, project: Path) -> None:
    bench = benches()
    before = len(bench.events())
    page = Page(bench, CODE, project / "a.py")
    titles = [action["title"] for action in page.actions("first", "second")]
    assert titles[:3] == ["Fix: first", "Fix: second", "Fix all 2 problems here"]
    for title in ("Explain the selection", "Document", "Add types", "Simplify", "Rename for clarity", "Extract function",
                  "Handle errors", "Optimise", "Generate tests", "Make the tests pass", "Translate to Rust",
                  "Review the selection", "Haiku"):  # fmt: skip
        assert title in titles
    assert "Translate to Python" not in titles
    assert len(bench.events()) == before


def test_only_the_kinds_asked_for_are_listed(benches: Benches, project: Path) -> None:
    page = Page(benches(), CODE, project / "a.py")
    kinds = {action["kind"] for action in page.actions("x", only=["quickfix", "refactor.extract"])}
    assert kinds == {"quickfix", "refactor.extract.function"}


def test_what_cannot_be_done_says_why(benches: Benches, project: Path) -> None:
    page = Page(benches(), "def f():\n    retu«rn 1\n", project / "a.py")
    why = {
        action["title"]: action["disabled"]["reason"] for action in page.actions() if action.get("disabled")
    }
    assert why["Extract function"] == "Select the lines that should become a function."
    assert "qwen:" in why["Custom instruction …"]
    bare = Page(benches("lspmode"), "def f():\n    retu«rn 1\n", project / "b.py")
    assert not any(action["title"] == "Extract function" for action in bare.actions())


def test_a_comment_becomes_code_below_it(benches: Benches, project: Path) -> None:
    marked = "class A:\n    def f(self):\n        # add all numbers up to n«\n"
    page = Page(benches(), marked, project / "a.py")
    for answer in (
        "```python\ntotal = sum(range(n))\nreturn total\n```",
        "```python\n# add all numbers up to n\ntotal = sum(range(n))\nreturn total\n```",
    ):
        edit = page.resolved("Complete from comment", answer)["edit"]
        assert (
            page.after(edit)[page.uri] == page.text + "        total = sum(range(n))\n        return total\n"
        )


def test_tests_go_where_the_project_keeps_them(benches: Benches, project: Path) -> None:
    (project / "tests").mkdir()
    page = Page(benches(), CODE, project / "maths.py")
    code = "from maths import double\n\n\ndef test_double():\n    assert double(2) == 4\n"
    resolved = page.resolved("Generate tests", f"```python\n{code}```")
    edit = resolved["edit"]
    place = (project / "tests" / "test_maths.py").as_uri()
    assert [change["kind"] for change in edit["documentChanges"] if "kind" in change] == ["create"]
    assert page.after(edit)[place] == code
    assert "with pytest. Import what is tested from the module maths." in page.bench.events()[-2]["prompt"]
    client, seen = page.bench.client, len(page.bench.client.received)
    client.answer_with["window/showDocument"] = lambda _: {"success": True}
    for _ in range(2):
        client.request("workspace/executeCommand", resolved["command"])
    shown = [m["params"]["uri"] for m in client.received[seen:] if m.get("method") == "window/showDocument"]
    assert shown == [place]


def test_tests_are_added_to_those_that_are_there(benches: Benches, project: Path) -> None:
    page = Page(benches(), CODE, project / "maths.py")
    existing = "import unittest\nfrom maths import double\n\n\nclass T(unittest.TestCase):\n    def test_a(self):\n        self.assertEqual(double(1), 2)\n"
    (project / "test_maths.py").write_text(existing)
    answer = "```python\nimport unittest\n\nclass U(unittest.TestCase):\n    def test_b(self):\n        self.assertEqual(double(0), 0)\n```"
    edit = page.resolved("Generate tests", answer)["edit"]
    uri = (project / "test_maths.py").as_uri()
    [change] = edit["documentChanges"]
    assert (change["textDocument"]["uri"], change["textDocument"]["version"]) == (uri, None)
    new = "\n\nclass U(unittest.TestCase):\n    def test_b(self):\n        self.assertEqual(double(0), 0)\n"
    assert "unittest" in page.bench.events()[-2]["prompt"]
    from tests.support.lsp.apply_edits import apply_edits

    assert apply_edits(existing, change["edits"], "utf-16") == existing + new


@pytest.mark.parametrize("answer", ["Tests are not needed here.", "", "```python\ndef test_a():\n```oops"])
def test_bad_tests_are_refused(benches: Benches, project: Path, answer: str) -> None:
    page = Page(benches(), CODE, project / "maths.py")
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
def test_a_translation_is_a_new_file(benches: Benches, project: Path, target: str) -> None:
    tag, name, code = TRANSLATIONS[target]
    page = Page(benches(), CODE, project / "double.py")
    edit = page.resolved(f"Translate to {target}", f"Here:\n```{tag}\n{code}```\n")["edit"]
    assert page.after(edit) == {page.uri: page.text, (project / name).as_uri(): code}
    (project / name).write_text("here already")
    again = page.resolved(f"Translate to {target}", f"```{tag}\n{code}```")["edit"]
    stem, _, ending = name.partition(".")
    assert page.after(again)[(project / f"{stem}_2.{ending}").as_uri()] == code


def test_a_translation_that_does_not_parse_needs_confirmation(benches: Benches, project: Path) -> None:
    page = Page(benches(), CODE, project / "double.py")
    edit = page.resolved("Translate to Go", "```go\nfunc ((( {\n```")["edit"]
    [annotation] = edit["changeAnnotations"].values()
    assert annotation["needsConfirmation"]
    assert "does not parse as Go" in annotation["description"]


def test_an_explanation_is_opened_as_a_file(benches: Benches, project: Path) -> None:
    page = Page(benches(), CODE, project / "a.py")
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


def test_a_long_explanation_opens_the_page_at_its_conversation(benches: Benches, project: Path) -> None:
    page = Page(benches(), CODE, project / "a.py")
    seen = len(page.bench.client.received)
    page.bench.address = "http://127.0.0.1:7/"
    page.bench.client.answer_with["window/showDocument"] = lambda _: {"success": True}
    words = "It doubles x, as said before. " * 300
    try:
        assert page.run("Explain", words) is True
    finally:
        page.bench.address = ""
    [shown] = [m for m in page.bench.client.received[seen:] if m.get("method") == "window/showDocument"]
    address, _, conversation = shown["params"]["uri"].partition("?conversation=")
    assert (address, shown["params"]["external"]) == ("http://127.0.0.1:7/", True)
    kept = Conversations(page.bench.folder / "home" / "data" / "conversations.sqlite")
    assert [
        m.content.strip() for m in kept.thread(kept.leaf(int(conversation))) if m.role == "assistant"
    ] == [words.strip()]


REVIEWS = {
    "json": '```json\n[{"line": 2, "end_line": 2, "severity": "error", "area": "security", "message": "Bad", "fix": "Do"}]\n```',
    "json among words": 'I found: [{"line": "2", "severity": "high", "category": "security", "message": "Bad", "fix": "Do"}] ok?',
    "an object with a list": '{"findings": [{"line": 2, "severity": "critical", "area": "security", "message": "Bad", "fix": "Do"}]}',
    "cut off": '```json\n[{"line": 2, "severity": "error", "area": "security", "message": "Bad", "fix": "Do"}, {"line": 3, "mess',
}


@pytest.mark.parametrize("style", REVIEWS)
def test_a_review_becomes_diagnostics_until_cleared(benches: Benches, project: Path, style: str) -> None:
    page = Page(benches(), CODE, project / f"{style.replace(' ', '_')}.py")
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


def test_a_review_in_words_is_read_where_it_names_lines(benches: Benches, project: Path) -> None:
    page = Page(benches(), CODE, project / "words.py")
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
def test_a_review_without_findings_says_so(benches: Benches, project: Path, answer: str, said: str) -> None:
    page = Page(benches(), CODE, project / "none.py")
    seen = len(page.bench.client.received)
    page.run("Review", answer)
    assert said in page.told(seen)[0]


def test_a_migration_is_a_draft_with_its_risks(benches: Benches, project: Path) -> None:
    page = Page(
        benches(),
        "«# qwen: from unittest to pytest\ndef f(self):\n    self.assertTrue(x)\n»",
        project / "a.py",
    )
    answer = "```python\ndef f(self):\n    assert x\n```\n- x must be defined\n- messages differ\n"
    edit = page.resolved("Migrate: from unittest to pytest", answer)["edit"]
    assert page.after(edit)[page.uri] == "def f(self):\n    assert x\n"
    [annotation] = edit["changeAnnotations"].values()
    assert annotation["needsConfirmation"]
    assert "- messages differ" in annotation["description"]


def test_all_problems_are_fixed_at_once(benches: Benches, project: Path) -> None:
    page = Page(benches(), "«def f(x):\n    retrun x\n    prnt(x)\n»", project / "a.py")
    resolved = page.resolved("Fix all", "```python\ndef f(x):\n    print(x)\n    return x\n```", "one", "two")
    assert page.after(resolved["edit"])[page.uri] == "def f(x):\n    print(x)\n    return x\n"
    assert "one\n" in page.bench.events()[-2]["prompt"]
    assert "two\n" in page.bench.events()[-2]["prompt"]


def test_words_typed_by_the_user_are_followed(benches: Benches, project: Path) -> None:
    page = Page(benches(), CODE, project / "a.py")
    edits = page.applies()
    page.bench.say("```python\ndef double(x):\n    return x + x\n```")
    assert page.bench.client.command("qwen_lsp.instruct", page.uri, page.range, "use addition") is True
    assert page.after(edits[0])[page.uri] == "def double(x):\n    return x + x\n"
    assert "use addition" in page.bench.events()[-2]["prompt"]


@pytest.mark.parametrize("arguments", [[], ["file:///nowhere", None, "x"], [None, {}, "x"], [1, 2, 3]])
def test_commands_with_wrong_arguments_are_answered(benches: Benches, arguments: list[Any]) -> None:
    bench = benches()
    params = {"command": "qwen_lsp.instruct", "arguments": arguments}
    answer = bench.client.answer(bench.client.start_request("workspace/executeCommand", params))
    assert answer["error"]["code"] == -32602


def test_a_users_own_action_answers_in_words(benches: Benches, project: Path) -> None:
    page = Page(benches("eglot"), CODE, project / "a.py")
    seen = len(page.bench.client.received)
    page.bench.client.answer_with["window/showDocument"] = lambda _: {"success": False}
    page.run("Haiku", "code sits in silence")
    client = page.bench.client
    client.wait_for(lambda m: m in client.received[seen:] and m.get("method") == "window/showMessage")
    assert page.told(seen) == ["code sits in silence"]
    assert (
        "A haiku on ```python\ndef double(x):\n    return x * 2\n``` in Python."
        in page.bench.events()[-2]["prompt"]
    )
