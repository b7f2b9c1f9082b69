"""Between the editor's positions (UTF-8, UTF-16 or UTF-32 units in a line) and our offsets in code points."""

from __future__ import annotations

from collections.abc import Callable

from lsprotocol import types

from qwen_lsp.code.snapshot import Snapshot


class Positions:
    """One client's way of counting columns.

    Whatever a client sends becomes a place inside the document: lines past the end mean the end, columns
    past a line's end mean its end, and columns inside a character mean the place after it.
    """

    def __init__(self, encoding: str = types.PositionEncodingKind.Utf16.value) -> None:
        self.agree(encoding)

    def agree(self, encoding: str) -> None:
        """Count in `encoding` from now on: what was agreed on at `initialize`."""
        self.encoding = encoding
        self._units: Callable[[str], int] = _UNITS[encoding]

    def offset(self, snapshot: Snapshot, position: types.Position) -> int:
        """The offset of a position."""
        starts = snapshot.line_starts
        if position.line >= len(starts):
            return len(snapshot.text)
        line = snapshot.line_text(position.line)
        return starts[position.line] + self._column(line, position.character)

    def position(self, snapshot: Snapshot, offset: int) -> types.Position:
        """The position of an offset."""
        offset = min(max(0, offset), len(snapshot.text))
        line = snapshot.line_of(offset)
        before = snapshot.text[snapshot.line_start(line) : offset]
        return types.Position(line, self._units(before))

    def span(self, snapshot: Snapshot, range: types.Range) -> tuple[int, int]:
        """Start and end offsets of a range, in order."""
        start, end = self.offset(snapshot, range.start), self.offset(snapshot, range.end)
        return min(start, end), max(start, end)

    def range(self, snapshot: Snapshot, start: int, end: int) -> types.Range:
        """The range of two offsets."""
        return types.Range(self.position(snapshot, start), self.position(snapshot, end))

    def _column(self, line: str, units: int) -> int:
        """How many characters of `line` the first `units` units are."""
        if line.isascii() or self.encoding == types.PositionEncodingKind.Utf32.value:
            return min(units, len(line))
        seen = 0
        for column, character in enumerate(line):
            if seen >= units:
                return column
            seen += self._units(character)
        return len(line)


def _utf8_units(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))


def _utf16_units(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode("utf-16-le", "surrogatepass")) // 2


_UNITS: dict[str, Callable[[str], int]] = {
    types.PositionEncodingKind.Utf8.value: _utf8_units,
    types.PositionEncodingKind.Utf16.value: _utf16_units,
    types.PositionEncodingKind.Utf32.value: len,
}
