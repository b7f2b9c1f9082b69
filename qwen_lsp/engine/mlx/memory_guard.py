"""The memory guard: refuse, with the numbers, before the machine would swap."""

from __future__ import annotations

import os

import psutil

from qwen_lsp.errors import NotEnoughMemory
from qwen_lsp.sizes import size_in_words

_ALWAYS_FINE_BYTES = 64 * 2**20
"""So little is not looked into: the look itself costs part of a millisecond."""
_RESERVE_BYTES = 512 * 2**20
"""Left for everything else on the machine."""


def machine_bytes() -> int:
    """Memory of this machine, or of the container this process is in."""
    total = int(psutil.virtual_memory().total)
    limit = _container_limit()
    return min(total, limit) if limit else total


def free_bytes() -> int:
    """Memory that can be had now without swapping."""
    free = int(psutil.virtual_memory().available)
    limit = _container_limit()
    if limit is None:
        return free
    used = psutil.Process().memory_info().rss
    return min(free, max(0, limit - used))


def refuse_if_too_big(weight_bytes: int) -> None:
    """Raise NotEnoughMemory when the weights alone would not fit."""
    free = free_bytes()
    if weight_bytes > free - _RESERVE_BYTES:
        raise NotEnoughMemory(
            f"The model needs {size_in_words(weight_bytes)} for its weights, and this machine has {size_in_words(free)} free "
            f"of {size_in_words(machine_bytes())} ({size_in_words(_RESERVE_BYTES)} of that are kept for other programs). "
            "Close other programs, or choose a smaller model or a stronger quantisation."
        )


def refuse_kv(needed_bytes: int, tokens: int) -> None:
    """Raise NotEnoughMemory when a prompt's KV would not fit beside what is there."""
    if needed_bytes <= _ALWAYS_FINE_BYTES:
        return
    free = free_bytes()
    if needed_bytes > free - _RESERVE_BYTES:
        raise NotEnoughMemory(
            f"{tokens} tokens need {size_in_words(needed_bytes)} more memory for their KV, and {size_in_words(free)} are free "
            f"({size_in_words(_RESERVE_BYTES)} of that are kept for other programs). Shorten the prompt, ask for fewer tokens, or "
            "lower engine.context_tokens."
        )


def short_bytes() -> int:
    """How much should be given back so that the machine does not swap; 0 when there is room."""
    return max(0, _RESERVE_BYTES - free_bytes())


def _container_limit() -> int | None:
    for name in ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"):
        if os.path.exists(name):
            with open(name, encoding="ascii") as file:
                text = file.read().strip()
            if text.isdigit() and int(text) < 2**60:
                return int(text)
    return None
