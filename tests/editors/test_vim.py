"""Real Vim 9 with ALE in a terminal and editors/vim/qwen_lsp.vim, the poorest of the clients."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.editors.terminal import terminal_editor
from tests.support.scripted_assistant import Line

pytestmark = [pytest.mark.editor, pytest.mark.heavy]


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_the_suggestion_is_in_the_completion_list(tmp_path: Path, newline: str) -> None:
    before = "é = []\f\n".replace("\n", newline)
    lines = [Line("é.app", ("end_wörd", "end_all(wörd)"))]
    with terminal_editor("vim", tmp_path, before, lines) as vim:
        vim.new_last_line()
        vim.terminal.type("é.app")
        vim.terminal.until("append_wörd")
        # ALE shows and inserts a name only, up to the bracket.
        assert "append_all(" not in vim.terminal.screen()
        vim.terminal.press("C-n", "C-y", "Escape")
        vim.saved(f"{before}é.append_wörd{newline}".encode())
        assert vim.told("opened")[0]["text"].replace("\r\n", "\n") == "é = []\f\n"
