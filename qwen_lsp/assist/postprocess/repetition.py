"""Steps that end a suggestion which goes round in circles or copies the text above."""

from __future__ import annotations

import re
from collections import defaultdict

from qwen_lsp.assist.postprocess.draft import Cut, Draft
from qwen_lsp.assist.postprocess.line_similarity import is_telling, near, same
from qwen_lsp.code.cursor_context import CursorContext

_SAME, _SAME_EMPTY = 3, 6
_SAME_SHAPE = 4
"""So many statements in a row that differ only in a number or a quote are the model going round."""
_NEAR_LINES = 5
_LONGEST_BLOCK = 8
_BLOCK_SIGNS = 20
_ABOVE = 60
_COPIED_LINES, _COPIED_NEXT, _COPIED_SIGNS = 5, 2, 30
_LONGEST_UNIT = 40


class SelfRepetition:
    """A line, a block or a piece of a line written over and over."""

    def __init__(self) -> None:
        self._equal = self._alike = self._same_shape = 1
        self._hashes: list[int] = []

    def watch(self, draft: Draft) -> Cut | None:
        """Ends the suggestion after the first of the repeated pieces."""
        if draft.ended:
            return self.line(draft, draft.row - 1)
        unit = repeated_unit(draft.partial)
        if not unit:
            return None
        return Cut(draft.starts[-1] if draft.row else 0, "repeats itself")

    def line(self, draft: Draft, row: int) -> Cut | None:
        """The same for a given finished line (or the unfinished last one, at the end)."""
        line = draft.full_line(row).rstrip()
        self._hashes.append(hash(line))
        if row == 0:
            return None
        return self._lines(draft, row, line) or self._blocks(draft, row)

    def _lines(self, draft: Draft, row: int, line: str) -> Cut | None:
        before = draft.full_line(row - 1).rstrip()
        if not line.strip():
            return None
        self._equal = self._equal + 1 if line == before else 1
        self._alike = self._alike + 1 if is_telling(line) and near(line, before) else 1
        self._same_shape = self._same_shape + 1 if _shape(line) and _shape(line) == _shape(before) else 1
        if self._same_shape >= _SAME_SHAPE:
            return Cut(draft.starts[row - self._same_shape + 2] - 1, "repeats itself")
        telling = any(c.isalnum() for c in line)
        most = _SAME if telling else _SAME_EMPTY
        if self._equal >= most:
            return Cut(draft.starts[row - self._equal + 2] - 1, "repeats itself")
        if self._alike >= _NEAR_LINES:
            return Cut(draft.starts[row - self._alike + 2] - 1, "repeats itself")
        return None

    def _blocks(self, draft: Draft, row: int) -> Cut | None:
        """Two equal blocks after one another; a blank line between them counts to them."""
        for size in range(2, _LONGEST_BLOCK + 1):
            first = row + 1 - 2 * size
            if first < 0:
                return None
            if self._hashes[first : first + size] != self._hashes[first + size :]:
                continue
            block = [draft.full_line(at) for at in range(first, first + size)]
            if sum(len(line.strip()) for line in block if is_telling(line)) >= _BLOCK_SIGNS:
                return Cut(draft.starts[first + size] - 1, "repeats itself")
        return None


def _shape(line: str) -> str:
    """A statement without its numbers, the contents and the kind of its quotes; empty for an item of a list."""
    stripped = line.strip()
    if not is_telling(stripped) or stripped.endswith((",", "{", ":")) or not re.search(r"[=(\"'`]", stripped):
        return ""
    return re.sub(r"\d+", "0", re.sub(r"([\"'`])(?:\\\\.|(?!\1).)*\1", '""', stripped))


def repeated_unit(line: str) -> str:
    """The piece a line ends in many times over, or nothing."""
    if len(line) < 18:
        return ""
    for size in range(1, min(_LONGEST_UNIT, len(line) // 4) + 1):
        times = 24 if size < 3 else 6 if size < 10 else 4
        if size * times > len(line) or line[-1] != line[-1 - size]:
            continue
        unit = line[-size:]
        if any(c.isalnum() for c in unit) and line.endswith(unit * times):
            return unit
    return ""


class RepetitionAbove:
    """The line just above once more, or several lines from further up."""

    def __init__(self, place: CursorContext) -> None:
        self._above = [line.rstrip() for line in place.above[-_ABOVE:] if line.strip()]
        self._places: dict[str, list[int]] = defaultdict(list)
        for at, line in enumerate(self._above):
            self._places[line].append(at)
        self._runs: dict[int, tuple[int, int, int]] = {}
        """Line above matched last -> (row the run began at, telling lines in it, their signs)."""

    def watch(self, draft: Draft) -> Cut | None:
        """Ends the suggestion where the copy begins."""
        return self.line(draft, draft.row - 1) if draft.ended else None

    def line(self, draft: Draft, row: int) -> Cut | None:
        """The same for a given finished line (or the unfinished last one, at the end)."""
        line = draft.full_line(row).rstrip()
        if not line.strip() or not self._above:
            return None
        if self._echoes_last(draft, row, line):
            return Cut(draft.starts[row] if row == 0 else 0, "repeats the text above")
        runs: dict[int, tuple[int, int, int]] = {}
        for at in self._places.get(line, ()):
            begun, telling, signs = self._runs.get(at - 1, (row, 0, 0))
            if is_telling(line) and not draft.inside:
                telling, signs = telling + 1, signs + len(line.strip())
            runs[at] = (begun, telling, signs)
            enough = _COPIED_NEXT if at == len(self._above) - 1 else _COPIED_LINES
            if telling >= enough and signs >= _COPIED_SIGNS:
                return Cut(draft.starts[begun], "repeats the text above")
        self._runs = runs
        return None

    def _echoes_last(self, draft: Draft, row: int, line: str) -> bool:
        """Whether the first line is the one above again, and not because the user is typing it so."""
        if row > 1 or (row == 1 and draft.lines[0].strip()):
            return False
        typed = len(draft.place.head.strip()) if row == 0 else 0
        last = draft.place.head if row == 1 and draft.place.head.strip() else self._above[-1]
        return is_telling(line) and same(line, last) and typed * 2 < len(line.strip())
