"""The host is killed at random moments while windows work: they go on, and one new host comes each time."""

from __future__ import annotations

import os
import random
import signal
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import psutil
import pytest

from qwen_lsp.host.control import ask_to_stop, status_of_running, wait_gone
from qwen_lsp.host.launch import running
from qwen_lsp.host.state_file import HostState, read_state
from tests.support.lsp.typing_windows import TypingWindow, typing_windows, what_it_says

pytestmark = pytest.mark.process

WINDOWS = 3
RECOVERY_S = 90.0


@pytest.fixture
def environment(own_home: Path, starter_folder: Path) -> Iterator[dict[str, str]]:
    """Windows whose hosts run the starter model."""
    yield {
        "QWEN_LSP_HOME": str(own_home),
        "QWEN_LSP_ENGINE_MODEL": str(starter_folder),
        "QWEN_LSP_HOST_PORT": "0",
        "QWEN_LSP_HOST_PAGE": "false",
        "QWEN_LSP_HOST_MAX_RESTARTS": "1000",
    }
    state = read_state()
    if state is not None and status_of_running(state) is not None:
        ask_to_stop(state)
        assert wait_gone(state, 20)


@pytest.mark.parametrize("kills", [3, pytest.param(20, marks=pytest.mark.heavy)])
def test_windows_go_on_after_each_kill_and_never_show_a_wrong_text(
    kills: int, environment: dict[str, str], own_home: Path
) -> None:
    chance = random.Random(kills)
    waits: list[float] = []
    with typing_windows(WINDOWS, environment, what_it_says(environment)) as windows:
        all_get_text(windows, after=0.0)
        for _ in range(kills):
            time.sleep(chance.random())  # so that the moment is a random one
            waits.append(kill_and_recover(windows, own_home))
    log = (own_home / "cache" / "host.log").read_text("utf-8", "replace")
    asked = sum(sum(w.counts.values()) for w in windows)
    print(f"{kills} kills, {WINDOWS} windows, {asked} questions: {[dict(w.counts) for w in windows]}")
    print("all windows have text again after, s: " + " ".join(f"{wait:.1f}" for wait in waits))
    assert [w.wrong for w in windows] == [[]] * WINDOWS
    assert log.count("listens at") == kills + 1


def kill_and_recover(windows: Sequence[TypingWindow], home: Path) -> float:
    """Kill the host; the seconds until a request made afterwards has been answered with text in each window."""
    old = host_of(home)
    killed_at = time.monotonic()
    os.kill(old.pid, signal.SIGKILL)
    all_get_text(windows, after=killed_at, home=home)
    new = host_of(home)
    assert new.pid != old.pid
    assert len(hosts_in(home)) == 1
    assert all(window.client.process.poll() is None for window in windows)
    return time.monotonic() - killed_at


def all_get_text(windows: Sequence[TypingWindow], after: float, home: Path | None = None) -> None:
    """Wait until each window got a suggestion for a question it asked after that moment."""
    until = time.monotonic() + RECOVERY_S
    while not all(window.last_text_at > after for window in windows):
        problems = [window.problem for window in windows if window.problem is not None]
        assert not problems, problems
        assert time.monotonic() < until, [(dict(w.counts), w.client.stderr[-500:]) for w in windows]
        if home is not None:
            assert len(hosts_in(home)) <= 1, "two hosts at once"
        time.sleep(0.05)


def host_of(home: Path) -> HostState:
    state = running()
    assert state is not None
    return state


def hosts_in(home: Path) -> list[int]:
    """The processes that hold the host's place in this home: those that answer its port or are coming up."""
    found = []
    for process in psutil.process_iter(["cmdline", "status"]):
        words = process.info["cmdline"] or []
        if "--from-editor" not in words or process.info["status"] == psutil.STATUS_ZOMBIE:
            continue
        try:
            if process.environ().get("QWEN_LSP_HOME") == str(home):
                found.append(process.pid)
        except psutil.Error:
            continue  # it left just now
    return found
