"""Where each line of a text starts, kept in blocks so that an edit costs little in a long file.

A value: `after_edit` gives a new one that shares the untouched blocks. Knows no documents.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Sequence
from itertools import islice
from typing import overload

_LINE_END = re.compile(r"\r\n|\r|\n")
_BLOCK_LINES = 256


class LineStarts(Sequence[int]):
    """Offsets of line starts, in code points; lines end at \\n, \\r\\n or \\r only, as in LSP."""

    __slots__ = ("_blocks", "_lines", "_offsets", "_total")

    def __init__(self, text: str) -> None:
        self._set([_Block.of(text)] if not text else _split(text, 0, len(text)))

    def _set(self, blocks: list[_Block]) -> None:
        self._blocks = blocks
        self._offsets: list[int] = []
        self._lines: list[int] = []
        offset = line = 0
        for block in blocks:
            self._offsets.append(offset)
            self._lines.append(line)
            offset += block.chars
            line += len(block.starts)
        self._total = line

    def __len__(self) -> int:
        return self._total

    @overload
    def __getitem__(self, index: int) -> int: ...
    @overload
    def __getitem__(self, index: slice) -> list[int]: ...
    def __getitem__(self, index: int | slice) -> int | list[int]:
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(self._total))]
        if index < 0:
            index += self._total
        if not 0 <= index < self._total:
            raise IndexError("line out of range")
        block = bisect_right(self._lines, index) - 1
        return self._offsets[block] + self._blocks[block].starts[index - self._lines[block]]

    def line_of(self, offset: int) -> int:
        """Number of the line that holds `offset`, from 0."""
        block = self._block_of(offset)
        return (
            self._lines[block] + bisect_right(self._blocks[block].starts, offset - self._offsets[block]) - 1
        )

    def after_edit(self, text: str, start: int, end: int, inserted: int) -> LineStarts:
        """The line starts of `text`, which came of replacing start..end of ours by `inserted` characters."""
        first, last = self._block_of(start), self._block_of(end)
        if first and start == self._offsets[first]:
            first -= 1  # a \r at the end of the block before may now be followed by \n
        begins = self._offsets[first]
        ends = self._offsets[last] + self._blocks[last].chars + inserted - (end - start)
        fresh = LineStarts.__new__(LineStarts)
        is_last = last == len(self._blocks) - 1
        fresh._set(
            self._blocks[:first]
            + _split(text, begins, ends, keep_last=is_last)
            + list(islice(self._blocks, last + 1, None))
        )
        return fresh

    def _block_of(self, offset: int) -> int:
        return max(0, bisect_right(self._offsets, offset) - 1)


class _Block:
    """Up to a few hundred lines: their starts from the block's own start, and its length."""

    __slots__ = ("chars", "starts")

    def __init__(self, starts: tuple[int, ...], chars: int) -> None:
        self.starts = starts
        self.chars = chars

    @classmethod
    def of(cls, text: str) -> _Block:
        return cls((0,), len(text))


def _split(text: str, begin: int, end: int, *, keep_last: bool = True) -> list[_Block]:
    """Blocks for begin..end, which starts at a line start.

    A line start at `end` belongs to the next block, except at the end of the text (`keep_last`).
    """
    starts = [begin, *(found.end() for found in _LINE_END.finditer(text, begin, end))]
    if not keep_last and starts[-1] == end:
        starts.pop()
    blocks: list[_Block] = []
    for at in range(0, len(starts), _BLOCK_LINES):
        base = starts[at]
        upto = starts[at + _BLOCK_LINES] if at + _BLOCK_LINES < len(starts) else end
        blocks.append(_Block(tuple(s - base for s in starts[at : at + _BLOCK_LINES]), upto - base))
    return blocks
