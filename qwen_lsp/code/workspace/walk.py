"""Walks a workspace for readable source files: bounded, links not followed, and gentle with other threads."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from qwen_lsp.code.languages import language_of

_SKIPPED_FOLDERS = frozenset(
    ".git .hg .svn .jj node_modules bower_components __pycache__ .venv venv .tox .nox .mypy_cache .ruff_cache "
    ".pytest_cache .idea .vscode .gradle .cache .next .nuxt .terraform site-packages .eggs DerivedData Pods".split()
)
_BATCH = 64
"""Entries looked at between two pauses."""


@dataclass(frozen=True, slots=True)
class WalkLimits:
    """Where a walk ends, and which files it passes over."""

    max_files: int = 20_000
    max_file_bytes: int = 400_000
    max_entries: int = 400_000


def walk(
    roots: Sequence[Path],
    is_private: Callable[[Path], bool],
    limits: WalkLimits | None = None,
    *,
    pause: Callable[[], None] | None = None,
    stop: Callable[[], bool] | None = None,
) -> Iterator[Path]:
    """Source files (by name) under the roots, breadth first, in a stable order; folders are pruned.

    `pause` runs between batches, so that a background walk lets other threads go first; `stop` ends it.
    """
    limits = limits or WalkLimits()
    waiting = deque(Path(os.path.abspath(root)) for root in roots)
    seen = set(waiting)
    files = entries = 0
    while waiting:
        for entry in _entries(waiting.popleft()):
            entries += 1
            if entries % _BATCH == 0 and pause is not None:
                pause()
            if entries > limits.max_entries or (stop is not None and stop()):
                return
            path = Path(entry.path)
            if _is_folder(entry):
                if entry.name not in _SKIPPED_FOLDERS and path not in seen and not is_private(path):
                    seen.add(path)
                    waiting.append(path)
            elif language_of(path) and _is_small_file(entry, limits.max_file_bytes) and not is_private(path):
                yield path
                files += 1
                if files >= limits.max_files:
                    return


def is_walked(path: Path, roots: Sequence[Path]) -> bool:
    """Whether a walk from these roots may come to a file: it is below one of them and in no skipped folder."""
    return any(
        path.is_relative_to(root) and _SKIPPED_FOLDERS.isdisjoint(path.relative_to(root).parts[:-1])
        for root in roots
    )


def gentle_pause(rest_s: float = 0.002) -> Callable[[], None]:
    """A pause for a background thread: sleeps as long as it has worked, at least `rest_s`, so that the GIL is free."""
    worked_since = time.perf_counter()

    def pause() -> None:
        nonlocal worked_since
        worked_s = time.perf_counter() - worked_since
        time.sleep(min(0.05, max(rest_s, worked_s)))
        worked_since = time.perf_counter()

    return pause


def lower_priority() -> None:
    """Put the calling thread behind all others, where the system can do that for one thread."""
    if sys.platform == "linux":
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), 15)


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as found:
            return sorted(found, key=lambda entry: entry.name)
    except OSError:
        return []


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir(follow_symlinks=False)
    except OSError:
        return False


def _is_small_file(entry: os.DirEntry[str], max_bytes: int) -> bool:
    try:
        return entry.is_file(follow_symlinks=False) and entry.stat(follow_symlinks=False).st_size <= max_bytes
    except OSError:
        return False
