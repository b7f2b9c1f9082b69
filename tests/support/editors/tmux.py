"""A terminal program (Helix, Vim) in a tmux of its own, typed into and looked at; a missing one fails, never skips."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

TOOLS = Path(os.environ.get("QWEN_LSP_TEST_EDITORS", Path.home() / ".cache" / "test-editors"))
TIMEOUT_S = 60.0


class Terminal:
    """One tmux server with one window."""

    def __init__(self, home: Path, argv: list[str], environment: dict[str, str]) -> None:
        program = shutil.which("tmux")
        assert program, "tmux is missing; `.ci/install-tools full` installs it"
        self._tmux = [program, "-S", str(home / "tmux"), "-f", "/dev/null"]
        own = {k: v for k, v in os.environ.items() if k not in ("TMUX", "TERM")}
        self._environment = {**own, "TERM": "xterm-256color", "LC_ALL": "C.UTF-8", **environment}
        self._run("-u", "new-session", "-d", "-x", "120", "-y", "30", *argv)
        self._run("set-option", "-s", "escape-time", "0")

    def _run(self, *words: str) -> str:
        done = subprocess.run(
            [*self._tmux, *words],
            env=self._environment,
            capture_output=True,
            text=True,
            timeout=20,
            check=False,
        )
        return done.stdout

    def type(self, text: str) -> None:
        """Letters, as they are."""
        self._run("send-keys", "-l", text)

    def press(self, *keys: str) -> None:
        """Keys by tmux's names: Escape, Enter, C-x."""
        self._run("send-keys", *keys)

    def screen(self) -> str:
        """What is to be seen."""
        return self._run("capture-pane", "-p")

    def until(self, text: str) -> None:
        """Wait until this is on the screen."""
        self.wait(lambda: text in self.screen(), f"{text!r} on the screen")

    def wait(self, claim: Callable[[], bool], what: str) -> None:
        """Wait for a condition."""
        deadline = time.monotonic() + TIMEOUT_S
        while not claim():
            assert time.monotonic() < deadline, f"not within {TIMEOUT_S:.0f} s: {what}\n{self.screen()}"
            time.sleep(0.05)

    def close(self) -> None:
        """End the program and its tmux."""
        self._run("kill-server")


@contextlib.contextmanager
def terminal(home: Path, argv: list[str], environment: dict[str, str]) -> Iterator[Terminal]:
    """A program on the screen until the block ends."""
    opened = Terminal(home, argv, environment)
    try:
        yield opened
    finally:
        opened.close()


def program_file(file: Path, command: list[str]) -> Path:
    """A program of one word that runs the command, whatever arguments an editor adds."""
    quoted = " ".join("'" + part.replace("'", "'\\''") + "'" for part in command)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(f"#!/bin/sh\nexec {quoted}\n")
    file.chmod(0o755)
    return file
