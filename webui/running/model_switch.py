"""Other models for a while: one comparison at a time switches the shared engine, and the first model always comes back."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from qwen_lsp.engine.base import Engine, switchable
from qwen_lsp.errors import QwenLspError

_LOOK_EVERY_S = 0.1
_LOG = logging.getLogger(__name__)


class ModelSwitch:
    """Hands the right to switch to one at a time. Giving back runs on by itself: no Stop and no closed tab ends it."""

    def __init__(self) -> None:
        self._one_at_a_time = asyncio.Lock()
        self._giving_back: set[asyncio.Task[None]] = set()

    @property
    def is_lent(self) -> bool:
        """Whether somebody has switched, or is switching back."""
        return self._one_at_a_time.locked()

    @asynccontextmanager
    async def of(self, engine: Engine) -> AsyncIterator[SwitchedModel]:
        """Waits until nobody else has switched; at the end the first model is loaded again."""
        await self._one_at_a_time.acquire()
        loan = SwitchedModel(engine)
        try:
            yield loan
        finally:
            task = asyncio.create_task(self._give_back(loan))
            self._giving_back.add(task)
            task.add_done_callback(self._giving_back.discard)
            await asyncio.shield(task)

    async def _give_back(self, loan: SwitchedModel) -> None:
        try:
            await loan.use(loan.first)
        except QwenLspError:
            _LOG.exception("the first model could not be loaded again")
        finally:
            self._one_at_a_time.release()


class SwitchedModel:
    """An engine whose model may be changed for now."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._switchable = switchable(engine)
        self.first = self._switchable.model if self._switchable else ""

    def holds(self, model: str) -> bool:
        """Whether this model is the one that answers; the empty name is the first one's."""
        return self._switchable is None or self._switchable.model == (model or self.first)

    async def use(self, model: str) -> None:
        """Load a model for everyone, unless it is there already. Raises EngineError."""
        if self._switchable is not None and not self.holds(model):
            await self._switchable.switch(model or self.first)
        while (await self._engine.info()).state == "loading":  # noqa: ASYNC110 - engines tell only when asked
            await asyncio.sleep(_LOOK_EVERY_S)
