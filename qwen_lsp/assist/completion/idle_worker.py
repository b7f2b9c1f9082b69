"""Idle work: started when no request is open, cancelled as soon as one comes. One piece at a time."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

from qwen_lsp.errors import QwenLspError

log = logging.getLogger(__name__)


class IdleWorker:
    """Runs the newest piece of idle work after a short pause."""

    def __init__(self) -> None:
        self._task: asyncio.Task[None] | None = None
        self.dropped = 0
        self.finished = 0

    def start(self, work: Callable[[], Awaitable[None]], pause_s: float) -> None:
        """Run this after the pause, instead of what was planned before."""
        self.cancel()
        self._task = asyncio.ensure_future(self._run(work, pause_s))

    def cancel(self) -> None:
        """Cancel what is planned or running."""
        task, self._task = self._task, None
        if task is not None and not task.done():
            self.dropped += 1
            task.cancel()

    async def wait(self) -> None:
        """Wait until the running piece is done; for tests."""
        if self._task is not None:
            await asyncio.wait([self._task])

    async def close(self) -> None:
        """Cancel it and wait until it has ended."""
        task = self._task
        self.cancel()
        if task is not None:
            await asyncio.gather(task, return_exceptions=True)

    async def _run(self, work: Callable[[], Awaitable[None]], pause_s: float) -> None:
        await asyncio.sleep(pause_s)
        try:
            await work()
            self.finished += 1
        except QwenLspError as error:
            log.debug("Idle work ended: %s", error)
        except Exception:
            log.exception("Idle work failed")
