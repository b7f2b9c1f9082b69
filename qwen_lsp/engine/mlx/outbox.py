"""Hands chunks to other threads at the moment when that costs the model nothing.

Waking the reader makes it compete for Python with the worker. So chunks wait until the next forward is
built and about to run without Python, except those somebody is waiting for: the first and the last.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any

Deliver = Callable[[list[Any]], None]


class Outbox:
    """What is to be delivered, in order. Worker thread only."""

    def __init__(self) -> None:
        self._waiting: deque[tuple[Deliver, Any]] = deque()

    def put(self, deliver: Deliver, item: Any, *, now: bool = False) -> None:
        """Deliver an item soon, or now with all that waits."""
        self._waiting.append((deliver, item))
        if now:
            self.flush()

    def flush(self) -> None:
        """Deliver everything; items of one reader that follow each other go together."""
        while self._waiting:
            deliver, item = self._waiting.popleft()
            items = [item]
            while self._waiting and self._waiting[0][0] is deliver:
                items.append(self._waiting.popleft()[1])
            deliver(items)
