"""A real Neovim, driven over its own RPC; installed when it is not there, and never skipped."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import pynvim

from tests.support.repository import REPOSITORY

PLUGIN = REPOSITORY / "editors" / "neovim"
TIMEOUT_S = 30.0

Value = TypeVar("Value")


def neovim(suite: str = "forky") -> Path:
    """The program of a Debian suite's Neovim (forky: 0.12, trixie: 0.10), installed first when missing."""
    name = "nvim" if suite == "forky" else f"nvim-{suite}"
    folder = Path.home() / ".cache" / "test-editors" / name
    program = folder / "bin" / "nvim"
    if not program.exists():
        script = REPOSITORY / ".ci" / "editors" / "install-nvim.sh"
        done = subprocess.run(
            ["bash", str(script), str(folder)],
            env={**os.environ, "NVIM_SUITE": suite},
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        assert done.returncode == 0, f"Neovim cannot be installed:\n{done.stdout}{done.stderr}"
    return program


class Neovim:
    """One headless Neovim with our plugin on its runtimepath and nothing else of the user's."""

    def __init__(
        self, home: Path, *, suite: str = "forky", environment: dict[str, str] | None = None
    ) -> None:
        for name in ("config", "data", "state", "cache", "run"):
            (home / name).mkdir(parents=True, exist_ok=True)
        self._home = home
        self._environment = {
            "XDG_CONFIG_HOME": str(home / "config"),
            "XDG_DATA_HOME": str(home / "data"),
            "XDG_STATE_HOME": str(home / "state"),
            "XDG_CACHE_HOME": str(home / "cache"),
            "XDG_RUNTIME_DIR": str(home / "run"),
            **(environment or {}),
        }
        argv = [str(neovim(suite)), "--headless", "--embed", "--clean", "-n"]
        argv += ["--cmd", f"set rtp^={PLUGIN}", "--cmd", "set shortmess+=I noswapfile"]
        before = dict(os.environ)
        os.environ.update(self._environment)
        try:
            self.nvim = pynvim.attach("child", argv=argv)
        finally:
            os.environ.clear()
            os.environ.update(before)

    def close(self) -> None:
        """Leave without saving."""
        with contextlib.suppress(EOFError, OSError):  # it is gone before it can answer
            self.nvim.command("qa!")
        self.nvim.close()
        shutil.rmtree(self._home / "run", ignore_errors=True)

    def lua(self, code: str, *arguments: Any) -> Any:
        """Run Lua in the editor; `...` are the arguments."""
        return self.nvim.exec_lua(code, *arguments)

    def setup(self, command: list[str], **options: Any) -> None:
        """What a user's init.lua does."""
        self.lua("require('qwen_lsp').setup(...)", {"cmd": command, **options})

    def edit(self, file: Path) -> None:
        """Open a file and wait until our server is attached and has finished `initialize`."""
        self.nvim.command(f"edit {file}")
        self.until(
            lambda: self.lua(
                "local c = vim.lsp.get_clients({bufnr = 0, name = 'qwen_lsp'})[1]"
                " return c ~= nil and c.initialized == true"
            ),
            "the server attaches",
        )

    def type(self, keys: str) -> None:
        """Press keys, as they are written in mappings."""
        self.nvim.input(keys)

    def apply_action(self, title: str) -> None:
        """Choose a code action by its title, as a user would in the menu."""
        self.lua(
            "local title = ... vim.lsp.buf.code_action({apply = true,"
            " filter = function(action) return action.title == title end})",
            title,
        )

    @property
    def lines(self) -> list[str]:
        """The buffer."""
        return list(self.nvim.current.buffer[:])

    @property
    def mode(self) -> str:
        """The mode's first letter."""
        return str(self.nvim.api.get_mode()["mode"])

    def ghost(self) -> str:
        """The ghost text on the screen; empty when there is none."""
        marks = self.lua(
            "local ns = vim.api.nvim_get_namespaces()['nvim.lsp.inline_completion']"
            " return ns and vim.api.nvim_buf_get_extmarks(0, ns, 0, -1, {details = true}) or {}"
        )
        texts = []
        for *_, details in marks:
            parts = [details.get("virt_text", []), *details.get("virt_lines", [])]
            texts.append("\n".join("".join(chunk[0] for chunk in part) for part in parts))
        return "".join(texts)

    def until(self, holds: Callable[[], Value], what: str) -> Value:
        """Wait until something holds; its value."""
        deadline = time.monotonic() + TIMEOUT_S
        while not (value := holds()):
            assert time.monotonic() < deadline, f"waited {TIMEOUT_S} s in vain: {what}\n{self.report()}"
            time.sleep(0.01)
        return value

    def until_ghost(self, text: str) -> None:
        """Wait until exactly this ghost text shows."""
        self.until(lambda: self.ghost() == text, f"ghost text {text!r} (it is {self.ghost()!r})")

    def until_lines(self, lines: list[str]) -> None:
        """Wait until the buffer is exactly this."""
        self.until(lambda: self.lines == lines, f"the buffer {lines!r}")

    def report(self) -> str:
        """What helps when a wait was in vain."""
        log = self._home / "state" / "nvim" / "lsp.log"
        tail = log.read_text(errors="replace")[-3000:] if log.exists() else ""
        messages = self.nvim.command_output("messages")
        return f"mode {self.mode}\nbuffer {self.lines!r}\nmessages {messages}\nlsp.log\n{tail}"
