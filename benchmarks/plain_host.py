"""A host of its own whose engine keeps nothing and never waits: what is measured on it is the host.

python -m benchmarks.plain_host     (in the QWEN_LSP_HOME of the caller)
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import subprocess
import sys
import time
from collections.abc import AsyncGenerator, Iterator
from dataclasses import replace
from pathlib import Path

from qwen_lsp.engine.request import Chunk, EngineInfo, Request
from qwen_lsp.engine.stubs.demo import DemoEngine
from qwen_lsp.host.control import ask_to_stop, status_of_running
from qwen_lsp.host.state_file import HostState, read_state
from qwen_lsp.server.lifecycle import serve
from qwen_lsp.settings import Settings

_START_S = 60.0


class CountingEngine(DemoEngine):
    """The demo at full speed, that counts what is under way."""

    def __init__(self) -> None:
        super().__init__(pause_s=0.0)
        self._in_flight = 0

    async def generate(self, request: Request) -> AsyncGenerator[Chunk, None]:
        """As the demo does it."""
        self._in_flight += 1
        try:
            async for chunk in super().generate(request):
                yield chunk
        finally:
            self._in_flight -= 1

    async def info(self) -> EngineInfo:
        """With a gauge of what is under way."""
        return replace(await super().info(), fim="qwen", load=(("in_flight", float(self._in_flight)),))


@contextlib.contextmanager
def plain_host(home: Path) -> Iterator[HostState]:
    """Such a host while the block lasts."""
    os.environ["QWEN_LSP_HOME"] = str(home)
    process = subprocess.Popen([sys.executable, "-m", "benchmarks.plain_host"], stderr=subprocess.DEVNULL)
    try:
        yield wait_for_host(process)
    finally:
        state = read_state()
        if state is not None:
            ask_to_stop(state)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def wait_for_host(process: subprocess.Popen[bytes]) -> HostState:
    """The state of the host that this process becomes."""
    until = time.monotonic() + _START_S
    while time.monotonic() < until and process.poll() is None:
        state = read_state()
        if state is not None and status_of_running(state) is not None:
            return state
        time.sleep(0.05)
    raise TimeoutError("the host did not start")


if __name__ == "__main__":
    _settings = Settings()
    _settings = replace(_settings, host=replace(_settings.host, port=0))
    raise SystemExit(asyncio.run(serve(_settings, CountingEngine(), None)))
