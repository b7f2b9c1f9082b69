"""VS Code on the real server, the host it starts and the starter model."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from qwen_lsp.host.launch import running
from qwen_lsp.samples import PROGRAMS
from tests.support.editors.vscode import VSCode, vscode
from tests.support.lsp.client import server_command

pytestmark = [pytest.mark.editor, pytest.mark.browser, pytest.mark.heavy]

PROGRAM = next(program for program in PROGRAMS if program.language == "python")
BEGINNINGS = {f"first_{lines}.py": "\n".join(PROGRAM.code.split("\n")[:lines]) for lines in (3, 4)}


@pytest.fixture
def code(tmp_path: Path, starter_host: pytest.MonkeyPatch) -> Iterator[VSCode]:
    """A window whose server uses the starter and nothing else."""
    starter_host.setenv("QWEN_LSP_RECALL_MODE", "off")
    folder = tmp_path / "work"
    folder.mkdir()
    for name, text in BEGINNINGS.items():
        (folder / name).write_text(text)
    with vscode(tmp_path, folder, server_command()) as window:
        yield window


def test_asked_by_key_before_the_model_is_there_and_after_its_host_was_killed(code: VSCode) -> None:
    takes_what_is_asked_for(code, "first_3.py")
    code.picture("vscode-host")
    first = running()
    assert first
    os.kill(first.pid, signal.SIGKILL)
    takes_what_is_asked_for(code, "first_4.py")
    second = running()
    assert second
    assert second.pid != first.pid


def takes_what_is_asked_for(code: VSCode, name: str) -> None:
    """Ask on a new line of a program that the starter knows, and accept."""
    code.open(name)
    code.page.keyboard.press("Enter")
    asked_until_ghost_text(code)
    code.page.keyboard.press("Tab")
    text = code.text()
    assert len(text.rstrip()) > len(BEGINNINGS[name])
    assert PROGRAM.code.startswith(text.rstrip())


def asked_until_ghost_text(code: VSCode) -> None:
    """Press the key, as a person does who sees nothing come: a few times, some seconds apart."""
    for _ in range(6):
        code.page.keyboard.press("Alt+\\")
        for _ in range(100):
            if code.ghost():
                return
            code.page.wait_for_timeout(100)
    code.picture("vscode-failure")
    raise AssertionError(f"no ghost text by six presses; the status is {code.status()!r}")
