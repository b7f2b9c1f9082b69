"""One deed of several steps, such as a loop of rounds or an action on a file: tells its news, and Stop ends it anywhere."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Callable, Coroutine
from contextlib import suppress
from typing import Any, Generic, Literal, TypeVar

from qwen_lsp.errors import QwenLspError

N = TypeVar("N")
State = Literal["working", "done", "stopped", "failed"]
_HEARTBEAT_S = 1.0
_LOG = logging.getLogger(__name__)


class BackgroundTask(Generic[N]):
    """Runs `deed`, which is given a function to tell its news with. Lives on the page's loop."""

    def __init__(self, deed: Callable[[Callable[[N], None]], Coroutine[Any, Any, None]], first: N) -> None:
        self.news = first
        self.state: State = "working"
        self.error = ""
        self._deed = deed
        self._changed = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    @property
    def ended(self) -> bool:
        """Whether nothing more will come."""
        return self.state != "working"

    def stop(self) -> None:
        """Cancel the deed where it stands; its news so far stay. Safe to call at any time, also twice."""
        if not self.ended:
            self._end("stopped")
        if self._task is not None:
            self._task.cancel()

    async def updates(self) -> AsyncGenerator[BackgroundTask[N], None]:
        """Yield at every news and, for pages that went away, every second; the last time when all is over."""
        self._task = asyncio.create_task(self._run())
        try:
            yield self
            told_end = False
            while not told_end:
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._changed.wait(), _HEARTBEAT_S)
                self._changed.clear()
                told_end = self.ended
                yield self
        finally:
            self.stop()
            with suppress(asyncio.CancelledError):
                await self._task

    async def _run(self) -> None:
        try:
            await self._deed(self._tell)
            if not self.ended:
                self._end("done")
        except QwenLspError as error:
            self._fail(str(error))
        except Exception as error:
            _LOG.exception("a deed of the page broke off")
            self._fail(f"{type(error).__name__}: {error}")

    def _tell(self, news: N) -> None:
        if not self.ended:
            self.news = news
            self._changed.set()

    def _fail(self, why: str) -> None:
        if not self.ended:
            self.error = why
            self._end("failed")

    def _end(self, state: State) -> None:
        self.state = state
        self._changed.set()
