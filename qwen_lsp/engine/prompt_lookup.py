"""Prompt lookup: drafts copied from text that is known, for decoding several tokens in one forward. Pure.

A rewrite repeats most of what it was given, so: find where the last tokens stood before, and draft what
followed there. While drafts are right, go on from the same place and draft longer; when they are wrong,
draft shorter, and after a bad run not at all for a while, so that text that repeats nothing costs nothing.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import deque
from collections.abc import Iterable, Sequence

LENGTHS = (3, 8, 16, 24)
"""Draft lengths, one at a time. Forwards of 5 to 8 rows have no fast attention on Apple GPUs: 3 drafts and
the token before them make 4 rows, 8 make 9."""
_MATCH = 3
"""So many tokens must have stood together before."""
_MATCH_ELSEWHERE = 4
"""In other texts than the prompt, so many."""
_MATCH_BEHIND = 2
"""So many are enough close behind a place that was right until now,"""
_BEHIND_TOKENS = 24
"""and so far is close."""
_LOOK_BACK = 16
"""Longest match that is worth measuring."""
_CANDIDATES = 8
"""Places looked at per search, the newest first."""
_JUDGED = 6
"""Drafts remembered for the decision to go on."""
_ENOUGH = 0.3
"""Share of drafted tokens that must have been right."""
_REST_TOKENS = 48
"""How long to draft nothing after too many were wrong."""


class Lookup:
    """Drafts for one answer. The prompt is the last of `sources`; what is generated follows it.

    The likeliest text to go on with comes first: it is tried from its beginning.
    """

    def __init__(self, sources: Sequence[Sequence[int]]) -> None:
        self._text: list[int] = []
        self._places: dict[tuple[int, ...], list[int]] = {}
        self._length = 0
        self._own = 0
        """Where the prompt begins: what stands there goes before what stands elsewhere."""
        self._at: int | None = None
        """Where in the text the next token is expected to stand, while a place is being followed."""
        self._lost: int | None = None
        """Where a place stopped being right: what comes back mostly comes back close behind."""
        self._seen_right = 0
        """Tokens that came as expected without having been drafted."""
        self._already_judged = 0
        self._verdicts: deque[tuple[int, int]] = deque(maxlen=_JUDGED)
        self._rest = 0
        self._draft: list[int] | None = None
        for number, source in enumerate(sources):
            if number:
                # A token no model has: nothing matches across the seam.
                self._text.append(-number)
            self._own = len(self._text)
            self._append(source)
        self._is_begun = len(sources) < 2

    def extend(self, tokens: Iterable[int]) -> None:
        """These came out, in order."""
        for token in tokens:
            if self._at is not None:
                self._follow(token)
            self._already_judged = max(0, self._already_judged - 1)
            self._append((token,))
            self._rest = max(0, self._rest - 1)
        self._draft = None

    def draft(self) -> list[int]:
        """What probably follows; empty when nothing matches, or drafting does not pay at present."""
        if self._draft is None:
            self._draft = [] if self._rest else self._find()
        return self._draft

    def judged(self, drafted: int, accepted: int) -> None:
        """So many of the last draft were right."""
        self._verdicts.append((drafted, accepted))
        self._already_judged = accepted
        if accepted == drafted:
            self._length = min(self._length + 1, len(LENGTHS) - 1)
        else:
            self._length = max(0, sum(length <= accepted for length in LENGTHS) - 1)
            self._lose(accepted)
        tried, right = (sum(column) for column in zip(*self._verdicts, strict=True))
        if len(self._verdicts) >= 2 and right < _ENOUGH * tried:
            self._rest = _REST_TOKENS
            self._verdicts.clear()
        self._draft = None

    def _follow(self, token: int) -> None:
        """Go on with the place that is being followed, or lose it."""
        assert self._at is not None
        if self._text[self._at] != token:
            self._lose(0)
            self._length = 0
            return
        self._at += 1
        if not self._already_judged:
            self._seen_right += 1
            if self._seen_right > LENGTHS[self._length]:
                self._length, self._seen_right = min(self._length + 1, len(LENGTHS) - 1), 0

    def _lose(self, right: int) -> None:
        assert self._at is not None
        self._lost, self._at, self._seen_right = self._at + right, None, 0

    def _append(self, tokens: Iterable[int]) -> None:
        text, places = self._text, self._places
        for token in tokens:
            text.append(token)
            if len(text) >= _MATCH:
                places.setdefault(tuple(text[-_MATCH:]), []).append(len(text))

    def _find(self) -> list[int]:
        if self._at is None:
            self._at = self._place()
        if self._at is None:
            return []
        ahead = self._text[self._at : self._at + LENGTHS[self._length]]
        seam = next((i for i, token in enumerate(ahead) if token < 0), len(ahead))
        if not ahead[:seam]:
            self._at = None
        return ahead[:seam]

    def _place(self) -> int | None:
        """Where to go on copying from, if anywhere."""
        found = self._places.get(tuple(self._text[-_MATCH:]), [])
        split = bisect_left(found, self._own + _MATCH)
        own, others = found[max(split, len(found) - _CANDIDATES - 1) :], found[:split][-_CANDIDATES:]
        place = self._longest(own) or self._close_behind()
        if place is None and not self._is_begun:
            # A text found for this very place begins with what is to come.
            place = 0
        self._is_begun = True
        return self._longest(others, _MATCH_ELSEWHERE) if place is None else place

    def _longest(self, places: Sequence[int], least: int = _MATCH) -> int | None:
        """The place after the longest match of the last tokens; of equal ones the newest."""
        end = len(self._text)
        best, longest = None, least - 1
        for place in reversed(places):
            if place < end and (length := self._match(place, end)) > longest:
                best, longest = place, length
        return best

    def _close_behind(self) -> int | None:
        """After a shorter match near where a place stopped being right."""
        if self._lost is None:
            return None
        end = len(self._text)
        last = self._text[-_MATCH_BEHIND:]
        for place in range(self._lost, min(self._lost + _BEHIND_TOKENS, end)):
            if self._text[place - _MATCH_BEHIND : place] == last:
                return place
        return None

    def _match(self, place: int, end: int) -> int:
        length = _MATCH
        while (
            length < _LOOK_BACK
            and place > length
            and self._text[place - length - 1] == self._text[end - length - 1]
        ):
            length += 1
        return length
