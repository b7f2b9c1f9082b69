"""What becomes of a shown suggestion: accepted, accepted in part, typed through or dismissed."""

from __future__ import annotations

import re
from collections import OrderedDict
from dataclasses import dataclass
from typing import Literal, Protocol

from qwen_lsp.assist.completion.suggestion_cache import CacheHit
from qwen_lsp.assist.suggestion import Suggestion
from qwen_lsp.code.snapshot import Edit

Ending = Literal["accepted", "partly accepted", "typed through", "dismissed"]
_MOST_OFFERS = 256
_WORD = re.compile(r"\w\w")


class Counter(Protocol):
    """Counts the endings (storage/acceptance_stats)."""

    def shown(self, language: str, latency_ms: float) -> None:
        """A suggestion was shown, this long after its request."""
        ...

    def ended(self, language: str, ending: Ending) -> None:
        """A shown suggestion came to this end."""
        ...


@dataclass(slots=True)
class _Offer:
    """A suggestion in a result; shown once the editor says so."""

    root: str
    uri: str
    language: str
    text: str
    latency_ms: float


@dataclass(slots=True)
class _Shown:
    offers: list[_Offer]
    """One, or several offered as a choice; those that the user's text rules out are dropped."""
    taken: int = 0
    """Characters of it that stand in the document."""
    accepted: int = 0
    """Of these, how many came at once rather than key by key."""

    @property
    def offer(self) -> _Offer:
        """The one that is meant, as far as one can tell."""
        return self.offers[0]


class AcceptanceTracker:
    """Tracks the one suggestion that each document shows."""

    def __init__(self, counter: Counter | None) -> None:
        self._counter = counter
        self._offers: OrderedDict[str, _Offer] = OrderedDict()
        self._shown: dict[str, _Shown] = {}

    def offered(
        self,
        suggestion: Suggestion,
        root: str,
        uri: str,
        language: str,
        latency_ms: float,
        hit: CacheHit | None = None,
    ) -> None:
        """A result held this suggestion; `root` is its id as first shown."""
        text = hit.known.text if hit else suggestion.text
        self._offers[suggestion.id] = _Offer(root, uri, language, text, latency_ms)
        while len(self._offers) > _MOST_OFFERS:
            self._offers.popitem(last=False)

    def shown(self, suggestion_id: str) -> None:
        """The editor shows it."""
        offer = self._offers.get(suggestion_id)
        if offer is None:
            return
        current = self._shown.get(offer.uri)
        if current is not None and current.offer.root == offer.root:
            if all(offer.text != other.text for other in current.offers) and not current.taken:
                current.offers.append(offer)
            return
        self.over(offer.uri)
        self._shown[offer.uri] = _Shown([offer])
        if self._counter is not None:
            self._counter.shown(offer.language, offer.latency_ms)

    def edited(self, uri: str, edit: Edit) -> None:
        """The document changed; perhaps by a piece of what is shown."""
        shown = self._shown.get(uri)
        if shown is None:
            return
        put_in = edit.text.replace("\r\n", "\n")
        fitting = [o for o in shown.offers if put_in and o.text[shown.taken :].startswith(put_in)]
        if fitting:
            shown.offers = fitting
            left = fitting[0].text[shown.taken :]
            shown.taken += len(put_in)
            if len(put_in) > 1 and (put_in == left or _WORD.search(put_in)):
                shown.accepted += len(put_in)
        elif not put_in and edit.end > edit.start:
            shown.taken = max(0, shown.taken - (edit.end - edit.start))

    def accepted(self, suggestion_id: str, chars: int | None) -> None:
        """The editor says that it, or its first `chars` characters, were taken."""
        offer = self._offers.get(suggestion_id)
        shown = self._shown.get(offer.uri) if offer else None
        if offer is None or shown is None or shown.offer.root != offer.root:
            return
        shown.offers.sort(key=lambda other: other.text != offer.text)
        whole = len(shown.offer.text)
        shown.accepted = whole if chars is None else max(shown.accepted, min(chars, whole))
        if shown.accepted >= whole:
            self.over(offer.uri)

    def over(self, uri: str) -> None:
        """It is not shown any more: count how it ended."""
        shown = self._shown.pop(uri, None)
        if shown is not None and self._counter is not None:
            self._counter.ended(shown.offer.language, _ending(shown))

    def close(self) -> None:
        """Count all that are still shown."""
        for uri in list(self._shown):
            self.over(uri)


def _ending(shown: _Shown) -> Ending:
    whole = len(shown.offer.text)
    if shown.accepted * 2 >= whole and shown.accepted >= whole - (shown.taken - shown.accepted):
        return "accepted"
    if shown.accepted:
        return "partly accepted"
    return "typed through" if shown.taken * 2 >= whole else "dismissed"
