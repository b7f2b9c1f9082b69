"""Where snippets come from. Each source is quick, pure over what it is given, and may be late without harm."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from qwen_lsp.assist.context.recent_edits import OpenDocument, OpenDocuments, chunk_lines
from qwen_lsp.assist.context.symbol_index import Definition, SymbolIndex
from qwen_lsp.assist.context.word_similarity import dice, words
from qwen_lsp.code.snapshot import Snapshot
from qwen_lsp.code.symbols import imported_words

_NEAR_LINES = 30
_HEAD_LINES = 300
_DEFINITION_LINES = 30
_NAMES, _DEFINITIONS, _SIMILAR, _EDITED, _NEIGHBOURS = 60, 12, 3, 4, 2
_LIKE_ENOUGH = 0.15
_NEIGHBOUR_LINES = 24
_READ_BYTES = 200_000


@dataclass(frozen=True, slots=True)
class Snippet:
    """A piece of another file, and why it was chosen."""

    path: str
    text: str
    why: str


@dataclass(frozen=True, slots=True)
class FoundSnippets:
    """A candidate: where it is from, its text, and how good it is (higher first)."""

    path: Path
    text: str
    why: str
    score: float


@dataclass(frozen=True)
class CursorPlace:
    """The cursor's place, as the sources look at it."""

    snapshot: Snapshot
    cursor: int

    @cached_property
    def line(self) -> int:
        """The cursor's line."""
        return self.snapshot.line_of(self.cursor)

    @cached_property
    def near(self) -> str:
        """The lines up to the cursor."""
        return "\n".join(self._lines(self.line - _NEAR_LINES, self.line + 1))

    @cached_property
    def near_words(self) -> frozenset[str]:
        """The names near the cursor."""
        return words(self.near) | words("\n".join(self._lines(self.line + 1, self.line + 10)))

    @cached_property
    def imported(self) -> frozenset[str]:
        """The names in the file's import lines."""
        return imported_words(self._lines(0, _HEAD_LINES))

    def window(self, lines: int) -> list[str]:
        """The lines around the cursor that the prompt holds anyhow."""
        return self._lines(self.line - lines, self.line + lines // 4 + 1)

    def _lines(self, first: int, end: int) -> list[str]:
        last = self.snapshot.line_of(len(self.snapshot.text))
        return [self.snapshot.line_text(at) for at in range(max(0, first), min(last + 1, end))]


def imported_definitions(
    here: CursorPlace, index: SymbolIndex, documents: OpenDocuments, is_private: Callable[[Path], bool]
) -> Iterator[FoundSnippets]:
    """Definitions of names used near the cursor or imported, those from imported files first."""
    own = here.snapshot.path
    ranked: list[tuple[float, str, Definition]] = []
    for name in sorted(here.near_words | here.imported, key=lambda n: (n not in here.near_words, n))[
        : _NAMES * 4
    ]:
        places = [place for place in index.look_up(name) if place.path != own]
        if not places or len(places) > 12:
            continue
        for place in places:
            ranked.append((_definition_score(here, name, place), name, place))
    ranked.sort(key=lambda row: (-row[0], str(row[2].path), row[2].first))
    for score, name, place in ranked[:_DEFINITIONS]:
        if score < 1 or is_private(place.path):
            continue
        text = _definition_text(place, name, documents)
        if text:
            yield FoundSnippets(place.path, text, f"defines {name}", 3 + score)


def _definition_score(here: CursorPlace, name: str, place: Definition) -> float:
    score = 1.0 if name in here.near_words else 0.0
    if name in here.imported:
        score += 1.0
    if place.path.stem in here.imported or place.path.parent.name in here.imported:
        score += 1.0
    return score + (0.2 if here.snapshot.path and place.path.parent == here.snapshot.path.parent else 0.0)


def _definition_text(place: Definition, name: str, documents: OpenDocuments) -> str:
    document = documents.get(place.path) or _from_disk(place.path)
    if document is None:
        return ""
    text = document.piece(place.first, min(place.last, place.first + _DEFINITION_LINES - 1))
    return text if name in text else ""


def _from_disk(path: Path) -> OpenDocument | None:
    try:
        with path.open("rb") as file:
            data = file.read(_READ_BYTES)
    except OSError:
        return None
    return OpenDocument(Snapshot(path.as_uri(), "", 0, data.decode("utf-8", "replace")))


def edited_places(here: CursorPlace, documents: OpenDocuments) -> Iterator[FoundSnippets]:
    """Places lately edited or opened, other than the one at the cursor."""
    given = 0
    for document, first, last in documents.places():
        own = document.snapshot.uri == here.snapshot.uri
        if own or document.snapshot.path is None:
            continue
        likeness = dice(words(document.piece(first, last)), here.near_words)
        yield FoundSnippets(
            document.snapshot.path, document.piece(first, last), "lately edited", 2 + likeness - given * 0.1
        )
        given += 1
        if given >= _EDITED:
            return


def similar_code(here: CursorPlace, documents: OpenDocuments) -> Iterator[FoundSnippets]:
    """Pieces of other open documents that use the names near the cursor."""
    scored: list[tuple[float, OpenDocument, int]] = []
    for document in documents.others(here.snapshot.uri)[:12]:
        for first, chunk in document.chunks:
            likeness = dice(chunk, here.near_words)
            if likeness >= _LIKE_ENOUGH:
                scored.append((likeness, document, first))
    scored.sort(key=lambda row: (-row[0], row[1].snapshot.uri, row[2]))
    for likeness, document, first in scored[:_SIMILAR]:
        if document.snapshot.path is not None:
            text = document.piece(first, first + chunk_lines() - 1)
            yield FoundSnippets(document.snapshot.path, text, "similar code", 1 + likeness)


def open_neighbours(here: CursorPlace, documents: OpenDocuments) -> Iterator[FoundSnippets]:
    """The beginnings of the documents opened last in the same language."""
    given = 0
    for document in documents.others(here.snapshot.uri):
        path = document.snapshot.path
        if path is None or document.snapshot.language != here.snapshot.language:
            continue
        yield FoundSnippets(path, document.piece(0, _NEIGHBOUR_LINES - 1), "open beside", 0.5 - given * 0.1)
        given += 1
        if given >= _NEIGHBOURS:
            return
