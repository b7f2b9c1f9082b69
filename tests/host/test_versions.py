"""Windows and hosts of different versions, in real processes: an editor's older host makes room, nothing else is stopped."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

from qwen_lsp import __version__
from qwen_lsp.engine.base import collect
from qwen_lsp.engine.request import ChatPrompt, Lane, Message, Request
from qwen_lsp.errors import EngineUnavailable
from qwen_lsp.host.client import HostEngine
from qwen_lsp.host.control import ask_to_stop, status_of_running, wait_gone
from qwen_lsp.host.launch import running
from qwen_lsp.host.state_file import HostState, read_state
from qwen_lsp.settings import Settings

pytestmark = pytest.mark.process

ASK = Request(ChatPrompt((Message("user", "python"),)), max_tokens=4096, lane=Lane.ACTION)
SETTINGS = replace(Settings(), host=replace(Settings().host, port=0, page=False))
_OTHER = "import sys, qwen_lsp; qwen_lsp.__version__ = sys.argv.pop(1); from qwen_lsp.cli.main import main; sys.exit(main())"

StartOther = Callable[..., tuple[subprocess.Popen[bytes], HostState]]


@pytest.fixture
def start_other(own_home: object, monkeypatch: pytest.MonkeyPatch) -> Iterator[StartOther]:
    """Starts a host of another version."""
    monkeypatch.setenv("QWEN_LSP_ENGINE_KIND", "demo")
    started: list[subprocess.Popen[bytes]] = []

    def start(version: str, *arguments: str) -> tuple[subprocess.Popen[bytes], HostState]:
        command = [sys.executable, "-c", _OTHER, version, "serve", "--no-page", "--port", "0", *arguments]
        process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
        started.append(process)
        deadline = time.monotonic() + 30
        while (state := running()) is None or state.pid != process.pid:
            assert time.monotonic() < deadline, "the other host did not start"
            time.sleep(0.02)
        assert state.version == version
        return process, state

    yield start
    state = read_state()
    if state is not None and status_of_running(state) is not None:
        ask_to_stop(state)
        assert wait_gone(state, 15)
    for process in started:
        process.wait(20)


async def test_an_editors_older_host_leaves_properly_and_the_new_one_answers(start_other: StartOther) -> None:
    process, old = start_other("0.0.1", "--from-editor")
    window = HostEngine(SETTINGS)
    text, _ = await collect(window, ASK)
    assert "def " in text
    new = running()
    assert new is not None
    assert (new.version, new.from_editor) == (__version__, True)
    assert new.pid != old.pid
    assert process.wait(20) == 0
    await window.close()


async def test_a_newer_host_stays_and_the_window_says_what_to_do(start_other: StartOther) -> None:
    process, state = start_other("99.1", "--from-editor")
    window = HostEngine(SETTINGS)
    with pytest.raises(EngineUnavailable, match=r"newer \(99\.1\).*Restart the editor"):
        await collect(window, ASK)
    info = await window.info()
    assert info.state == "failed"
    assert "Restart the editor" in info.detail
    assert process.poll() is None
    assert running() == state
    await window.close()


async def test_the_users_own_older_host_is_never_stopped_by_a_window(start_other: StartOther) -> None:
    process, state = start_other("0.0.1")
    window = HostEngine(SETTINGS)
    with pytest.raises(EngineUnavailable, match="qwen-lsp serve --stop"):
        await collect(window, ASK)
    assert process.poll() is None
    assert running() == state
    await window.close()
