"""Minds a run from outside: memory and processes of the whole tree, which limits of one process cannot."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Literal

import psutil

_EVERY_S = 0.05
_SPARE_PROCESSES = 8
"""The containment itself and our wrapper."""


async def watch(pid: int, most_bytes: int, most_processes: int) -> Literal["memory", "processes"]:
    """Return as soon as the tree under `pid` uses too much; until then, never."""
    while True:
        used, count = await asyncio.to_thread(_use, pid)
        if used > most_bytes:
            return "memory"
        if count > most_processes + _SPARE_PROCESSES:
            return "processes"
        await asyncio.sleep(_EVERY_S)


def _use(pid: int) -> tuple[int, int]:
    """Resident bytes and number of threads of all descendants."""
    used = threads = 0
    try:
        tree = psutil.Process(pid).children(recursive=True)
    except psutil.Error:
        return 0, 0
    for process in tree:
        with suppress(psutil.Error):
            used += process.memory_info().rss
            threads += process.num_threads()
    return used, threads
