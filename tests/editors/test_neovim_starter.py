"""The main job, end to end: real Neovim, the real language server, the host it starts, MLX and the starter model."""

from __future__ import annotations

from pathlib import Path

import pytest

from qwen_lsp.samples import PROGRAMS, Program
from tests.support.editors.nvim import Neovim

pytestmark = pytest.mark.editor

MOST_STEPS = 24


def python_program() -> Program:
    return next(program for program in PROGRAMS if program.language == "python")


def accept(vim: Neovim, rest: str) -> None:
    """Wait for ghost text, see that the program goes on with it, and take it."""
    before = vim.lines
    ghost = vim.until(vim.ghost, f"ghost text; the program goes on with {rest!r}")
    assert rest.startswith(ghost.rstrip("\n")), f"suggested {ghost!r}, the program goes on with {rest!r}"
    vim.type("<Tab>")
    vim.until(lambda: vim.lines != before, "the suggestion is in the buffer")


def beginning(vim: Neovim, tmp_path: Path) -> Program:
    """Open the first half of a program that the starter knows, the cursor at its start."""
    program = python_program()
    lines = program.code.rstrip("\n").split("\n")
    file = tmp_path / program.file_name
    file.write_text("\n".join(lines[: len(lines) // 2]) + "\n")
    vim.edit(file)
    return program


def test_who_types_before_the_model_is_there_needs_no_further_key(vim: Neovim, tmp_path: Path) -> None:
    code = beginning(vim, tmp_path).code
    vim.nvim.command("setlocal noautoindent indentexpr=")  # the starter knows the line at its own depth only
    vim.type("Go")
    vim.until(lambda: vim.mode == "i", "insert mode")
    ghost = vim.until(vim.ghost, "ghost text")
    assert ghost.strip() in code


def test_the_second_half_of_a_program_is_suggested_and_accepted(vim: Neovim, tmp_path: Path) -> None:
    lines = beginning(vim, tmp_path).code.rstrip("\n").split("\n")
    state = "return (require('qwen_lsp.state').get() or {}).state"
    vim.until(lambda: vim.lua(state) == "ready", "the model is loaded")
    vim.nvim.command("setlocal noautoindent indentexpr=")
    vim.type("Go")
    vim.until(lambda: vim.mode == "i", "insert mode")
    accepted = 0
    for _ in range(MOST_STEPS):
        rest = "\n".join(lines)[len("\n".join(vim.lines)) :]
        if not rest:
            break
        if rest.startswith("\n"):  # a finished block: the user goes on to the next line
            count = len(vim.lines)
            vim.type("<CR>")
            vim.until(lambda count=count: len(vim.lines) == count + 1, "a new line")  # type: ignore[misc]
        else:
            accept(vim, rest)
            accepted += 1
    assert vim.lines == lines
    assert 0 < accepted <= len(lines) - len(lines) // 2
