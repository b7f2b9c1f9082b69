"""The engine's last status, so that a keystroke need not ask for it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from qwen_lsp.engine.base import Engine
from qwen_lsp.engine.request import EngineInfo

_FRESH_S = 5.0
_PATIENCE_S = 1.0
_LOADING_POLL_S = 0.2
LOADING_PATIENCE_S = 8.0
"""How long a request by key waits for a model that loads: shorter than lsp-mode's timeout, which is 10 s."""


class EngineStatus:
    """Queries the engine's status: before each answer while it is not ready, in the background when it is."""

    def __init__(self, engine: Engine, clock: Callable[[], float] = time.monotonic) -> None:
        self._engine = engine
        self._clock = clock
        self._queried_at = 0.0
        self._querying: asyncio.Task[EngineInfo] | None = None
        self.last: EngineInfo | None = None

    async def info(self) -> EngineInfo:
        """The engine's status, at most a few seconds old."""
        last = self.last
        if last is not None and last.state == "ready":
            if self._clock() - self._queried_at > _FRESH_S:
                self._query()
            return last
        query = self._query()
        try:
            return await asyncio.wait_for(asyncio.shield(query), _PATIENCE_S)
        except TimeoutError:
            return last or EngineInfo("none", "", "loading", "The engine does not say how it is.")

    async def loaded(self, patience_s: float = LOADING_PATIENCE_S) -> EngineInfo:
        """The status once the model has loaded, or as it is when the patience ends."""
        end = self._clock() + patience_s
        while (info := await self.info()).state == "loading" and self._clock() < end:  # noqa: ASYNC110 - it can only be polled
            await asyncio.sleep(_LOADING_POLL_S)
        return info

    def invalidate(self) -> None:
        """After a failure: query it before the next use."""
        self._queried_at = 0.0
        if self.last is not None and self.last.state == "ready":
            self.last = None

    async def close(self) -> None:
        """Stop querying."""
        if self._querying is not None:
            self._querying.cancel()
            await asyncio.gather(self._querying, return_exceptions=True)

    def _query(self) -> asyncio.Task[EngineInfo]:
        if self._querying is None or self._querying.done():
            self._queried_at = self._clock()
            self._querying = asyncio.ensure_future(self._engine.info())
            self._querying.add_done_callback(self._received)
        return self._querying

    def _received(self, query: asyncio.Task[EngineInfo]) -> None:
        if not query.cancelled() and query.exception() is None:
            self.last = query.result()
