"""Real Emacs, Helix and Vim in a terminal, typed into as by a person."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from tests.support.diary import pids
from tests.support.editors.terminal import Desk, terminal_editor
from tests.support.editors.typist import type_fast
from tests.support.lsp.wire import counts
from tests.support.scripted_assistant import Line

pytestmark = [pytest.mark.editor, pytest.mark.heavy]

EDITORS = ("eglot", "lsp_mode", "helix", "vim")
LINES = [Line("é.app", ("end_wörd",)), Line("def add(", ("a, b):\n    return a + b\n",))]
TAKE = {"helix": ("Tab", "Enter"), "vim": ("C-n", "C-y")}
KEYS = {"Enter": "Enter", "Backspace": "BSpace"}


@pytest.mark.parametrize("editor", EDITORS)
def test_a_fast_typist_gets_exactly_what_was_typed(tmp_path: Path, editor: str) -> None:
    with terminal_editor(editor, tmp_path, "", LINES) as desk:
        desk.insert_at_end()
        window = desk.terminal
        typed = type_fast(window.type, lambda key: window.press(KEYS[key]), 15)
        desk.saved(typed.encode() + (b"\n" if editor == "vim" else b""))  # Vim ends every line
        window.wait(lambda: not set.difference(*counts(desk.wire)), "every request is answered")


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_lsp_mode_keeps_the_rest_while_it_is_typed_into(tmp_path: Path, newline: str) -> None:
    before = "é = 1\f\n".replace("\n", newline)
    with terminal_editor("lsp_mode", tmp_path, before, LINES) as desk:
        desk.insert_at_end()
        desk.terminal.type("é.app")
        desk.terminal.until("é.append_wörd")
        asked = len(desk.told("ask"))
        desk.terminal.type("en")
        desk.terminal.wait(lambda: len(desk.told("ask")) > asked, "asked again")
        desk.terminal.until("é.append_wörd")
        desk.terminal.press("M-Enter")
        desk.saved(f"{before}é.append_wörd".encode())


def test_lsp_mode_takes_a_word_and_a_line_by_key(tmp_path: Path) -> None:
    with terminal_editor("lsp_mode", tmp_path, "é = 1\n", [Line("w = ", ("one + tẃo\nx = é",))]) as desk:
        desk.insert_at_end()
        desk.terminal.type("w = ")
        desk.terminal.until("w = one + tẃo")
        desk.terminal.press("M-f")
        desk.terminal.wait(lambda: len(desk.told("accepted")) == 1, "a word is taken")
        desk.terminal.press("C-e")
        desk.terminal.wait(lambda: len(desk.told("accepted")) == 2, "a line is taken")
        desk.terminal.until("x = é")
        desk.terminal.press("C-g")
        desk.saved("é = 1\nw = one + tẃo".encode())
        assert [entry["chars"] for entry in desk.told("accepted")] == [3, 6]


def kill(desk: Desk) -> None:
    """The server dies of itself, as far as the editor can see."""
    os.kill(pids(desk.told("settings"))[-1], signal.SIGKILL)


@pytest.mark.parametrize("editor", ["helix", "vim"])
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_lists_keep_the_suggestion_while_it_is_typed_into(tmp_path: Path, newline: str, editor: str) -> None:
    before = "é = 1\f\n".replace("\n", newline)
    with terminal_editor(editor, tmp_path, before, LINES) as desk:
        desk.new_last_line()
        desk.terminal.type("é.app")
        desk.terminal.until("append_wörd")
        desk.terminal.type("en")
        desk.terminal.wait(lambda: "é.appen" in desk.terminal.screen(), "typed")
        desk.terminal.until("append_wörd")
        desk.terminal.press(*TAKE[editor])
        desk.terminal.until("é.append_wörd")
        desk.terminal.press("Escape")
        desk.saved(f"{before}é.append_wörd{newline}".encode())


def test_vim_starts_a_server_that_died_again(tmp_path: Path) -> None:
    with terminal_editor("vim", tmp_path, "é = 1\n", LINES) as desk:
        kill(desk)
        desk.new_last_line()
        desk.terminal.type("é.app")
        desk.terminal.wait(lambda: len(desk.told("opened")) == 2, "another server knows the file")
        desk.terminal.type("e")
        desk.terminal.until("append_wörd")
        assert len(pids(desk.told("settings"))) == 2


def test_helix_starts_a_server_that_died_by_its_command(tmp_path: Path) -> None:
    with terminal_editor("helix", tmp_path, "é = 1\n", LINES) as desk:
        kill(desk)
        desk.command("lsp-restart qwen")
        desk.terminal.wait(lambda: len(desk.told("opened")) == 2, "another server knows the file")
        desk.new_last_line()
        desk.terminal.type("é.app")
        desk.terminal.until("append_wörd")


def test_vim_takes_other_settings_at_its_next_check(tmp_path: Path) -> None:
    with terminal_editor("vim", tmp_path, "é = 1\n", LINES) as desk:
        desk.command("let g:qwen_lsp_settings = {'suggest': {'off_languages': ['cobol']}}")
        desk.new_last_line()
        desk.terminal.type("é")
        desk.terminal.press("Escape")
        desk.terminal.wait(lambda: desk.told("settings")[-1]["off_languages"] == ["cobol"], "other settings")
        assert len(pids(desk.told("settings"))) == 1
