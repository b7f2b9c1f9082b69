"""Real Helix in a terminal with editors/helix/languages.toml, `qwen-lsp` on its PATH being a scripted server."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.editors.terminal import Desk, terminal_editor
from tests.support.scripted_assistant import Line

pytestmark = [pytest.mark.editor, pytest.mark.heavy]

TEXT = "def é(a):\n    return a\n\n\né = []\f\n"
DOCUMENTED = '```python\ndef é(a):\n    """Return a."""\n    return a\n```'


@pytest.fixture(params=["\n", "\r\n"], ids=["lf", "crlf"])
def helix(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Desk]:
    text = TEXT.replace("\n", request.param)
    lines = [Line("é.app", ("end(wörd)\né.sort()",))]
    with terminal_editor("helix", tmp_path, text, lines) as desk:
        yield desk


def saved(helix: Desk, text: str) -> None:
    """Save, and see what is in the file."""
    helix.terminal.press("Escape")
    helix.saved(text.replace("\n", "\r\n" if b"\r" in helix.file.read_bytes() else "\n").encode())


def choose_document(helix: Desk, answer: str) -> None:
    """Choose the action "Document"; the model answers this."""
    helix.answer(answer)
    helix.terminal.type("gg")
    helix.terminal.type(" a")
    helix.terminal.until("Document")  # the first of the list, and chosen already
    helix.terminal.press("Enter")


def test_the_suggestion_is_in_the_completion_list(helix: Desk) -> None:
    helix.new_last_line()
    helix.terminal.type("é.app")
    helix.terminal.until("append(wörd) …")
    helix.terminal.press("Tab", "Enter")
    helix.terminal.until("é.sort()")
    saved(helix, TEXT + "é.append(wörd)\né.sort()\n")


def test_a_code_action_is_chosen_and_applied(helix: Desk) -> None:
    choose_document(helix, DOCUMENTED)
    helix.terminal.until("Return a.")
    saved(helix, TEXT.replace("    ret", '    """Return a."""\n    ret'))


@pytest.mark.parametrize("choice", ["Apply", "Discard"])
def test_a_doubtful_edit_is_made_only_when_the_user_agrees(helix: Desk, choice: str) -> None:
    window = helix.terminal
    choose_document(helix, DOCUMENTED.replace("return a\n", "return a + 1\n"))
    window.until("More than documentation was changed")
    window.press(*(("Enter",) if choice == "Apply" else ("Tab", "Enter")))  # the first is chosen already
    window.wait(lambda: "More than documentation" not in window.screen(), "it is answered")
    window.wait(lambda: not set("⣾⣽⣻⢿⡿⣟⣯⣷") & set(window.screen()), "no more work is shown")
    if choice == "Discard":
        saved(helix, TEXT)
    else:
        window.until("return a + 1")
        saved(helix, TEXT.replace("    return a", '    """Return a."""\n    return a + 1'))
