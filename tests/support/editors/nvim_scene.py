"""A Neovim over a language server that says what a test wrote down."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.support.diary import told
from tests.support.editors.nvim import Neovim
from tests.support.lsp.action_server import action_command
from tests.support.lsp.other_server import other_command
from tests.support.lsp.scripted_server import scripted_command
from tests.support.lsp.wire import watched
from tests.support.scripted_assistant import Line, write_script


class Scene:
    """A Neovim on one file, and the diary of the server behind it."""

    def __init__(self, home: Path, suite: str = "forky") -> None:
        self._home = home
        self._diary = home / "diary.jsonl"
        self.wire = home / "wire.log"
        self.vim = Neovim(home, suite=suite, environment={"QWEN_LSP_HOME": str(home / "qwen")})

    def start(self, text: str, lines: Sequence[Line], name: str = "sample.py", **options: Any) -> Neovim:
        """Open a file with this text."""
        script = self._home / "script.json"
        write_script(script, lines)
        return self._open(text, name, scripted_command(script, self._diary), options)

    def start_watched(self, lines: Sequence[Line]) -> Neovim:
        """Open an empty file; the wire is written down."""
        script = self._home / "script.json"
        write_script(script, lines)
        return self._open("", "sample.py", watched(self.wire, scripted_command(script, self._diary)), {})

    def start_actions(self, text: str, answer: str, name: str = "sample.py", **options: Any) -> Neovim:
        """Open a file with this text; the engine gives this answer to a code action."""
        script = self._home / "answer.json"
        script.write_text(json.dumps({"answer": answer, "finish": "stop"}))
        return self._open(text, name, action_command(script, self._diary), options)

    def start_other(self) -> int:
        """Have another language server work in the same buffer; its client's id."""
        return int(
            self.vim.lua(
                "local id = vim.lsp.start({ name = 'other', cmd = ..., root_dir = vim.fn.getcwd() }, { bufnr = 0 })"
                " vim.wait(20000, function() return vim.lsp.get_client_by_id(id).initialized end)"
                " return id",
                other_command(),
            )
        )

    def _open(self, text: str, name: str, command: list[str], options: dict[str, Any]) -> Neovim:
        file = self._home / name
        file.write_bytes(text.encode())
        self.vim.setup(command, **options)
        self.vim.edit(file)
        return self.vim

    def told(self, event: str) -> list[dict[str, Any]]:
        """What the assistant was told."""
        return told(self._diary, event)
