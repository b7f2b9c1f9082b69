"""Real Vim 9 with ALE in a terminal and editors/vim/qwen_lsp.vim, the poorest of the clients."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest

from tests.support.scripted_assistant import Line, write_script
from tests.support.scripted_server import REPOSITORY, scripted_command
from tests.support.tmux import program_file, terminal

pytestmark = [pytest.mark.editor, pytest.mark.heavy]

VIMRC = """
set nocompatible encoding=utf-8 noswapfile viminfo= nofixeol
packadd! ale
filetype plugin on
let g:ale_linters_explicit = 1
let g:ale_linters = {'python': ['qwen_lsp']}
source %s
"""


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_the_suggestion_is_in_the_completion_list(tmp_path: Path, newline: str) -> None:
    vim = shutil.which("vim.nox")
    assert vim, "Vim is missing; `.ci/install-tools full` installs it"
    file, rc = tmp_path / "sample.py", tmp_path / "vimrc"
    before = "é = []\f\n".replace("\n", newline)
    file.write_bytes(before.encode())
    rc.write_text(VIMRC % (REPOSITORY / "editors" / "vim" / "qwen_lsp.vim"))
    script, diary = tmp_path / "script.json", tmp_path / "diary.jsonl"
    write_script(script, [Line("é.app", ("end_wörd", "end_all(wörd)"))])
    program_file(tmp_path / "bin" / "qwen-lsp", scripted_command(script, diary))
    environment = {
        "PATH": f"{tmp_path / 'bin'}:{os.environ['PATH']}",
        "HOME": str(tmp_path),
        "QWEN_LSP_HOME": str(tmp_path / "qwen"),
    }
    with terminal(tmp_path, [vim, "-u", str(rc), str(file)], environment) as window:
        window.wait(lambda: diary.exists() and '"opened"' in diary.read_text(), "the server knows the file")
        window.type("Go")
        window.type("é.app")
        window.until("append_wörd")
        assert "append_all(" not in window.screen()  # ALE shows and inserts a name only, up to the bracket
        window.press("C-n")
        window.press("C-y")
        window.press("Escape")
        window.type(":w")
        window.press("Enter")
        wanted = before + "é.append_wörd" + newline
        window.wait(lambda: file.read_bytes().decode() == wanted, f"the file is saved: {file.read_bytes()!r}")
    opened = [json.loads(line) for line in diary.read_text().splitlines() if '"opened"' in line]
    assert opened[0]["text"].replace("\r\n", "\n") == "é = []\f\n"
