"""A fast typist: 12 keys a second with corrections."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable

_INTERVAL_S = 1 / 12
_WRONG_EVERY = 9


def type_fast(letter: Callable[[str], None], key: Callable[[str], None], seconds: float) -> str:
    """Type; what must be in the buffer afterwards. Keys are named as in browsers: Enter, Backspace."""
    end = time.monotonic() + seconds
    kept, due, count = "", time.monotonic(), itertools.count(1)

    def press(do: Callable[[str], None], what: str) -> None:
        nonlocal due
        do(what)
        due = max(due + _INTERVAL_S, time.monotonic() - _INTERVAL_S)
        time.sleep(max(0.0, due - time.monotonic()))  # the rhythm of the keys, not a wait for anything

    for number in itertools.count():
        for char in f"def add(a, b) é = wörd(one) {number}":
            press(letter, char)
            if next(count) % _WRONG_EVERY == 0:
                press(letter, "x")
                press(key, "Backspace")
            kept += char
        press(key, "Enter")
        kept += "\n"
        if time.monotonic() > end:
            return kept
    raise AssertionError("unreachable")
