"""How long to wait after a key before the engine is called: measured from this user and this engine."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable

_GAPS = 32
_LONGEST_GAP_S = 1.0
"""A longer pause is not typing."""
_FEW_GAPS = 6
_MEMORY = 0.8
"""Weight of the past in the engine's mean response time."""


class Debounce:
    """No wait when the engine answers between two keys; else until a burst of keys is over.

    An answer that comes before the next key is always of use. One that comes later is thrown away: then it is
    cheaper to wait until this user would have pressed the next key.
    """

    def __init__(self, limit_ms: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._limit_s = limit_ms / 1000
        self._clock = clock
        self._gaps: deque[float] = deque(maxlen=_GAPS)
        self._last_key: float | None = None
        self._response_s: float | None = None

    @property
    def response_ms(self) -> float | None:
        """The engine's mean response time, ms; None before the first answer."""
        return None if self._response_s is None else self._response_s * 1000

    def key(self) -> None:
        """The user changed the document."""
        now = self._clock()
        if self._last_key is not None and now - self._last_key <= _LONGEST_GAP_S:
            self._gaps.append(now - self._last_key)
        self._last_key = now

    def answered(self, response_ms: float) -> None:
        """The engine took this long for an answer."""
        seconds = response_ms / 1000
        mean = self._response_s
        self._response_s = seconds if mean is None else _MEMORY * mean + (1 - _MEMORY) * seconds

    def wait_ms(self) -> float:
        """How long to wait now; what the editor itself has waited since the key counts."""
        if self._limit_s <= 0:
            return 0.0
        wanted = self._wanted_s()
        since = 0.0 if self._last_key is None else self._clock() - self._last_key
        return max(0.0, min(wanted, self._limit_s) - since) * 1000

    def _wanted_s(self) -> float:
        if len(self._gaps) < _FEW_GAPS or self._response_s is None:
            return self._limit_s
        gaps = sorted(self._gaps)
        usual, slow = gaps[len(gaps) // 4], gaps[len(gaps) * 3 // 4]
        return 0.0 if self._response_s <= usual else slow * 1.1
