"""Work for the pauses: begun when nobody asks, dropped the moment somebody does. One piece at a time."""

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

    def begin(self, work: Callable[[], Awaitable[None]], pause_s: float) -> None:
        """Do this after the pause, in place of what was planned before."""
        self.drop()
        self._task = asyncio.ensure_future(self._run(work, pause_s))

    def drop(self) -> None:
        """Give up what is planned or under way."""
        task, self._task = self._task, None
        if task is not None and not task.done():
            self.dropped += 1
            task.cancel()

    async def wait(self) -> None:
        """Until the present piece is done (tests and shutdown)."""
        if self._task is not None:
            await asyncio.wait([self._task])

    async def close(self) -> None:
        """Drop it and see it end."""
        task = self._task
        self.drop()
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
