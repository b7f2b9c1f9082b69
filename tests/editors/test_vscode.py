"""Real VS Code in a real Chromium with our packaged extension; what the server suggests is written down."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator

import pytest

from tests.support.diary import pids
from tests.support.editors.typist import type_fast
from tests.support.editors.vscode_scene import Scene, scripted_vscode
from tests.support.lsp.wire import asked, counts
from tests.support.scripted_assistant import Line

pytestmark = [pytest.mark.editor, pytest.mark.browser, pytest.mark.heavy]

LINES = [
    Line("def add(", ("a, b):\n    return a + b\n", "x, y):\n    return x + y\n")),
    Line("é = wörd(", ("one) + two",)),
    Line("slow", (), hang=True),
]


FILES = {
    "all.py": "é = 1\f\n\n",
    "word.py": "",
    "next.py": "",
    "dos.py": "é = 1\f\r\nb = 2\r\n",
    "fast.py": "",
    "setting.py": "",
    "list.py": "é = 1\f\r\n",
    "action.py": "é = 1\f\ndef é(a):\n    return a\n",
    "again.py": "",
    "readme.txt": "here\n",
}
CHANGED = '```python\ndef é(a):\n    """Return a."""\n    return a + 1\n```'


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    with scripted_vscode(tmp_path_factory.mktemp("vscode"), FILES, LINES, CHANGED) as scene:
        yield scene


def test_ghost_text_shows_and_tab_accepts_it(scene: Scene) -> None:
    code = scene.fresh("all.py")
    code.type("def add(")
    code.until(lambda: "return a + b" in code.ghost(), "ghost text")
    code.picture("vscode-ghost-text")
    code.page.keyboard.press("Tab")
    code.until(lambda: bool(scene.told("accepted")), "the server hears of it")
    assert code.text() == "é = 1\f\n\ndef add(a, b):\n    return a + b\n"


def test_a_word_is_accepted_and_typing_through_keeps_the_rest(scene: Scene) -> None:
    code = scene.fresh("word.py")
    code.type("é = wörd(")
    code.until(lambda: code.ghost() == "one) + two", "ghost text")
    code.page.keyboard.press("Control+ArrowRight")
    code.until(lambda: code.ghost() == ") + two", "the rest after a word")
    code.type(") +")
    code.until(lambda: code.ghost() == " two", "the rest after typing")
    code.page.keyboard.press("Tab")
    assert code.text() == "é = wörd(one) + two"


def test_the_next_alternative_is_a_key_away(scene: Scene) -> None:
    code = scene.fresh("next.py")
    code.type("def add(")
    code.until(lambda: "return a + b" in code.ghost(), "ghost text")
    code.page.keyboard.press("Alt+]")
    code.until(lambda: "return x + y" in code.ghost(), "the other one")
    code.page.keyboard.press("Escape")


def test_a_crlf_file_stays_one(scene: Scene) -> None:
    code = scene.fresh("dos.py")
    code.type("def add(")
    code.until(lambda: "return a + b" in code.ghost(), "ghost text")
    code.page.keyboard.press("Tab")
    assert code.text() == "é = 1\f\r\nb = 2\r\ndef add(a, b):\r\n    return a + b\r\n"


def test_a_fast_typist_gets_exactly_what_was_typed_and_every_answer(scene: Scene) -> None:
    code = scene.fresh("fast.py")
    typed = type_fast(lambda text: code.page.keyboard.type(text), code.page.keyboard.press, 60)
    assert code.text() == typed
    code.until(lambda: scene.told("changed")[-1]["text"] == typed, "the server has the same text")
    assert counts(scene.wire)[0]
    assert asked(scene.wire, "textDocument/completion") == 0  # a list would hide the ghost text
    code.until(lambda: not set.difference(*counts(scene.wire)), "every request is answered")


def test_an_action_that_changes_more_than_asked_is_previewed(scene: Scene) -> None:
    code = scene.fresh("action.py")
    code.page.keyboard.press("ArrowUp")
    code.page.keyboard.press("Control+.")
    choice = code.page.locator('.action-widget .monaco-list-row:has-text("Document")')
    choice.wait_for()
    code.picture("vscode-actions")
    assert code.page.locator(".monaco-editor [class*=sparkle]").count() >= 1
    choice.click()
    code.page.locator('.refactor-preview, [id="refactorPreview"]').first.wait_for()
    apply = code.page.locator('.monaco-button:has-text("Apply"), a:has-text("Apply")').first
    apply.wait_for()
    code.page.locator(".monaco-list-row:has(.highlight) [type=checkbox], .edit-checkbox").last.click()
    code.picture("vscode-preview")
    apply.click()
    code.page.locator('.view-line:has-text("Return a.")').first.wait_for()
    done = 'é = 1\f\ndef é(a):\n    """Return a."""\n    return a + 1\n'
    assert code.text() == done


def test_the_status_bar_tells_the_state_and_a_command_switches_off(scene: Scene) -> None:
    code = scene.code
    code.until(lambda: code.status() == "Qwen", "the status-bar item")
    assert code.page.locator(f"{code.STATUS} .codicon-book").count() == 1
    code.command("Qwen: Switch Suggestions On or Off")
    code.until(lambda: code.status() == "Qwen off", "it says off")
    code.picture("vscode-status-off")
    code.command("Qwen: Switch Suggestions On or Off")
    code.until(lambda: code.status() == "Qwen", "it says on again")


def test_the_menu_of_the_status_bar_says_what_runs(scene: Scene) -> None:
    code = scene.code
    code.page.locator(code.STATUS).click()
    code.page.locator('.quick-input-widget input[placeholder*="No model is used"]').wait_for()
    code.page.locator('.quick-input-list .monaco-list-row:has-text("Open the page")').wait_for()
    code.picture("vscode-menu")
    code.page.keyboard.press("Escape")


def test_statistics_open_from_the_palette(scene: Scene) -> None:
    code = scene.code
    code.command("Qwen: Show Status and Statistics")
    code.page.locator('.view-line:has-text("No model is used")').first.wait_for()
    code.picture("vscode-statistics")


def test_a_changed_setting_holds_without_a_restart(scene: Scene) -> None:
    code = scene.fresh("setting.py")
    code.type("def add(")
    code.until(lambda: "return a + b" in code.ghost(), "ghost text")
    code.page.keyboard.press("Escape")
    code.command("Qwen: Switch Suggestions On or Off for This Language")
    code.until(lambda: scene.told("settings")[-1]["off_languages"] == ["python"], "the server was told")
    kept = json.loads((code.folder / ".vscode" / "settings.json").read_text())
    assert kept == {"qwen_lsp.suggest.off_languages": ["python"]}
    code.command("Qwen: Switch Suggestions On or Off for This Language")
    code.until(lambda: scene.told("settings")[-1]["off_languages"] == [], "and told again")
    assert len(pids(scene.told("settings"))) == 1


def test_suggestions_come_in_the_list_when_that_is_wanted(scene: Scene) -> None:
    code = scene.fresh("list.py")
    chosen = code.folder / ".vscode" / "settings.json"
    chosen.parent.mkdir(exist_ok=True)
    chosen.write_text(json.dumps({"qwen_lsp.suggest.completion_items": "on"}))
    code.until(lambda: scene.told("settings")[-1]["completion_items"] == "on", "the server was told")
    code.type("é = wörd(")
    code.page.keyboard.press("Control+Space")
    row = code.page.locator('.suggest-widget .monaco-list-row:has-text("one) + two")')
    row.wait_for()
    code.picture("vscode-list")
    row.click()
    assert code.text() == "é = 1\f\r\né = wörd(one) + two"
    chosen.write_text("{}")
    code.until(lambda: scene.told("settings")[-1]["completion_items"] == "auto", "and told again")


def test_a_server_that_dies_is_started_again_and_suggests(scene: Scene) -> None:
    code = scene.code
    first = scene.told("settings")[-1]["pid"]
    os.kill(first, signal.SIGKILL)
    code.until(lambda: scene.told("settings")[-1]["pid"] != first, "another server runs")
    scene.fresh("again.py")
    code.type("def add(")
    code.until(lambda: "return a + b" in code.ghost(), "ghost text")
    code.page.keyboard.press("Escape")
    second = scene.told("settings")[-1]["pid"]
    code.command("Qwen: Restart the Language Server")
    code.until(lambda: scene.told("settings")[-1]["pid"] not in (first, second), "a third one runs")


def test_the_walkthrough_opens_and_shows_its_steps(scene: Scene) -> None:
    code = scene.code
    code.command("Welcome: Open Walkthrough")
    code.page.locator('.quick-input-list .monaco-list-row:has-text("Qwen on your own machine")').click()
    for step in ("Install qwen-lsp", "Try it", "Get the real model"):
        code.page.locator(f'.gettingStartedContainer .step-title:has-text("{step}")').wait_for()
    code.picture("vscode-walkthrough")
