"""A suggestion as it grows, with the line it is in; every step looks at this and nothing else."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from qwen_lsp.assist.postprocess.brackets import Brackets
from qwen_lsp.code.cursor_context import CursorContext
from qwen_lsp.code.syntax import Inside


class Cut(NamedTuple):
    """The suggestion ends at `at` (code points from its start), and why."""

    at: int
    reason: str


class Step(Protocol):
    """One rule. Called after every piece (a word, a sign or a line end); the first cut ends the suggestion."""

    def watch(self, draft: Draft) -> Cut | None:
        """Where the suggestion should end, if this rule says so now."""
        ...


@dataclass(slots=True)
class Draft:
    """The text so far. A piece never holds a line end and something else."""

    place: CursorContext
    brackets: Brackets
    lines: list[str] = field(default_factory=list)
    """Finished lines, without their ends."""
    starts: list[int] = field(default_factory=lambda: [0])
    """Offset of each line, the unfinished one included."""
    partial: str = ""
    piece: str = ""
    closers: list[int] = field(default_factory=list)
    """Offsets of closers in the last piece that close something opened before the cursor."""
    taken: list[tuple[int, int]] = field(default_factory=list)
    """(length of the suggestion, how much of the text right of the cursor it had written again by then)."""
    inside: Inside | None = None
    """Whether the current line began in a string or comment."""
    depth: int = 0
    """Brackets of the suggestion open where the current line began."""
    began: bool = False
    """Whether the last piece brought the current line's first character that is not blank."""
    ended: bool = False
    """Whether the last piece ended a line; it is then the last of `lines`."""

    def grow(self, piece: str) -> None:
        """Take the next piece."""
        self.piece = piece
        self.closers = self.brackets.grow(piece)
        self.ended = piece == "\n"
        if self.ended:
            self.lines.append(self.partial)
            self.starts.append(self.length)
            self.partial = ""
            self.inside, self.depth = self.brackets.inside(), self.brackets.depth
            self.began = False
            return
        was_blank = not self.partial.strip()
        self.partial += piece
        self.began = was_blank and bool(self.partial.strip())

    def take_over(self, count: int) -> None:
        """The suggestion has written the next `count` characters right of the cursor again; they are replaced."""
        self.taken.append((self.length, self.consumed + count))

    @property
    def consumed(self) -> int:
        """How much of the text right of the cursor the suggestion has written again."""
        return self.taken[-1][1] if self.taken else 0

    def consumed_by(self, length: int) -> int:
        """The same for the first `length` code points of the suggestion."""
        return max((consumed for at, consumed in self.taken if at <= length), default=0)

    @property
    def length(self) -> int:
        """Code points so far (the end of the line just ended included)."""
        return (
            self.starts[-1]
            + len(self.partial)
            + (1 if self.ended and len(self.starts) == len(self.lines) else 0)
        )

    @property
    def row(self) -> int:
        """Number of the unfinished line, from 0."""
        return len(self.lines)

    @property
    def text(self) -> str:
        """All of it."""
        return "\n".join((*self.lines, self.partial))

    def full_line(self, row: int) -> str:
        """A line as it will stand in the file: the first one with what is left of the cursor."""
        line = self.lines[row] if row < len(self.lines) else self.partial
        return self.place.head + line if row == 0 else line
