"""A fast typist: 12 keys a second with corrections; 10 s of it, or 60 s when QWEN_LSP_LONG is set."""

from __future__ import annotations

import itertools
import os
import time
from collections.abc import Callable

_INTERVAL_S = 1 / 12
_WRONG_EVERY = 9


def type_fast(letter: Callable[[str], None], key: Callable[[str], None]) -> str:
    """Type; what must be in the buffer afterwards. Keys are named as in browsers: Enter, Backspace."""
    end = time.monotonic() + (60.0 if os.environ.get("QWEN_LSP_LONG") else 10.0)
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
