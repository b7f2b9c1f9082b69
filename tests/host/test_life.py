"""The host's life in real processes: found, started once, replaced after a kill, gone when idle."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import psutil
import pytest

from qwen_lsp.engine.base import collect
from qwen_lsp.engine.request import ChatPrompt, Lane, Message, Request
from qwen_lsp.errors import EngineUnavailable, HostMismatch
from qwen_lsp.host import launch
from qwen_lsp.host.client import HostEngine
from qwen_lsp.host.control import ask_to_stop, status_of_running, wait_gone
from qwen_lsp.host.launch import running
from qwen_lsp.host.state_file import HostState, read_state, write_state
from qwen_lsp.settings import Settings

pytestmark = pytest.mark.process

ASK = Request(ChatPrompt((Message("user", "python"),)), max_tokens=4096, lane=Lane.ACTION)
SETTINGS = replace(Settings(), host=replace(Settings().host, port=0, page=False))


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A user of its own, whose hosts run the demo engine."""
    monkeypatch.setenv("QWEN_LSP_HOME", str(tmp_path))
    monkeypatch.setenv("QWEN_LSP_ENGINE_KIND", "demo")
    yield tmp_path
    state = read_state()
    if state is not None and status_of_running(state) is not None:
        ask_to_stop(state)
        assert wait_gone(state, 15)
        wait_for(lambda: not alive(state.pid))


def wait_for(holds: Callable[[], object], timeout_s: float = 30.0) -> None:
    deadline = time.monotonic() + timeout_s
    while not holds():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)


def alive(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def gone(pid: int) -> bool:
    return not alive(pid)


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "qwen_lsp", "serve", "--no-page", *arguments]


def start_host() -> subprocess.Popen[bytes]:
    return subprocess.Popen(command("--port", "0"), stderr=subprocess.DEVNULL)


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command(*arguments), capture_output=True, text=True, timeout=60)


async def test_the_first_window_starts_a_host_and_the_second_finds_it(home: Path) -> None:
    one, two = HostEngine(SETTINGS), HostEngine(SETTINGS)
    first, _ = await collect(one, ASK)
    state = read_state()
    assert state is not None
    second, _ = await collect(two, ASK)
    assert first == second
    assert "def " in first
    again = read_state()
    assert again is not None
    assert again.pid == state.pid
    assert (await two.info()).kind == "demo"
    file = home / "run" / "host.json"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert state.token not in repr(state)
    await one.close()
    await two.close()


_WINDOW = """
import asyncio, os, sys
from dataclasses import replace
from qwen_lsp.engine.base import collect
from qwen_lsp.engine.request import *
from qwen_lsp.host.client import HostEngine
from qwen_lsp.host.state_file import read_state
from qwen_lsp.settings import Settings
async def main():
    engine = HostEngine(replace(Settings(), host=replace(Settings().host, port=0, page=False)))
    text, _ = await collect(engine, Request(ChatPrompt((Message("user", "go"),)), max_tokens=4096, lane=Lane.ACTION))
    print(read_state().pid, "package" in text or len(text))
    await engine.close()
asyncio.run(main())
"""


def test_twenty_windows_at_once_get_one_host() -> None:
    windows = [
        subprocess.Popen(
            [sys.executable, "-c", _WINDOW], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        for _ in range(20)
    ]
    told = [w.communicate(timeout=120) for w in windows]
    assert [w.returncode for w in windows] == [0] * 20, told
    assert len({out.split()[0] for out, _ in told}) == 1, told
    log = (Path(os.environ["QWEN_LSP_HOME"]) / "cache" / "host.log").read_text("utf-8")
    assert log.count("listens at") == 1


async def test_a_host_too_busy_to_answer_is_waited_for_and_no_second_is_started(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    engine = HostEngine(SETTINGS)
    await collect(engine, ASK)
    host = running()
    assert host is not None
    looks: list[float] = []

    def look(state: HostState, *, timeout_s: float = 0.2) -> object:
        looks.append(timeout_s)
        return status_of_running(state, timeout_s=0.2)

    monkeypatch.setattr(launch, "status_of_running", look)
    os.kill(host.pid, signal.SIGSTOP)  # it holds its lock, takes connections and says nothing
    try:
        finding = asyncio.create_task(asyncio.to_thread(launch.find_or_start, SETTINGS))
        async with asyncio.timeout(30):
            while len(looks) < 5:  # noqa: ASYNC110 - the other thread tells nobody
                await asyncio.sleep(0.02)
        assert await asyncio.to_thread(launch.still_lives, host.pid)
    finally:
        os.kill(host.pid, signal.SIGCONT)
    assert (await finding).pid == host.pid
    assert (Path(os.environ["QWEN_LSP_HOME"]) / "cache" / "host.log").read_text("utf-8").count(
        "listens at"
    ) == 1
    await engine.close()


async def test_after_a_kill_the_next_request_is_answered_by_a_new_host() -> None:
    engine = HostEngine(SETTINGS)
    before, _ = await collect(engine, ASK)
    old = read_state()
    assert old is not None
    os.kill(old.pid, signal.SIGKILL)
    wait_for(lambda: not alive(old.pid))
    after, _ = await collect(engine, ASK)
    new = running()
    assert after == before
    assert new is not None
    assert new.pid != old.pid
    await engine.close()


async def test_a_kill_in_the_middle_of_answers_ends_each_with_an_error_and_not_a_hang() -> None:
    engine = HostEngine(SETTINGS)
    await collect(engine, ASK)
    state = read_state()
    assert state is not None
    streams = [engine.generate(ASK) for _ in range(4)]
    for stream in streams:
        await anext(stream)
    os.kill(state.pid, signal.SIGKILL)

    async def drain(index: int) -> str:
        try:
            return "".join([c.text async for c in streams[index]])
        except Exception as error:
            return type(error).__name__

    async with asyncio.timeout(20):
        ends = await asyncio.gather(*map(drain, range(4)))
    assert set(ends) == {"GenerationFailed"}
    assert "def " in (await collect(engine, ASK))[0]
    await engine.close()


async def test_a_host_that_keeps_dying_is_not_started_for_ever() -> None:
    settings = replace(SETTINGS, host=replace(SETTINGS.host, max_restarts=1))
    engine = HostEngine(settings)
    for _ in range(2):
        await collect(engine, ASK)
        state = running()
        assert state is not None
        os.kill(state.pid, signal.SIGKILL)
        wait_for(partial(gone, state.pid))
    with pytest.raises(EngineUnavailable, match="died 2 times"):
        await collect(engine, ASK)
    assert (await engine.info()).state == "failed"
    await engine.close()


async def test_a_host_started_by_an_editor_leaves_when_nobody_uses_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("QWEN_LSP_HOST_IDLE_EXIT_S", "1.0")
    engine = HostEngine(SETTINGS)
    await collect(engine, ASK)
    state = read_state()
    assert state is not None
    async with asyncio.timeout(30):
        while "comes back when it is asked" not in (await engine.info()).detail:
            await asyncio.to_thread(time.sleep, 0.05)  # looking does not count as use
    wait_for(partial(gone, state.pid))
    assert running() is None
    assert "def " in (await collect(engine, ASK))[0]
    await engine.close()


async def test_the_users_own_host_takes_over_from_an_editors(home: Path) -> None:
    engine = HostEngine(SETTINGS)
    await collect(engine, ASK)
    old = read_state()
    assert old is not None
    process = start_host()
    wait_for(lambda: (now := running()) is not None and now.pid == process.pid)
    wait_for(lambda: not alive(old.pid))
    assert "def " in (await collect(engine, ASK))[0]
    second = run("--port", "0")
    assert second.returncode == 1
    assert "already runs" in second.stderr
    assert "serve --stop" in second.stderr
    process.terminate()
    assert process.wait(20) == 0
    assert not (home / "run" / "host.json").exists()
    await engine.close()


def test_a_taken_port_is_told_with_who_has_it_and_what_to_do() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = run("--port", str(port))
    assert done.returncode == 1
    assert f"Port {port} is taken" in done.stderr
    assert f"(process {os.getpid()})" in done.stderr
    assert "--port" in done.stderr
    assert done.stdout == ""
    assert "Traceback" not in done.stderr


def test_stop_and_status_say_what_they_find() -> None:
    assert (run("--status").returncode, run("--stop").returncode) == (1, 0)
    process = start_host()
    wait_for(running)
    told = run("--status")
    assert told.returncode == 0
    assert f"process {process.pid}" in told.stdout
    assert run("--stop").returncode == 0
    assert process.wait(20) == 0


def test_an_older_host_of_an_editor_makes_room_and_a_newer_one_is_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    stopped: list[HostState] = []
    monkeypatch.setattr(launch, "ask_to_stop", stopped.append)
    monkeypatch.setattr(launch, "wait_gone", lambda state, timeout_s: True)
    old = HostState("127.0.0.1", 1, 1, "0.0.1", True, "t")
    assert launch._usable(old) is None
    assert stopped == [old]
    with pytest.raises(HostMismatch, match="newer"):
        launch._usable(replace(old, version="99.0"))
    # A release is newer than its own candidate, whatever digits the candidate's name holds.
    monkeypatch.setattr(launch, "__version__", "0.2.0")
    assert launch._usable(replace(old, version="0.2.0rc1")) is None
    monkeypatch.setattr(launch, "__version__", "0.2.0rc1")
    with pytest.raises(HostMismatch, match="newer"):
        launch._usable(replace(old, version="0.2.0"))
    with pytest.raises(HostMismatch, match="serve --stop"):
        launch._usable(replace(old, from_editor=False))


@pytest.mark.parametrize("text", ["", "{", "[]", '{"port": 1}', json.dumps({"port": "x"}), "\x00"])
async def test_a_damaged_state_file_is_as_good_as_none(home: Path, text: str) -> None:
    write_state(HostState("127.0.0.1", 1, 1, "0", True, "t"))
    (home / "run" / "host.json").write_text(text)
    assert read_state() is None
    assert running() is None


def test_finding_a_host_imports_neither_httpx_nor_mlx() -> None:
    code = "import sys; import qwen_lsp.host.client; print([m for m in ('httpx', 'mlx', 'fastapi', 'gradio', 'uvicorn') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
