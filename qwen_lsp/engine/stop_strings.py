"""Stop texts in a stream: finds the first one, also across pieces, and holds back a half-seen one."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SafeText:
    """What may be shown now, and the stop text that was met (nothing follows it)."""

    text: str
    stop: str | None = None


class StopScanner:
    """Feeds text through until a stop text is met; the stop text itself never comes out."""

    def __init__(self, stops: Iterable[str]) -> None:
        self._stops = tuple(dict.fromkeys(s for s in stops if s))
        self._longest = max((len(s) for s in self._stops), default=0)
        self._held = ""
        self._met: str | None = None

    def feed(self, piece: str) -> SafeText:
        """Take the next piece; returns what is certain to come before any stop text."""
        if self._met is not None:
            return SafeText("", self._met)
        if not self._stops:
            return SafeText(piece)
        text = self._held + piece
        found = self._first(text)
        if found is not None:
            at, self._met = found
            self._held = ""
            return SafeText(text[:at], self._met)
        held = self._half_seen(text)
        self._held = text[len(text) - held :]
        return SafeText(text[: len(text) - held])

    def flush(self) -> str:
        """The end of the stream: what was held back is plain text after all."""
        held, self._held = self._held, ""
        return held

    def _first(self, text: str) -> tuple[int, str] | None:
        """The stop text that is complete first; of two that end together, the longer one."""
        places = [(at + len(s), at, s) for s in self._stops if (at := text.find(s)) >= 0]
        if not places:
            return None
        _, at, stop = min(places)
        return at, stop

    def _half_seen(self, text: str) -> int:
        """Length of the longest end of `text` that is the beginning of a stop text."""
        for length in range(min(self._longest - 1, len(text)), 0, -1):
            end = text[-length:]
            if any(s.startswith(end) for s in self._stops if len(s) > length):
                return length
        return 0
