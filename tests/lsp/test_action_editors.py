"""What each kind of editor gets of an action: asked, applied, stopped, made to pass. Real stdio."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.support.lsp.action_bench import Benches, Page
from tests.support.lsp.client import CAPS

pytestmark = pytest.mark.process

CODE = "«def double(x):\n    return x * 2\n»"

BROKEN = "```python\ndef double(x:\n    return x * 2\n```"


def test_vscode_is_left_to_ask_about_a_doubtful_edit(benches: Benches, project: Path) -> None:
    page = Page(benches(), CODE, project / "a.py")
    [annotation] = page.resolved("Simplify", BROKEN)["edit"]["changeAnnotations"].values()
    assert annotation == {
        "label": "Simplify", "needsConfirmation": True, "description": "After this edit the file no longer parses.",
    }  # fmt: skip


@pytest.mark.parametrize("caps", ["nvim", "helix", "eglot", "lspmode"])
@pytest.mark.parametrize("choice", ["Apply", "Discard", None])
def test_other_editors_are_asked_by_us(
    benches: Benches, project: Path, caps: str, choice: str | None
) -> None:
    page = Page(benches(caps), CODE, project / "a.py")
    asked: list[str] = []

    def answer(params: dict[str, Any]) -> dict[str, str] | None:
        asked.append(params["message"])
        return {"title": choice} if choice else None

    page.bench.client.answer_with["window/showMessageRequest"] = answer
    edit: Any = page.edit("Simplify", BROKEN)
    assert "no longer parses" in asked[0]
    if choice != "Apply":
        assert edit is None
        return
    unit = {"nvim": "utf-8", "helix": "utf-8"}.get(caps, "utf-32")
    assert page.after(edit, unit)[page.uri] == "def double(x:\n    return x * 2\n"
    assert ("changes" in edit) == (caps == "nvim")


@pytest.mark.parametrize("caps", ["nvim", "helix", "eglot", "lspmode", "vscode"])
def test_columns_are_right_in_every_encoding(benches: Benches, project: Path, caps: str) -> None:
    page = Page(benches(caps), "x = '😋é' «+ nmae\n", project / "a.py")
    unit = {"nvim": "utf-8", "helix": "utf-8", "vscode": "utf-16"}.get(caps, "utf-32")
    edit = page.edit("Fix:", "```python\nx = '😋é' + name\n```", "undefined name 'nmae'")
    assert edit
    assert page.after(edit, unit)[page.uri] == "x = '😋é' + name\n"


def test_a_new_function_can_be_renamed_at_once_where_snippets_are_known(
    benches: Benches, project: Path
) -> None:
    marked = "def f(a):\n«    b = a + 1\n»    print(f'${b}', {b})\n"
    answer = "```python\ndef next_of(a):\n    return a + 1\n\n\ndef f(a):\n    b = next_of(a)\n    print(f'${b}', {b})\n```"
    after = "def next_of(a):\n    return a + 1\n\n\ndef f(a):\n    b = next_of(a)\n    print(f'${b}', {b})\n"
    page = Page(benches(), marked, project / "a.py")
    edit = page.resolved("Extract function", answer)["edit"]
    [snippet] = edit["documentChanges"][0]["edits"]
    assert snippet["snippet"]["value"].count("${1:next_of}") == 2
    assert page.after(edit)[page.uri] == after
    plain = Page(benches("helix"), marked, project / "b.py")
    assert plain.after(plain.edit("Extract function", answer) or {}, "utf-8")[plain.uri] == after


def poor(**more: Any) -> dict[str, Any]:
    capabilities: dict[str, Any] = json.loads((CAPS / "eglot.json").read_text())["capabilities"]
    del capabilities["textDocument"]["codeAction"]["resolveSupport"]
    capabilities["workspace"].update(more)
    return capabilities


def test_a_client_without_resolve_gets_commands(benches: Benches, project: Path) -> None:
    page = Page(benches("vscode", **poor()), CODE, project / "a.py")
    edits = page.applies()
    assert page.run("Simplify", "```python\ndef double(x):\n    return 2 * x\n```") is True
    assert page.after(edits[0], "utf-32")[page.uri] == "def double(x):\n    return 2 * x\n"
    page.bench.client.answer_with["workspace/applyEdit"] = lambda params: {"applied": False}
    assert page.run("Simplify", "```python\ndef double(x):\n    return x << 1\n```") is False


@pytest.mark.parametrize("caps", ["helix", "eglot", "lspmode"])
def test_an_editor_that_stands_still_is_answered_before_the_work_is_done(
    benches: Benches, project: Path, caps: str
) -> None:
    page = Page(benches(caps), CODE, project / "a.py")
    action, edits, client = page.action("Simplify"), page.applies(), page.bench.client
    seen = len(client.received)
    page.bench.say("```python\ndef double(x):\n    return 2 * x\n```", wait=True)
    assert client.command(action["command"]["command"], *action["command"]["arguments"]) is True
    assert not edits
    page.bench.say("```python\ndef double(x):\n    return 2 * x\n```")
    client.wait_for(lambda m: m in client.received[seen:] and m.get("method") == "workspace/applyEdit")
    unit = "utf-8" if caps == "helix" else "utf-32"
    assert page.after(edits[0], unit)[page.uri] == "def double(x):\n    return 2 * x\n"


def test_an_action_refused_leaves_nothing_to_resolve_again(benches: Benches, project: Path) -> None:
    page = Page(benches("nvim"), CODE, project / "a.py")
    page.bench.client.answer_with["window/showMessageRequest"] = lambda _: {"title": "Discard"}
    resolved = page.resolved("Simplify", BROKEN)
    assert (resolved.get("edit"), resolved.get("data")) == (None, None)  # Eglot would go on for ever


def test_a_client_that_can_apply_nothing_is_offered_only_words(benches: Benches, project: Path) -> None:
    page = Page(benches("eglot", **poor(applyEdit=False)), CODE, project / "a.py")
    titles = [action["title"] for action in page.actions("x")]
    assert titles == ["Explain the selection", "Make the tests pass", "Review the selection", "Haiku"]


def test_windows_line_ends_and_a_missing_last_one_stay(benches: Benches, project: Path) -> None:
    page = Page(benches(), "import a\n\n\ndef f():\n\t«return a.b", project / "a.py", newline="\r\n")
    edit = page.resolved("Document", '```python\ndef f():\n    """The b."""\n    return a.b\n```')["edit"]
    assert page.after(edit)[page.uri] == 'import a\r\n\r\n\r\ndef f():\r\n\t"""The b."""\r\n\treturn a.b'


def test_the_smallest_edit_is_sent(benches: Benches, project: Path) -> None:
    page = Page(benches(), CODE.replace("2", "two"), project / "a.py")
    [change] = page.resolved("Fix:", "```python\ndef double(x):\n    return x * 2\n```", "p")["edit"][
        "documentChanges"
    ]
    [edit] = change["edits"]
    assert edit["newText"] == "2"
    assert edit["range"] == {"start": {"line": 1, "character": 15}, "end": {"line": 1, "character": 18}}


def test_documenting_that_changes_code_needs_confirmation(benches: Benches, project: Path) -> None:
    page = Page(benches(), CODE, project / "a.py")
    edit = page.resolved("Document", '```python\ndef double(x):\n    """Doc."""\n    return x * 3\n```')[
        "edit"
    ]
    [annotation] = edit["changeAnnotations"].values()
    assert annotation["description"] == "More than documentation was changed."


def test_removing_what_others_use_needs_confirmation(benches: Benches, project: Path) -> None:
    page = Page(benches(), CODE + "\n\nprint(double(2))\n", project / "a.py")
    edit = page.resolved("Rename", "```python\ndef twice(x):\n    return x * 2\n```")["edit"]
    [annotation] = edit["changeAnnotations"].values()
    assert annotation["description"] == "This removes double."


def test_an_engine_that_fails_is_quoted(benches: Benches, project: Path) -> None:
    page = Page(benches(), CODE, project / "a.py")
    action = page.action("Simplify")
    page.bench.say("", fail="The model is still loading; try again in a moment.")
    seen = len(page.bench.client.received)
    assert page.bench.client.request("codeAction/resolve", action).get("edit") is None
    assert page.told(seen) == ["The model is still loading; try again in a moment."]


def test_the_progress_bar_can_stop_an_action(benches: Benches, project: Path) -> None:
    page = Page(benches(), CODE, project / "a.py")
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


def test_actions_from_an_old_list_say_so(benches: Benches, project: Path) -> None:
    page = Page(benches(), CODE, project / "a.py")
    action = {**page.action("Simplify"), "data": {"listing": 999_999, "offer": 0}}
    seen = len(page.bench.client.received)
    assert page.bench.client.request("codeAction/resolve", action).get("edit") is None
    assert page.told(seen) == ["These actions are too old. List them again."]


def test_code_too_long_for_an_answer_is_refused_before_asking(benches: Benches, project: Path) -> None:
    page = Page(benches(), "«" + "value = 1234567890\n" * 1_000 + "»", project / "a.py")
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


def test_tests_are_made_to_pass_in_three_rounds_and_only_then_applied(
    benches: Benches, project: Path
) -> None:
    page = Page(benches(), "«def add(a, b):\n    return a - b\n»", project / "sums.py")
    (project / "test_sums.py").write_text(RED)
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
    assert (project / "sums.py").read_text() == page.text  # the workspace is the editor's to change
    assert "6 != 5" in [e for e in page.bench.events() if e["event"] == "asked"][-2]["prompt"]


def test_tests_that_stay_red_change_nothing(benches: Benches, project: Path) -> None:
    page = Page(benches(), "«def add(a, b):\n    return a - b\n»", project / "sums.py")
    (project / "test_sums.py").write_text(RED)
    seen = len(page.bench.client.received)
    assert page.run("Make the tests pass", "```python\ndef add(a, b):\n    return a * b\n```") is False
    assert "still fail after 4 rounds; nothing was changed" in page.told(seen)[-1]


def test_without_tests_there_is_nothing_to_make_pass(benches: Benches, project: Path) -> None:
    page = Page(benches(), CODE, project / "lonely.py")
    seen = len(page.bench.client.received)
    assert page.run("Make the tests pass", "") is False
    assert "no tests of lonely.py yet" in page.told(seen)[0]


def test_a_cursor_of_helix_is_not_a_selection(benches: Benches, project: Path) -> None:
    listed = {}
    for caps in ("helix", "vscode"):
        page = Page(benches(caps), "def é(a):\n    «r»eturn a\n", project / "a.py")
        listed[caps] = [action["title"] for action in page.actions()]
    assert "Explain this code" in listed["helix"]
    assert "Explain the selection" in listed["vscode"]
