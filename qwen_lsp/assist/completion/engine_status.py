"""What the engine last said about itself, so that a keystroke need not ask."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from qwen_lsp.engine.base import Engine
from qwen_lsp.engine.request import EngineInfo

_FRESH_S = 5.0
_PATIENCE_S = 1.0
_LOADING_LOOK_S = 0.2
LOADING_PATIENCE_S = 8.0
"""How long who asks by key waits for a model that loads: shorter than lsp-mode's patience, which is 10 s."""


class EngineStatus:
    """Asks the engine how it is: at once while it is not ready, behind the scenes when it is."""

    def __init__(self, engine: Engine, clock: Callable[[], float] = time.monotonic) -> None:
        self._engine = engine
        self._clock = clock
        self._asked_at = 0.0
        self._asking: asyncio.Task[EngineInfo] | None = None
        self.last: EngineInfo | None = None

    async def info(self) -> EngineInfo:
        """How the engine is, at most a few seconds old."""
        last = self.last
        if last is not None and last.state == "ready":
            if self._clock() - self._asked_at > _FRESH_S:
                self._ask()
            return last
        asking = self._ask()
        try:
            return await asyncio.wait_for(asyncio.shield(asking), _PATIENCE_S)
        except TimeoutError:
            return last or EngineInfo("none", "", "loading", "The engine does not say how it is.")

    async def loaded(self, patience_s: float = LOADING_PATIENCE_S) -> EngineInfo:
        """How the engine is once it has stopped loading, or as it is when patience ends."""
        end = self._clock() + patience_s
        while (info := await self.info()).state == "loading" and self._clock() < end:  # noqa: ASYNC110 - it can only be asked
            await asyncio.sleep(_LOADING_LOOK_S)
        return info

    def doubt(self) -> None:
        """After a failure: ask before the next use."""
        self._asked_at = 0.0
        if self.last is not None and self.last.state == "ready":
            self.last = None

    async def close(self) -> None:
        """Stop asking."""
        if self._asking is not None:
            self._asking.cancel()
            await asyncio.gather(self._asking, return_exceptions=True)

    def _ask(self) -> asyncio.Task[EngineInfo]:
        if self._asking is None or self._asking.done():
            self._asked_at = self._clock()
            self._asking = asyncio.ensure_future(self._engine.info())
            self._asking.add_done_callback(self._told)
        return self._asking

    def _told(self, asking: asyncio.Task[EngineInfo]) -> None:
        if not asking.cancelled() and asking.exception() is None:
            self.last = asking.result()
