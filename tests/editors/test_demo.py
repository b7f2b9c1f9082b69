"""The demo folder does what its README says: real Neovim, the real language server, its host, MLX and the starter."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from qwen_lsp.samples import PROGRAMS
from tests.support.editors.nvim import Neovim
from tests.support.repository import REPOSITORY

DEMO = REPOSITORY / "editors" / "demo"
CODE = {program.file_name: program.code for program in PROGRAMS}


def test_the_program_to_finish_is_the_beginning_of_one_the_starter_knows() -> None:
    begun = (DEMO / "fibonacci.py").read_text("utf-8")
    assert CODE["fibonacci.py"].startswith(begun)
    assert len(begun) < len(CODE["fibonacci.py"])


def test_the_file_with_carriage_returns_has_them_and_a_form_feed() -> None:
    raw = (DEMO / "dos.py").read_bytes()
    assert raw.count(b"\r\n") == raw.count(b"\n") > 3
    assert b"\f" in raw
    assert not raw.isascii()


@pytest.mark.editor
def test_document_adds_the_docstrings_and_nothing_else(vim: Neovim, tmp_path: Path) -> None:
    shutil.copytree(DEMO, tmp_path / "demo")
    vim.edit(tmp_path / "demo" / "gcd.py")
    state = "return (require('qwen_lsp.state').get() or {}).state"
    vim.until(lambda: vim.lua(state) == "ready", "the model is loaded")
    vim.lua(
        "local last = vim.api.nvim_buf_line_count(0)"
        " vim.lsp.buf.code_action({apply = true, range = {start = {1, 0}, ['end'] = {last, 999}},"
        " filter = function(action) return action.title == 'Document' end})"
    )
    vim.until_lines(CODE["gcd.py"].rstrip("\n").split("\n"))
