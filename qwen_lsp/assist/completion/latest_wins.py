"""One request at a time per session: a newer one cancels the older one."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

Result = TypeVar("Result")


class Superseded(Exception):
    """A newer request of the same session came."""


class LatestWins:
    """Runs work by session; the newest wins."""

    def __init__(self) -> None:
        self._running: dict[str, asyncio.Task[Any]] = {}
        self._superseded: set[asyncio.Task[Any]] = set()

    async def run(self, session: str, work: Coroutine[Any, Any, Result]) -> Result:
        """Do the work, ending older work of this session first. Raises Superseded when newer work came."""
        older = self._running.get(session)
        if older is not None:
            self._superseded.add(older)
            older.cancel()
        task = asyncio.ensure_future(work)
        self._running[session] = task
        try:
            return await task
        except asyncio.CancelledError:
            if task in self._superseded:
                raise Superseded from None
            task.cancel()
            raise
        finally:
            self._superseded.discard(task)
            if self._running.get(session) is task:
                del self._running[session]

    def cancel_all(self) -> None:
        """End all work; those who wait for it see a cancellation."""
        for task in list(self._running.values()):
            task.cancel()
