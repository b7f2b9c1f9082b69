"""The prompt layout that makes a keystroke cheap: a frozen window, and what is typed since after it. Pure.

    snippets | prefix | suffix | typed
               ^start   ^cursor  ^at..cursor

An anchor freezes the text before `at` and the text after the cursor. As long as the document still reads
prefix + typed + suffix around the cursor, only the end of the prompt changes. Nothing is taken on trust:
whether an anchor still holds is found by comparing, so a missed or odd edit costs tokens, never a wrong prompt.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

from qwen_lsp.code.snapshot import Edit, Snapshot

GRID_LINES = 64
"""A window starts on a multiple of this many lines, and stays there until it is two grids too long."""
LONG_TYPED_CHARS = 320
"""About 100 tokens: past this a new anchor is prepared in idle time."""
MOST_TYPED_CHARS = 2_000
"""Past this a new anchor is made at once."""
_CHARS_PER_LINE = 48
"""A window of n lines holds at most this many times n characters."""
_GAP_CHARS = 64
_CLOSERS = frozenset(")]}>\"'`;,: \t\r\n")
_LIVE_ANCHORS = 4
_CUT_GRID_CHARS = 256
"""A window that begins inside a long line begins on a multiple of this, so that two windows begin alike."""

Why = Literal["kept", "first", "moved", "too long"]


@dataclass(frozen=True, slots=True)
class Sizes:
    """How much of a document a window may hold."""

    prefix_lines: int = 256
    suffix_lines: int = 64
    prefix_chars: int = 256 * _CHARS_PER_LINE
    suffix_chars: int = 64 * _CHARS_PER_LINE

    @classmethod
    def of(cls, prefix_lines: int, suffix_lines: int, budget_chars: int | None = None) -> Sizes:
        """Sizes for these lines that together stay under `budget_chars`, the prefix getting three quarters."""
        prefix_lines, suffix_lines = max(1, prefix_lines), max(0, suffix_lines)
        prefix_chars, suffix_chars = prefix_lines * _CHARS_PER_LINE, suffix_lines * _CHARS_PER_LINE
        if budget_chars is not None:
            # A window may grow by half before it moves, and what is typed comes on top.
            budget = max(200, budget_chars - min(MOST_TYPED_CHARS // 2, budget_chars // 8))
            prefix_chars = min(prefix_chars, budget // 2)
            suffix_chars = min(suffix_chars, budget // 4)
        return cls(prefix_lines, suffix_lines, prefix_chars, suffix_chars)


MakeSizes = Callable[[], Sizes]
"""How much a window may hold here; called only where a new one is cut."""


@dataclass(frozen=True, slots=True)
class Anchor:
    """A frozen window. `at` is where the typed text begins, in the newest version we know."""

    at: int
    prefix: str
    suffix: str
    from_start: bool
    """The prefix begins at the document's start."""
    to_end: bool
    """The suffix reaches the document's end."""
    extra: object = None
    """What else is frozen with it (snippets of other files)."""

    @property
    def start(self) -> int:
        """Where the window begins."""
        return self.at - len(self.prefix)

    def after(self, edit: Edit) -> Anchor:
        """This anchor, its place moved over an edit. Text inserted exactly at `at` is typed text."""
        if edit.start >= self.at:
            return self
        if edit.end <= self.at:
            return replace(self, at=self.at + len(edit.text) - (edit.end - edit.start))
        return replace(self, at=edit.start)

    def holds(self, text: str, cursor: int, at: int) -> int | None:
        """How many characters lie between the cursor and the frozen suffix, when the anchor holds; else None.

        They can only be closers and blanks that an editor inserts by itself while the user types.
        """
        start = at - len(self.prefix)
        if not start >= 0 or not at <= cursor or (self.from_start and start):
            return None
        if not text.startswith(self.prefix, start):
            return None
        return self._gap(text, cursor)

    def _gap(self, text: str, cursor: int) -> int | None:
        if self.to_end:
            gap = len(text) - len(self.suffix) - cursor
            if not 0 <= gap <= _GAP_CHARS or not text.endswith(self.suffix):
                return None
            return gap if _CLOSERS.issuperset(text[cursor : cursor + gap]) else None
        if text.startswith(self.suffix, cursor):
            return 0
        for gap in range(1, _GAP_CHARS + 1):
            if text[cursor + gap - 1 : cursor + gap] not in _CLOSERS:
                return None
            if text.startswith(self.suffix, cursor + gap):
                return gap
        return None


@dataclass(frozen=True, slots=True)
class Placed:
    """The layout for one cursor: an anchor, and what has been typed since."""

    anchor: Anchor
    typed: str
    why: Why
    gap: int = 0
    """Closers right of the cursor that the frozen suffix does not have."""

    @property
    def is_new(self) -> bool:
        """Whether the frozen part was cut just now."""
        return self.why != "kept"


class Anchors:
    """The few live anchors of one document: several places, each kept as long as it holds."""

    def __init__(self) -> None:
        self._live: list[Anchor] = []

    def __len__(self) -> int:
        return len(self._live)

    def edited(self, edit: Edit) -> None:
        """Move all anchors over an edit."""
        self._live = [anchor.after(edit) for anchor in self._live]

    def find(self, snapshot: Snapshot, cursor: int) -> Placed | None:
        """The live anchor that holds here, least typed first."""
        text = snapshot.text
        line_start = _line_start(text, cursor)
        best: Placed | None = None
        for anchor in self._live:
            # Undo of a deletion across the anchor brings it back at the line start, not where we think it is.
            for at in dict.fromkeys((anchor.at, line_start)):
                if not 0 <= cursor - at <= MOST_TYPED_CHARS:
                    continue
                gap = anchor.holds(text, cursor, at)
                if gap is not None and (best is None or (gap, cursor - at) < (best.gap, len(best.typed))):
                    best = Placed(replace(anchor, at=at), text[at:cursor], "kept", gap)
        return best

    def place(self, snapshot: Snapshot, cursor: int, sizes: MakeSizes) -> Placed:
        """The layout here: a live anchor that holds, or a new one, not yet kept."""
        return self.find(snapshot, cursor) or self._new(snapshot, cursor, sizes())

    def alike(self, anchor: Anchor) -> Anchor | None:
        """The newest live anchor whose window begins at the same place, so that prompts can begin alike."""
        return next((a for a in reversed(self._live) if a.start == anchor.start), None)

    def keep(self, anchor: Anchor) -> None:
        """Keep this anchor as the newest; the one unused for longest is dropped when there are too many."""
        same = [a for a in self._live if (a.prefix, a.suffix) == (anchor.prefix, anchor.suffix)]
        self._live = [*(a for a in self._live if a not in same), anchor][-_LIVE_ANCHORS:]

    def better(self, snapshot: Snapshot, cursor: int, make_sizes: MakeSizes) -> Anchor | None:
        """The anchor to prepare in idle time: at this line's start, once much has been typed; else None."""
        placed = self.find(snapshot, cursor)
        if placed is None:
            return self._new(snapshot, cursor, make_sizes()).anchor
        if placed.gap or len(placed.typed) <= LONG_TYPED_CHARS:
            return None
        sizes = make_sizes()
        fresh = cut(snapshot, cursor, sizes, self._starts(snapshot, cursor, sizes))
        return fresh if fresh.at > placed.anchor.at else None

    def _new(self, snapshot: Snapshot, cursor: int, sizes: Sizes) -> Placed:
        anchor = cut(snapshot, cursor, sizes, self._starts(snapshot, cursor, sizes))
        outgrown = any(a.holds(snapshot.text, cursor, a.at) is not None for a in self._live)
        why: Why = "first" if not self._live else "too long" if outgrown else "moved"
        return Placed(anchor, snapshot.text[anchor.at : cursor], why)

    def _starts(self, snapshot: Snapshot, cursor: int, sizes: Sizes) -> int | None:
        """A live anchor's window start that also serves here, so that both prompts begin alike."""
        line = snapshot.line_of(cursor)
        for anchor in reversed(self._live):
            start = anchor.start
            if not 0 <= start <= cursor or cursor - start > sizes.prefix_chars * 3 // 2:
                continue
            if anchor.from_start != (start == 0):
                continue
            first = snapshot.line_of(start)
            if line - first > sizes.prefix_lines + 2 * GRID_LINES:
                continue
            if start and line - first < sizes.prefix_lines and cursor - start < sizes.prefix_chars * 2 // 3:
                continue
            return start
        return None


def cut(snapshot: Snapshot, cursor: int, sizes: Sizes, start: int | None = None) -> Anchor:
    """A new anchor at the start of the cursor's line. Looks only at the text around the cursor."""
    text = snapshot.text
    at = _line_start(text, cursor)
    if cursor - at > LONG_TYPED_CHARS:
        at = cursor - _word_before(text, cursor)
    begin = _window_start(snapshot, at, sizes) if start is None or start > at else start
    end = _window_end(snapshot, cursor, sizes)
    return Anchor(at, text[begin:at], text[cursor:end], begin == 0, end == len(text))


def _window_start(snapshot: Snapshot, at: int, sizes: Sizes) -> int:
    first = max(0, snapshot.line_of(at) - sizes.prefix_lines) // GRID_LINES * GRID_LINES
    start = snapshot.line_start(first)
    if at - start <= sizes.prefix_chars * 5 // 4:
        return start
    start = at - sizes.prefix_chars
    newline = snapshot.text.find("\n", start, at)
    return newline + 1 if newline >= 0 else min(at, -(-start // _CUT_GRID_CHARS) * _CUT_GRID_CHARS)


def _window_end(snapshot: Snapshot, cursor: int, sizes: Sizes) -> int:
    end = snapshot.line_start(snapshot.line_of(cursor) + sizes.suffix_lines + 1)
    if end - cursor <= sizes.suffix_chars:
        return end
    end = cursor + sizes.suffix_chars
    newline = snapshot.text.rfind("\n", cursor + 1, end)
    return newline + 1 if newline >= 0 else end


def _line_start(text: str, cursor: int) -> int:
    return max(text.rfind("\n", 0, cursor), text.rfind("\r", max(0, cursor - MOST_TYPED_CHARS), cursor)) + 1


def _word_before(text: str, cursor: int) -> int:
    """Length of the unfinished word left of the cursor, at most 32."""
    length = 0
    while (
        length < 32
        and length < cursor
        and (text[cursor - length - 1].isalnum() or text[cursor - length - 1] == "_")
    ):
        length += 1
    return length
