"""Real VS Code in a real Chromium with our packaged extension; what the server suggests is written down."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.scripted_assistant import Line, write_script
from tests.support.scripted_server import scripted_command
from tests.support.vscode import VSCode, vscode

pytestmark = [pytest.mark.editor, pytest.mark.browser, pytest.mark.heavy]

LINES = [
    Line("def add(", ("a, b):\n    return a + b\n", "x, y):\n    return x + y\n")),
    Line("é = wörd(", ("one) + two",)),
    Line("slow", (), hang=True),
]


class Scene:
    """A window and the diary of the server behind it."""

    def __init__(self, code: VSCode, diary: Path) -> None:
        self.code = code
        self._diary = diary

    def told(self, event: str) -> list[dict[str, Any]]:
        """What the assistant was told."""
        if not self._diary.exists():
            return []
        entries = [json.loads(line) for line in self._diary.read_text().splitlines()]
        return [entry for entry in entries if entry["event"] == event]

    def fresh(self, name: str, text: str = "") -> VSCode:
        """A file with this text, open, its server told of it."""
        (self.code.folder / name).write_bytes(text.encode())
        self.code.open(name)
        self.code.until(
            lambda: any(e["uri"].endswith(name) for e in self.told("opened")), "the server knows the file"
        )
        return self.code


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    home = tmp_path_factory.mktemp("vscode")
    folder = home / "work"
    folder.mkdir()
    (folder / "readme.txt").write_text("here\n")
    script, diary = home / "script.json", home / "diary.jsonl"
    write_script(script, LINES)
    with vscode(home, folder, scripted_command(script, diary)) as code:
        yield Scene(code, diary)


def test_ghost_text_shows_and_tab_accepts_it(scene: Scene) -> None:
    code = scene.fresh("all.py", "é = 1\f\n\n")
    code.type("def add(")
    code.until(lambda: "return a + b" in code.ghost(), "ghost text")
    code.picture("vscode-ghost-text")
    code.page.keyboard.press("Tab")
    code.until(lambda: bool(scene.told("accepted")), "the server hears of it")
    assert code.text() == "é = 1\f\n\ndef add(a, b):\n    return a + b\n"


def test_a_word_is_accepted_and_typing_through_keeps_the_rest(scene: Scene) -> None:
    code = scene.fresh("word.py", "")
    code.type("é = wörd(")
    code.until(lambda: code.ghost() == "one) + two", "ghost text")
    code.page.keyboard.press("Control+ArrowRight")
    code.until(lambda: code.ghost() == ") + two", "the rest after a word")
    code.type(") +")
    code.until(lambda: code.ghost() == " two", "the rest after typing")
    code.page.keyboard.press("Tab")
    assert code.text() == "é = wörd(one) + two"


def test_the_next_alternative_is_a_key_away(scene: Scene) -> None:
    code = scene.fresh("next.py", "")
    code.type("def add(")
    code.until(lambda: "return a + b" in code.ghost(), "ghost text")
    code.page.keyboard.press("Alt+]")
    code.until(lambda: "return x + y" in code.ghost(), "the other one")
    code.page.keyboard.press("Escape")


def test_a_crlf_file_stays_one(scene: Scene) -> None:
    code = scene.fresh("dos.py", "a = 1\r\nb = 2\r\n")
    code.type("def add(")
    code.until(lambda: "return a + b" in code.ghost(), "ghost text")
    code.page.keyboard.press("Tab")
    assert code.text() == "a = 1\r\nb = 2\r\ndef add(a, b):\r\n    return a + b\r\n"


def test_a_fast_typist_gets_exactly_what_was_typed(scene: Scene) -> None:
    code = scene.fresh("fast.py", "")
    words = "".join(f"value_{n} = wörd_{n}[{n}]\n" for n in range(12))
    for piece in words.splitlines(keepends=True):
        code.page.keyboard.type(piece + "xx", delay=25)
        code.page.keyboard.press("Backspace")
        code.page.keyboard.press("Backspace")
    assert code.text() == words


def test_the_status_bar_tells_the_state_and_its_menu_switches_off(scene: Scene) -> None:
    code = scene.code
    code.until(lambda: "Qwen" in code.status(), "the status-bar item")
    code.command("Qwen: Switch Suggestions On or Off")
    code.until(lambda: "off" in code.status(), "it says off")
    code.picture("vscode-status-off")
    code.command("Qwen: Switch Suggestions On or Off")
    code.until(lambda: "off" not in code.status(), "it says on again")


def test_a_changed_setting_holds_without_a_restart(scene: Scene) -> None:
    code = scene.fresh("setting.py", "")
    code.set(**{"qwen_lsp.suggest.off_languages": ["python"]})
    code.until(
        lambda: any(e.get("off_languages") == ["python"] for e in scene.told("settings")),
        "the server was told",
    )
    code.set(**{"qwen_lsp.suggest.off_languages": []})
