"""Hands chunks to other threads at the moment when that costs the model nothing.

Waking the reader makes it compete for Python with the worker. So chunks wait until the next forward is
built and about to run without Python, and deliveries keep some time apart, more where nobody reads token
by token. What somebody is waiting for, the first and the last, goes at once.
"""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Callable
from typing import Any

Deliver = Callable[[list[Any]], None]

_APART_S, _FAR_APART_S = 0.004, 0.02
"""Least time between two deliveries: below a token's time on the real model, and as often as a page is painted."""


class DeliveryQueue:
    """What is to be delivered, in order. Worker thread only."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._waiting: deque[tuple[Deliver, Any]] = deque()
        self._due_s = math.inf
        self._delivered_s = -math.inf

    def put(self, deliver: Deliver, item: Any, *, now: bool = False, patient: bool = False) -> None:
        """Deliver an item with a forward soon, a moment later (`patient`), or now with all that waits."""
        self._waiting.append((deliver, item))
        if now:
            self.flush()
        else:
            self._due_s = min(self._due_s, self._delivered_s + (_FAR_APART_S if patient else _APART_S))

    def flush_due(self) -> None:
        """Deliver everything if the last time is long enough ago for any of it; for when a forward is about to run."""
        if self._waiting and self._clock() >= self._due_s:
            self.flush()

    def flush(self) -> None:
        """Deliver everything; items of one reader go together."""
        self._due_s, self._delivered_s = math.inf, self._clock()
        gathered: dict[Deliver, list[Any]] = {}
        while self._waiting:
            deliver, item = self._waiting.popleft()
            gathered.setdefault(deliver, []).append(item)
        for deliver, items in gathered.items():
            deliver(items)
