"""Real processes of the command line, each with a home of its own."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from qwen_lsp.host.state_file import read_state
from qwen_lsp.samples import PROGRAMS

Run = Callable[..., subprocess.CompletedProcess[str]]
Start = Callable[..., str]
TIMEOUT_S = 90.0


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "qwen_lsp", *arguments]


@pytest.fixture
def run() -> Run:
    """Run `qwen-lsp` to its end."""

    def run_it(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        own = {**os.environ, **environment}
        return subprocess.run(
            command(*arguments), env=own, capture_output=True, text=True, timeout=TIMEOUT_S, check=False
        )

    return run_it


@pytest.fixture
def start() -> Iterator[Start]:
    """Start `qwen-lsp serve` on a free port; its address once it listens."""
    processes: list[subprocess.Popen[bytes]] = []

    def start_it(*arguments: str) -> str:
        process = subprocess.Popen(
            command("serve", "--port", "0", *arguments), stderr=subprocess.PIPE, stdout=subprocess.DEVNULL
        )
        processes.append(process)
        deadline = time.monotonic() + TIMEOUT_S
        while (state := read_state()) is None or state.pid != process.pid:
            assert process.poll() is None, process.stderr.read().decode() if process.stderr else ""
            assert time.monotonic() < deadline, "the host does not listen"
            time.sleep(0.05)
        return state.url

    yield start_it
    for process in processes:
        state = read_state()
        if state is not None and state.pid == process.pid:
            process.terminate()
        assert process.wait(30) == 0


def until_ready(url: str) -> None:
    """Wait until the model answers."""
    deadline = time.monotonic() + TIMEOUT_S
    while httpx.get(f"{url}/health").status_code != 200:
        assert time.monotonic() < deadline, httpx.get(f"{url}/health").text
        time.sleep(0.05)


@pytest.fixture
def programs(tmp_path: Path) -> Path:
    """A folder with the starter's programs."""
    folder = tmp_path / "programs"
    folder.mkdir()
    for program in PROGRAMS:
        (folder / program.file_name).write_text(program.code)
    return folder
