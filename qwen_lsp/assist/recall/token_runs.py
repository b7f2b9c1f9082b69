"""Token runs of many files, found by hash: one sorted block for closed files, scanned arrays for open ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from qwen_lsp.assist.recall.lexer import BORDER, Ints

LONG, MIDDLE, SHORT = 8, 5, 3
"""Run lengths that are hashed, tokens; longer runs are found among the longest one's places."""
_FACTOR = np.uint32(2654435761)
Hashes = npt.NDArray[np.uint32]


@dataclass(frozen=True, slots=True)
class FileText:
    """One file as it was read."""

    uri: str
    text: str


def run_hash(tokens: Sequence[int]) -> int:
    """The hash of one run."""
    value = 0
    for token in tokens:
        value = ((value ^ int(token)) * int(_FACTOR)) & 0xFFFFFFFF
        value ^= value >> 15
    return value


def run_hashes(tokens: Ints, length: int) -> Hashes:
    """For each place i the hash of tokens[i-length:i]; places before the first whole run hold 0."""
    count = len(tokens) + 1
    hashes = np.zeros(count, np.uint32)
    if count > length:
        value = np.zeros(count - length, np.uint32)
        unsigned = tokens.astype(np.uint32)
        for step in range(length):
            value ^= unsigned[step : step + len(value)]
            value *= _FACTOR
            value ^= value >> np.uint32(15)
        hashes[length:] = value
    return hashes


class TokenBlock:
    """Closed files, joined; immutable once built. `places` are indices of the token after a run."""

    def __init__(self, files: Sequence[FileText], tokens: Sequence[Ints], starts: Sequence[Ints]) -> None:
        border = np.array([BORDER], np.int32)
        zero = np.array([0], np.int32)
        self.files = tuple(files)
        self.tokens: Ints = _joined([p for t in tokens for p in (t, border)])
        self.starts: Ints = _joined([p for s in starts for p in (s, zero)])
        sizes = np.array([len(t) + 1 for t in tokens], np.int64)
        self.firsts = np.concatenate([np.zeros(1, np.int64), np.cumsum(sizes)])
        self._numbers = {f.uri: n for n, f in enumerate(self.files)}
        self._sorted: dict[int, tuple[Hashes, Ints]] = {}
        for length in (LONG, MIDDLE, SHORT):
            hashes = run_hashes(self.tokens, length)[:-1]
            order = np.argsort(hashes, kind="stable").astype(np.int32)
            self._sorted[length] = (hashes[order], order)

    @property
    def byte_count(self) -> int:
        """Memory held by arrays and texts."""
        arrays = self.tokens.nbytes + self.starts.nbytes
        arrays += sum(h.nbytes + o.nbytes for h, o in self._sorted.values())
        return arrays + sum(len(f.text) for f in self.files)

    def places(self, hashed: int, length: int, most: int) -> Ints:
        """Up to `most` places after a run with this hash, spread evenly over all of them."""
        hashes, order = self._sorted[length]
        key = np.uint32(hashed)
        low = int(np.searchsorted(hashes, key, "left"))
        high = int(np.searchsorted(hashes, key, "right"))
        if high - low <= most:
            return order[low:high]
        return order[low + np.arange(most, dtype=np.int64) * (high - low) // most]

    def span_of(self, uri: str) -> tuple[int, int] | None:
        """Half-open range of a file's tokens, border included; None when it is not here."""
        number = self._numbers.get(uri)
        return None if number is None else (int(self.firsts[number]), int(self.firsts[number + 1]))

    def file_index(self, place: int) -> int:
        """Which file a place lies in."""
        return int(np.searchsorted(self.firsts, place, "right")) - 1


def _joined(parts: Sequence[Ints]) -> Ints:
    return np.concatenate(parts) if parts else np.zeros(0, np.int32)
