"""Suggestions already made: found again after typing into them, deleting, accepting a part. No engine needed."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, replace

from qwen_lsp.assist.suggestion import Source, SourceLocation, Suggestion
from qwen_lsp.code.snapshot import Edit, Snapshot

_BEFORE_CHARS, _AFTER_CHARS = 256, 128
"""How much of the surroundings must still be the same."""
_PER_DOCUMENT = 24
_DOCUMENTS = 32
_GAP_CHARS = 8
_CLOSERS = frozenset(")]}>\"'`;,")


@dataclass(frozen=True, slots=True)
class CachedSuggestion:
    """A suggestion at `at`, and after it what would be suggested once it is accepted."""

    root: str
    """Id of the suggestion as it was first shown."""
    at: int
    before: str
    after: str
    to_end: bool
    text: str
    ends: tuple[int, ...]
    """Where the first suggestion ends in `text`, then those that were fetched ahead."""
    source: Source = "engine"
    confidence: float | None = None
    places: tuple[SourceLocation, ...] = ()
    manual: bool = False
    others: tuple[str, ...] = ()
    """Alternatives offered beside it, as when first shown."""

    def carried(self, edit: Edit) -> CachedSuggestion:
        """The same, its place moved over an edit; text inserted exactly at `at` is typed into it."""
        if edit.start >= self.at:
            return self
        if edit.end <= self.at:
            return replace(self, at=self.at + len(edit.text) - (edit.end - edit.start))
        return replace(self, at=edit.start)


@dataclass(frozen=True, slots=True)
class CacheHit:
    """What is left of a known suggestion at a cursor."""

    known: CachedSuggestion
    text: str
    end: int
    typed: int
    """How much of it stands in the document already."""

    @property
    def source(self) -> Source:
        """Fetched ahead and met at its beginning, or typed through."""
        if self.typed in self.known.ends:
            return "prefetched"
        return self.known.source if self.typed == 0 and self.known.source == "recall" else "typed-through"


class SuggestionCache:
    """The last suggestions of each document, the newest first; bounded."""

    def __init__(self) -> None:
        self._documents: OrderedDict[str, list[CachedSuggestion]] = OrderedDict()

    def __len__(self) -> int:
        return sum(map(len, self._documents.values()))

    def edited(self, uri: str, edits: Sequence[Edit]) -> None:
        """Carry the document's suggestions over its edits."""
        if uri in self._documents:
            for edit in edits:
                self._documents[uri] = [known.carried(edit) for known in self._documents[uri]]

    def forget(self, uri: str) -> None:
        """The document was closed."""
        self._documents.pop(uri, None)

    def remember(
        self, snapshot: Snapshot, suggestions: Sequence[Suggestion], *, manual: bool = False
    ) -> None:
        """Keep what is shown; each suggestion replaces its start..end of this snapshot."""
        text = snapshot.text
        fresh = [_known(text, each, suggestions, manual) for each in suggestions]
        names = {(k.at, k.before, k.text[: k.ends[0]]) for k in fresh}
        old = self._documents.pop(snapshot.uri, [])
        kept = [k for k in old if (k.at, k.before, k.text[: k.ends[0]]) not in names]
        self._documents[snapshot.uri] = [*fresh, *kept][:_PER_DOCUMENT]
        while len(self._documents) > _DOCUMENTS:
            self._documents.popitem(last=False)

    def extend(self, uri: str, root: str, after: str, text: str) -> bool:
        """What would come after the suggestion `root`, of which `after` is known so far."""
        entries = self._documents.get(uri, [])
        for place, known in enumerate(entries):
            if known.root == root and known.text == after:
                longer = known.text + text
                entries[place] = replace(known, text=longer, ends=(*known.ends, len(longer)))
                return True
        return False

    def find(self, snapshot: Snapshot, cursor: int) -> CacheHit | None:
        """What is left of a known suggestion here; None when there is none or nothing is left."""
        for known in self._documents.get(snapshot.uri, ()):
            hit = _left(known, snapshot.text, cursor)
            if hit is not None:
                return hit
        return None


def _known(text: str, one: Suggestion, offered: Sequence[Suggestion], manual: bool) -> CachedSuggestion:
    return CachedSuggestion(
        root=offered[0].id,
        at=one.start,
        before=text[max(0, one.start - _BEFORE_CHARS) : one.start],
        after=text[one.end : one.end + _AFTER_CHARS],
        to_end=one.end + _AFTER_CHARS >= len(text),
        text=one.text,
        ends=(len(one.text),),
        source=one.source,
        confidence=one.confidence,
        places=one.places,
        manual=manual,
        others=tuple(s.text for s in offered if s is not one),
    )


def _left(known: CachedSuggestion, text: str, cursor: int) -> CacheHit | None:
    if not 0 <= cursor - known.at <= 2 * len(known.text):
        return None
    typed = text[known.at : cursor].replace("\r\n", "\n")
    if len(typed) >= len(known.text) or not known.text.startswith(typed):
        return None
    if known.before != text[max(0, known.at - _BEFORE_CHARS) : known.at]:
        return None
    upto = next(end for end in known.ends if end > len(typed))
    rest = known.text[len(typed) : upto]
    end = _end(known, text, cursor, rest)
    return None if end is None or not rest.strip() else CacheHit(known, rest, end, len(typed))


def _end(known: CachedSuggestion, text: str, cursor: int, rest: str) -> int | None:
    """Where the text right of the cursor is again what it was after the suggestion.

    Between may stand closers: those it swallowed and that are not typed over yet, or that the editor put in.
    """
    for gap in range(_GAP_CHARS + 1):
        between = text[cursor : cursor + gap]
        if len(between) < gap or not _CLOSERS.issuperset(between):
            return None
        if _goes_on(known, text, cursor + gap) and _in_order(between, rest):
            return cursor + gap
    return None


def _goes_on(known: CachedSuggestion, text: str, at: int) -> bool:
    if not text.startswith(known.after, at):
        return False
    return not known.to_end or at + len(known.after) == len(text)


def _in_order(closers: str, rest: str) -> bool:
    """Whether `rest` brings these closers along, in their order."""
    at = 0
    for closer in closers:
        at = rest.find(closer, at) + 1
        if not at:
            return False
    return True
