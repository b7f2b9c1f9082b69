"""Everything of one language: its vocabulary, the closed files' block, and the open documents."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from qwen_lsp.assist.recall.confidence import Calibration, features
from qwen_lsp.assist.recall.language_groups import KEYWORDS
from qwen_lsp.assist.recall.lexer import NEWLINE, Ints, LexerVocabulary, is_name
from qwen_lsp.assist.recall.matching import (
    _SAME_FILE,
    _SAME_FOLDER,
    Continuation,
    Source,
    agree,
    find_places,
    hash_of_end,
)
from qwen_lsp.assist.recall.matching import Match as Match
from qwen_lsp.assist.recall.open_document import IndexedDocument
from qwen_lsp.assist.recall.token_runs import TokenBlock

_QUERY_TOKENS = 110
_LATELY_CLOSED = 30


@dataclass(frozen=True, slots=True)
class QueryPosition:
    """A place to continue: the tokens before it and what is typed of the next one."""

    uri: str
    index: int
    """Index of the first token that is not before the cursor, in its own document."""
    query: Ints
    typed: str

    @property
    def at_line_start(self) -> bool:
        """Whether nothing stands before it on its line."""
        return len(self.query) > 0 and int(self.query[-1]) == NEWLINE


@dataclass(frozen=True, slots=True)
class IndexHit:
    """A continuation with where it comes from and what is known of it."""

    continuation: Continuation
    sources: tuple[Source, ...]
    known: tuple[float, ...]
    places: tuple[Match, ...]

    def longer(self, lines: int) -> IndexHit:
        """The same, followed over several lines as far as the places agree."""
        continuation = agree(self.places, self.sources, lines=lines)
        return dataclasses.replace(self, continuation=continuation) if continuation.ended else self


@dataclass(slots=True)
class LanguageIndex:
    """One language's runs. Used by one thread at a time, but for `block`, which is swapped whole."""

    vocabulary: LexerVocabulary = field(default_factory=LexerVocabulary)
    block: TokenBlock | None = None
    opened: dict[str, IndexedDocument] = field(default_factory=dict)
    closed: dict[str, IndexedDocument] = field(default_factory=dict)
    """Lately closed: they stand for their files until the next block is built."""
    calibration: Calibration = field(default_factory=Calibration)
    _names: dict[int, bool] = field(default_factory=dict)

    def close(self, uri: str) -> None:
        """An open document becomes a lately closed one."""
        document = self.opened.pop(uri, None)
        if document is not None:
            self.closed[uri] = document
            while len(self.closed) > _LATELY_CLOSED:
                self.closed.pop(next(iter(self.closed)))

    def swap(self, block: TokenBlock, taken: Sequence[str]) -> None:
        """Use a new block, which has read the files in `taken` after they were closed."""
        self.block = block
        for uri in taken:
            self.closed.pop(uri, None)

    def spot(self, document: IndexedDocument, offset: int) -> QueryPosition:
        """Where a cursor at `offset` stands."""
        count = document.before(offset)
        typed = ""
        if count:
            token, start = int(document.tokens[count - 1]), int(document.starts[count - 1])
            word = self.vocabulary.texts[token]
            if token != NEWLINE and is_wordlike(word) and start + len(word) >= offset:
                typed, count = document.text[start:offset], count - 1
        return QueryPosition(
            document.uri, count, document.tokens[max(0, count - _QUERY_TOKENS) : count], typed
        )

    def continue_from(
        self, spot: QueryPosition, *, lines: int, forbidden: Callable[[Ints], Ints] | None = None
    ) -> IndexHit | None:
        """What the most and nearest places say comes next. `forbidden` is for the block, while calibrating."""
        if not len(spot.query):
            return None
        sources = self._sources(spot, forbidden)
        places = find_places(spot.query, sources, self._is_name, self._accepts(spot.typed))
        if not places:
            return None
        continuation = agree(places, sources, lines=lines)
        if not continuation.tokens or not continuation.ended:
            return None
        known = features(continuation, len(places), len(spot.typed), at_line_start=spot.at_line_start)
        return IndexHit(continuation, tuple(sources), tuple(known), tuple(places))

    def _sources(self, spot: QueryPosition, forbidden: Callable[[Ints], Ints] | None) -> list[Source]:
        sources: list[Source] = []
        if self.block is not None:
            sources.append(self._block_source(self.block, spot, forbidden))
        for document in (*self.opened.values(), *self.closed.values()):
            if forbidden is None or document.uri != spot.uri:
                sources.append(self._document_source(document, spot))
        return sources

    def _block_source(
        self, block: TokenBlock, spot: QueryPosition, forbidden: Callable[[Ints], Ints] | None
    ) -> Source:
        folder = os.path.dirname(spot.uri)
        hidden = self._hidden_spans(block)

        def find(length: int, most: int) -> Ints:
            return block.places(hash_of_end(spot.query, length), length, most)

        def closeness(place: int) -> float:
            uri = block.files[block.file_index(place)].uri
            return _SAME_FILE if uri == spot.uri else _SAME_FOLDER if os.path.dirname(uri) == folder else 1.0

        def usable(at: Ints) -> Ints:
            for low, high in hidden:
                at = at[(at < low) | (at >= high)]
            return forbidden(at) if forbidden else at

        return Source(block.tokens, find, closeness, usable)

    def _hidden_spans(self, block: TokenBlock) -> list[tuple[int, int]]:
        """Where the block holds files that stand open with newer text."""
        newer = (*self.opened, *self.closed)
        spans = (block.span_of(uri) for uri in newer)
        return [s for s in spans if s is not None]

    def _document_source(self, document: IndexedDocument, spot: QueryPosition) -> Source:
        same = document.uri == spot.uri
        near = os.path.dirname(document.uri) == os.path.dirname(spot.uri)
        factor = _SAME_FILE if same else _SAME_FOLDER if near else 1.0

        def find(length: int, most: int) -> Ints:
            return document.places(spot.query, length, most)

        def elsewhere(at: Ints) -> Ints:
            kept: Ints = at[at != spot.index]
            return kept

        if same:
            return Source(document.tokens, find, lambda _: factor, elsewhere, spot.index)
        return Source(document.tokens, find, lambda _: factor)

    def _accepts(self, typed: str) -> Callable[[int], bool]:
        texts = self.vocabulary.texts
        if not typed:
            return lambda token: True
        return lambda token: (
            (len(texts[token]) > len(typed) and texts[token].startswith(typed)) or texts[token] == typed
        )

    def _is_name(self, token: int) -> bool:
        known = self._names.get(token)
        if known is None:
            text = self.vocabulary.texts[token]
            known = self._names[token] = is_name(text) and text not in KEYWORDS
        return known

    def where(self, match: Match, sources: Sequence[Source]) -> tuple[str, str, Ints, Ints, int]:
        """(uri, text, tokens, starts, index) of the file a match lies in."""
        block = self.block
        tokens = sources[match.source].tokens
        if block is not None and tokens is block.tokens:
            number = block.file_index(match.next)
            first, end = int(block.firsts[number]), int(block.firsts[number + 1]) - 1
            file = block.files[number]
            return file.uri, file.text, block.tokens[first:end], block.starts[first:end], match.next - first
        for document in (*self.opened.values(), *self.closed.values()):
            if document.tokens is tokens:
                return document.uri, document.text, document.tokens, document.starts, match.next
        raise LookupError("a match always comes from one of the sources")


def is_wordlike(text: str) -> bool:
    """Whether typing on would go on with the same token."""
    return text[-1:].isalnum() or text[-1:] == "_"


def far_from(place: int, tokens_apart: int) -> Callable[[Ints], Ints]:
    """Keeps places at least so many tokens from `place`; for leaving one out."""

    def keep(at: Ints) -> Ints:
        kept: Ints = at[np.abs(at - place) > tokens_apart]
        return kept

    return keep
