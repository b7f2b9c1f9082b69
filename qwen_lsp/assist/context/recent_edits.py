"""The documents open in the editor and the places lately worked at in them."""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from qwen_lsp.assist.context.word_similarity import words
from qwen_lsp.code.snapshot import Snapshot

_CHUNK_LINES = 24
_CHUNKED_LINES = 3000
_PLACES = 24
_AROUND = 12
"""Lines kept on either side of an edit."""
_SAME_PLACE = 20


@dataclass(frozen=True)
class OpenDocument:
    """A document with its words by chunk, computed when first asked for."""

    snapshot: Snapshot

    @cached_property
    def lines(self) -> list[str]:
        """Its lines, without their ends."""
        return self.snapshot.text.splitlines()

    @cached_property
    def chunks(self) -> list[tuple[int, frozenset[str]]]:
        """(first line, words) of each chunk of lines."""
        lines = self.lines[:_CHUNKED_LINES]
        return [
            (at, words("\n".join(lines[at : at + _CHUNK_LINES]))) for at in range(0, len(lines), _CHUNK_LINES)
        ]

    def piece(self, first: int, last: int) -> str:
        """Lines first..last (both included), as far as they exist."""
        return "\n".join(self.lines[max(0, first) : last + 1])


@dataclass(frozen=True, slots=True)
class WorkedAt:
    """A line of a document that was edited, or looked at when the document was opened."""

    uri: str
    line: int


class OpenDocuments:
    """Newest last. Safe from several threads."""

    def __init__(self) -> None:
        self._documents: OrderedDict[str, OpenDocument] = OrderedDict()
        self._places: list[WorkedAt] = []
        self._lock = threading.Lock()

    def put(self, snapshot: Snapshot, line: int | None = None) -> None:
        """A document was opened or changed; `line` is where."""
        with self._lock:
            self._documents[snapshot.uri] = OpenDocument(snapshot)
            self._documents.move_to_end(snapshot.uri)
            if line is not None:
                self._worked_at(WorkedAt(snapshot.uri, line))

    def drop(self, uri: str) -> None:
        """A document was closed; what was edited in it stays readable from disk only."""
        with self._lock:
            self._documents.pop(uri, None)
            self._places = [place for place in self._places if place.uri != uri]

    def others(self, uri: str) -> list[OpenDocument]:
        """All but one, newest first."""
        with self._lock:
            return [document for key, document in reversed(self._documents.items()) if key != uri]

    def get(self, path: Path) -> OpenDocument | None:
        """The open document of a file."""
        with self._lock:
            return next((d for d in self._documents.values() if d.snapshot.path == path), None)

    def places(self) -> list[tuple[OpenDocument, int, int]]:
        """(document, first line, last line) around the places lately worked at, newest first."""
        with self._lock:
            return [
                (self._documents[place.uri], max(0, place.line - _AROUND), place.line + _AROUND)
                for place in reversed(self._places)
                if place.uri in self._documents
            ]

    def _worked_at(self, new: WorkedAt) -> None:
        near = [p for p in self._places if p.uri == new.uri and abs(p.line - new.line) <= _SAME_PLACE]
        self._places = [*[p for p in self._places if p not in near][-_PLACES + 1 :], new]


def chunk_lines() -> int:
    """Lines in a chunk."""
    return _CHUNK_LINES
