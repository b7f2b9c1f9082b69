"""Text to token numbers, the same for every language: words, single signs, and line breaks without indentation."""

from __future__ import annotations

import re
import threading
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int32]

BORDER = 0
"""Between two files; matches nothing."""
NEWLINE = 1
"""A line break with the blank lines and the indentation after it."""
_SPACE = 2

# Every character belongs to exactly one piece, so that offsets are sums of lengths.
_PIECE = re.compile(r"\s*\n\s*|\s+|\w+|[^\w\s]")


class LexerVocabulary(dict[str, int]):
    """Numbers for token texts; any thread may look up, new ones are numbered under a lock."""

    def __init__(self) -> None:
        super().__init__()
        self.texts: list[str] = ["", "\n", " "]
        self._lock = threading.Lock()

    def __missing__(self, piece: str) -> int:
        if piece.isspace():
            return NEWLINE if "\n" in piece else _SPACE
        with self._lock:
            number = self.get(piece)
            if number is None:
                number = len(self.texts)
                self.texts.append(piece)
                self[piece] = number
        return number


@dataclass(slots=True)
class Lexed:
    """Token numbers and the offset at which each begins. A break's offset is where its white space begins."""

    tokens: Ints
    starts: Ints


def lex(text: str, vocabulary: LexerVocabulary, first_offset: int = 0) -> Lexed:
    """Tokens of `text`; white space inside lines is left out."""
    pieces = _PIECE.findall(text)
    numbers = np.fromiter(map(vocabulary.__getitem__, pieces), np.int32, len(pieces))
    ends = np.cumsum(np.fromiter(map(len, pieces), np.int32, len(pieces)), dtype=np.int32)
    starts = np.empty_like(ends)
    if len(ends):
        starts[0] = 0
        starts[1:] = ends[:-1]
    kept = numbers != _SPACE
    return Lexed(numbers[kept], starts[kept] + np.int32(first_offset))


def is_name(text: str) -> bool:
    """Whether a token could be a name (a word that begins with no digit)."""
    return text[:1].isalpha() or text[:1] == "_"
