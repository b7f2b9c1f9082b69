"""One change of a text, and how changes combine. Offsets are code points; values only, no documents."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Literal

ChangeKind = Literal["typed", "accepted"]


@dataclass(frozen=True, slots=True)
class Change:
    """`old` became `new` at `start` of the text as it was just before."""

    uri: str
    start: int
    old: str
    new: str
    kind: ChangeKind = "typed"
    number: int = 0
    """Order of the last touch over all documents; greater is newer."""
    began_s: float = 0.0
    ended_s: float = 0.0
    line: int = 0
    """Line of `start`, from 0, when it was last touched."""
    head: str = ""
    """What stood before it on its first line, and after it on its last: the end nearest to it, when long."""
    tail: str = ""

    @property
    def end(self) -> int:
        """Where `new` ends, in the text just after."""
        return self.start + len(self.new)

    @property
    def growth(self) -> int:
        """By how many characters it made the text longer."""
        return len(self.new) - len(self.old)

    @property
    def old_lines(self) -> str:
        """The lines it touched, as they were."""
        return self.head + self.old + self.tail

    @property
    def new_lines(self) -> str:
        """The lines it touched, as they became."""
        return self.head + self.new + self.tail

    def done(self, text: str) -> str:
        """The text after this change."""
        return text[: self.start] + self.new + text[self.start + len(self.old) :]

    def undone(self, text: str) -> str:
        """The text before this change."""
        return text[: self.start] + self.old + text[self.end :]

    def meets(self, start: int, end: int) -> bool:
        """Whether start..end of the text just after touches what it wrote."""
        return start <= self.end and end >= self.start

    def undoes(self, other: Change) -> bool:
        """Whether this change takes back another that was made just before."""
        return self.start == other.start and self.old == other.new and self.new == other.old


def merge(earlier: Change, later: Change) -> Change:
    """Both as one change; `later` must touch what `earlier` wrote. What is equal at both ends is left out."""
    start = min(earlier.start, later.start)
    later_end = later.start + len(later.old)
    before = later.old[: max(0, earlier.start - later.start)]
    after = later.old[len(later.old) - max(0, later_end - earlier.end) :] if later_end > earlier.end else ""
    kept_head = earlier.new[: max(0, later.start - earlier.start)]
    kept_tail = earlier.new[later_end - earlier.start :] if later_end < earlier.end else ""
    old, new = before + earlier.old + after, kept_head + later.new + kept_tail
    head, tail = shared_ends(old, new)
    return replace(
        later,
        start=start + head,
        old=old[head : len(old) - tail],
        new=new[head : len(new) - tail],
        began_s=min(earlier.began_s, later.began_s),
    )


def shared_ends(old: str, new: str) -> tuple[int, int]:
    """How many characters two texts share at the beginning, and then at the end."""
    most = min(len(old), len(new))
    head = _longest(lambda n: old[:n] == new[:n], most)
    tail = _longest(lambda n: n == 0 or old[-n:] == new[-n:], most - head)
    return head, tail


def _longest(equal: Callable[[int], bool], most: int) -> int:
    """The largest n up to `most` for which `equal(n)`; it holds for all smaller ones."""
    low, high = 0, most
    while low < high:
        middle = (low + high + 1) // 2
        if equal(middle):
            low = middle
        else:
            high = middle - 1
    return low


def net(changes: Iterable[Change]) -> list[Change]:
    """What changes of one text, in the order they were made, come to: changes of different places, top first.

    Each one's `start` is its place in the text after all of them.
    """
    starts: list[int] = []
    places: list[Change] = []  # their own `start` is out of date; `starts` has it
    for change in changes:
        first = past = 0
        growth, end = change.growth, change.start + len(change.old)
        while past < len(places) and starts[past] <= end:
            past += 1
            if starts[past - 1] + len(places[past - 1].new) < change.start:
                first = past
        for at in range(past - 1, first - 1, -1):
            change = merge(replace(places[at], start=starts[at]), change)
        starts[past:] = [start + growth for start in starts[past:]]
        kept = change.old != change.new
        starts[first:past] = [change.start] * kept
        places[first:past] = [change] * kept
    return [replace(place, start=start) for place, start in zip(places, starts, strict=True)]
