"""Code from other files for the prompt: within a budget and a deadline, and the same while one types at one place."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from qwen_lsp.assist.context import sources
from qwen_lsp.assist.context.rank import choose
from qwen_lsp.assist.context.recent_edits import OpenDocuments
from qwen_lsp.assist.context.sources import CursorPlace, FoundSnippets, Snippet
from qwen_lsp.assist.context.symbol_index import SymbolIndex
from qwen_lsp.code.languages import language_of
from qwen_lsp.code.snapshot import Edit, Snapshot
from qwen_lsp.code.workspace.ignore import IGNORE_FILES, IgnoreRules
from qwen_lsp.code.workspace.walk import is_walked
from qwen_lsp.settings import ContextSettings

_REGION_LINES = 24
"""As long as the cursor stays this near, snippets are only added to, so that the engine's prefix holds."""


@dataclass(frozen=True, slots=True)
class _Held:
    line: int
    names: frozenset[str]
    snippets: tuple[Snippet, ...]


class Context:
    """The workspace, as far as the prompt may know it. Call from one asyncio loop."""

    def __init__(self, settings: ContextSettings, roots: Sequence[Path]) -> None:
        self._settings = settings
        self._roots = [Path(root).absolute() for root in roots]
        self._rules = IgnoreRules(self._roots, settings.ignore)
        self._documents = OpenDocuments()
        self._walked_roots = [root for root in self._roots if not _is_everything(root)]
        self._index = SymbolIndex(self._walked_roots, self._rules.is_private) if settings.enabled else None
        self._held: dict[str, _Held] = {}
        self._watched = False
        """Whether the editor tells of files that change outside of it."""
        self._threads = ThreadPoolExecutor(max_workers=2, thread_name_prefix="context")

    def is_private(self, path: Path) -> bool:
        """Whether a file must stay unread: a secret, or excluded by an ignore file or the settings."""
        return self._rules.is_private(path)

    def opened(self, snapshot: Snapshot) -> None:
        """A document was opened."""
        self._put(snapshot, 0)

    def changed(self, snapshot: Snapshot, edits: Sequence[Edit] = ()) -> None:
        """A document has a new version; `edits` say where (offsets of the version before)."""
        at = min(edits[-1].start, len(snapshot.text)) if edits else None
        self._put(snapshot, None if at is None else snapshot.line_of(at))

    def saved(self, snapshot: Snapshot) -> None:
        """A document was written; its definitions are read again."""
        if snapshot.path is not None and snapshot.path.name in IGNORE_FILES:
            self._rules.forget()
            self._held.clear()
        if self._index is not None and self._may_read(snapshot):
            self._index.changed(snapshot)

    def files_changed(self, paths: Sequence[Path]) -> None:
        """Files were made, changed or removed outside the editor, which watches them from the first call on."""
        self._watched = True
        for path in paths:
            if path.name in IGNORE_FILES:
                self._rules.forget()
                self._held.clear()
            elif self._index is not None and (path in self._index or self._may_be_indexed(path)):
                self._index.changed(path)

    def closed(self, uri: str) -> None:
        """A document was closed."""
        self._documents.drop(uri)
        self._held.pop(uri, None)

    async def snippets(self, snapshot: Snapshot, cursor: int) -> tuple[Snippet, ...]:
        """What to show the model beside the file, most useful first; late sources are left out."""
        if not self._settings.enabled or not self._may_read(snapshot):
            return ()
        if self._index is not None and not self._watched:
            self._index.look_again()
        here = CursorPlace(snapshot, cursor)
        held = self._held.get(snapshot.uri)
        if held is not None and abs(held.line - here.line) > _REGION_LINES:
            held = None
        if held is not None and here.near_words <= held.names:
            return held.snippets
        settled = self._index is None or self._index.is_filled
        found, complete = await self._gather(here)
        before = held.snippets if held else ()
        chosen = choose(here, found, before, self._settings.max_tokens, self._shown_path)
        names = here.near_words | (held.names if held else frozenset())
        self._held[snapshot.uri] = _Held(
            held.line if held else here.line, names if complete and settled else frozenset(), chosen
        )
        return chosen

    async def wait_until_indexed(self, timeout_s: float = 30.0) -> bool:
        """Whether the workspace's definitions are known, after at most this long; for tests and the evaluation."""
        return self._index is None or await asyncio.to_thread(self._index.wait, timeout_s)

    @property
    def is_indexed(self) -> bool:
        """Whether the workspace's definitions are known."""
        return self._index is None or self._index.is_filled

    @property
    def indexed(self) -> tuple[int, int]:
        """(files, symbols) known from the workspace."""
        return self._index.size if self._index is not None else (0, 0)

    def close(self) -> None:
        """Stop the background work."""
        self._threads.shutdown(wait=False, cancel_futures=True)
        if self._index is not None:
            self._index.close()

    def _put(self, snapshot: Snapshot, line: int | None) -> None:
        if self._settings.enabled and self._may_read(snapshot):
            self._documents.put(snapshot, line)
            if self._index is not None and line == 0:
                self._index.changed(snapshot)

    def _may_be_indexed(self, path: Path) -> bool:
        return language_of(path) is not None and is_walked(path, self._walked_roots)

    def _may_read(self, snapshot: Snapshot) -> bool:
        return snapshot.path is None or not self._rules.is_private(snapshot.path)

    async def _gather(self, here: CursorPlace) -> tuple[list[FoundSnippets], bool]:
        """What the sources have found by the deadline, and whether all of them have."""
        asked: list[Future[list[FoundSnippets]]] = [
            self._threads.submit(_all, source) for source in self._sources(here)
        ]
        waiting = [asyncio.wrap_future(future) for future in asked]
        done, late = await asyncio.wait(waiting, timeout=self._settings.deadline_ms / 1000)
        found = [
            item
            for future in waiting
            if future in done and not future.exception()
            for item in future.result()
        ]
        for future in late:
            future.cancel()
        return found, not late

    def _sources(self, here: CursorPlace) -> list[Callable[[], Iterator[FoundSnippets]]]:
        documents, index = self._documents, self._index
        given: list[Callable[[], Iterator[FoundSnippets]]] = [
            lambda: sources.edited_places(here, documents),
            lambda: sources.similar_code(here, documents),
            lambda: sources.open_neighbours(here, documents),
        ]
        if index is not None:
            given.insert(
                0, lambda: sources.imported_definitions(here, index, documents, self._rules.is_private)
            )
        return given

    def _shown_path(self, path: Path) -> str:
        for root in self._roots:
            if path.is_relative_to(root):
                return path.relative_to(root).as_posix()
        return path.name


def _all(source: Callable[[], Iterator[FoundSnippets]]) -> list[FoundSnippets]:
    return list(source())


def _is_everything(root: Path) -> bool:
    """Whether a root is the home folder or the whole disk: an editor opened there has no workspace to read."""
    return root in (Path.home(), Path(root.anchor))
