"""Where the workspace defines its names. Filled by one background thread; bounded in files, symbols and bytes."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue

from qwen_lsp.assist.context.imports import imported_files
from qwen_lsp.code.languages import language_of
from qwen_lsp.code.snapshot import Snapshot
from qwen_lsp.code.symbols import definitions
from qwen_lsp.code.syntax import LANGUAGES
from qwen_lsp.code.workspace.secrets import holds_key
from qwen_lsp.code.workspace.walk import WalkLimits, gentle_pause, lower_priority, walk

_MAX_FILE_BYTES = 200_000
_MAX_SYMBOLS = 150_000
_MAX_FILES = 20_000
_LOOK_AGAIN_S = 60.0
"""Where nobody watches the files, they are compared with the disk at most so often, and only while one works."""
_START_AFTER_S = 0.3
"""The first suggestion goes before the index."""


@dataclass(frozen=True, slots=True)
class Definition:
    """A definition in a file of the workspace; lines from 0, both included."""

    path: Path
    first: int
    last: int
    kind: str


class SymbolIndex:
    """Name -> definitions. `look_up` never waits for the thread that fills it."""

    def __init__(
        self, roots: list[Path], is_private: Callable[[Path], bool], look_again_s: float = _LOOK_AGAIN_S
    ) -> None:
        self._roots, self._is_private = roots, is_private
        self._by_name: dict[str, tuple[Definition, ...]] = {}
        self._names: dict[Path, tuple[str, ...]] = {}
        self._stamps: dict[Path, tuple[int, int] | None] = {}
        self._look_again_s, self._looked_s = look_again_s, time.monotonic()
        self._count = 0
        self._stop = threading.Event()
        self._walked = threading.Event()
        self._changed: SimpleQueue[Snapshot | Path | _Barrier | _Look | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="workspace-symbols", daemon=True)
        self._thread.start()

    def look_up(self, name: str) -> tuple[Definition, ...]:
        """All known definitions of a name."""
        return self._by_name.get(name, ())

    def changed(self, what: Snapshot | Path) -> None:
        """A document or a file on disk is different now; it is read again in the background."""
        self._changed.put(what)

    def __contains__(self, path: Path) -> bool:
        return path in self._names

    def look_again(self) -> None:
        """For editors that do not watch files: compare the files on disk with what was read, now and then.

        Called when something is asked; walks at most once in _LOOK_AGAIN_S, in the background.
        """
        now = time.monotonic()
        if self._walked.is_set() and now - self._looked_s >= self._look_again_s:
            self._looked_s = now
            self._changed.put(_LOOK)

    def wait(self, timeout_s: float) -> bool:
        """Whether the first walk is done and no change is waiting, after at most this long."""
        if not self._walked.wait(timeout_s):
            return False
        done = threading.Event()
        self._changed.put(_Barrier(done))
        return done.wait(timeout_s)

    @property
    def is_filled(self) -> bool:
        """Whether the first walk is done."""
        return self._walked.is_set()

    @property
    def size(self) -> tuple[int, int]:
        """(files, symbols) known."""
        return len(self._names), self._count

    def close(self) -> None:
        """Stop the thread."""
        self._stop.set()
        self._changed.put(None)
        self._thread.join(timeout=2)

    def _run(self) -> None:
        lower_priority()
        if not self._stop.wait(_START_AFTER_S):
            self._fill()
        self._walked.set()
        while not self._stop.is_set():
            self._take(self._changed.get())

    def _fill(self) -> None:
        while not self._changed.empty():
            self._take(self._changed.get())
        pause = gentle_pause()
        limits = WalkLimits(max_files=_MAX_FILES, max_file_bytes=_MAX_FILE_BYTES)
        for path in walk(self._roots, self._is_private, limits, pause=pause, stop=self._stop.is_set):
            language = language_of(path)
            if language in LANGUAGES and path not in self._names:
                self._learn(path, _read(path), str(language))
                pause()
            while not self._changed.empty():
                self._take(self._changed.get())
            if self._count >= _MAX_SYMBOLS:
                return

    def _compare(self) -> None:
        """Read again what has changed on disk; forget what is gone."""
        pause, limits = gentle_pause(), WalkLimits(max_files=_MAX_FILES, max_file_bytes=_MAX_FILE_BYTES)
        gone = set(self._names)
        for path in walk(self._roots, self._is_private, limits, pause=pause, stop=self._stop.is_set):
            gone.discard(path)
            if language_of(path) in LANGUAGES and self._stamps.get(path) != _stamp(path):
                self._take(path)
        for path in gone:
            if not path.is_file():
                self._take(path)

    def _take(self, what: object) -> None:
        if isinstance(what, _Barrier):
            what.done.set()
        elif isinstance(what, _Look):
            self._compare()
        elif isinstance(what, Snapshot):
            if what.path is not None and not self._is_private(what.path):
                self._learn(what.path, what.text, what.language)
                self._learn_imported(what)
        elif isinstance(what, Path):
            readable = what.is_file() and not self._is_private(what)
            self._learn(what, _read(what) if readable else "", language_of(what) or "")

    def _learn_imported(self, snapshot: Snapshot) -> None:
        """The files a document imports come before the walk has found them."""
        for path in imported_files(snapshot, self._roots):
            if path not in self._names and language_of(path) in LANGUAGES and not self._is_private(path):
                self._learn(path, _read(path), str(language_of(path)))

    def _learn(self, path: Path, text: str, language: str) -> None:
        self._forget(path)
        self._stamps[path] = _stamp(path)
        if len(text) > _MAX_FILE_BYTES or self._count >= _MAX_SYMBOLS:
            return
        found = definitions(text, language)
        for symbol in found:
            place = Definition(path, symbol.first, symbol.last, symbol.kind)
            self._by_name[symbol.name] = (*self._by_name.get(symbol.name, ()), place)
        self._names[path] = tuple(symbol.name for symbol in found)
        self._count += len(found)

    def _forget(self, path: Path) -> None:
        self._stamps.pop(path, None)
        for name in self._names.pop(path, ()):
            left = tuple(place for place in self._by_name.get(name, ()) if place.path != path)
            self._count -= len(self._by_name.get(name, ())) - len(left)
            if left:
                self._by_name[name] = left
            else:
                self._by_name.pop(name, None)


@dataclass(frozen=True, slots=True)
class _Barrier:
    done: threading.Event


@dataclass(frozen=True, slots=True)
class _Look:
    """Compare everything known with the disk."""


_LOOK = _Look()


def _stamp(path: Path) -> tuple[int, int] | None:
    """What changes when a file is written; None when it is not there."""
    with contextlib.suppress(OSError):
        found = path.stat()
        return found.st_mtime_ns, found.st_size
    return None


def _read(path: Path) -> str:
    with contextlib.suppress(OSError):
        with path.open("rb") as file:
            data = file.read(_MAX_FILE_BYTES + 1)
        if not holds_key(data):
            return data.decode("utf-8", "replace")
    return ""
