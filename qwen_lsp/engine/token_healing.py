"""Token healing: after stepping back inside a word, which tokens may come so that its bytes come out again.

Knows only bytes: works inside a UTF-8 character, and when several tokens are needed for the bytes.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Collection, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Allowed:
    """Tokens that may come: a range of the sorted vocabulary, and single ids."""

    start: int
    stop: int
    """End-exclusive, in `HealingVocabulary.order`: tokens that begin with all remaining bytes."""
    shorter: tuple[int, ...]
    """Tokens that are only a beginning of the remaining bytes."""


class HealingVocabulary:
    """All tokens sorted by their bytes."""

    def __init__(self, bytes_of: Sequence[bytes], *, never: Collection[int] = ()) -> None:
        """`bytes_of[id]` are a token's bytes; `never` are ids that may not come (markers)."""
        banned = frozenset(never)
        usable = ((piece, token) for token, piece in enumerate(bytes_of) if piece and token not in banned)
        ordered = sorted(usable)
        self._bytes_of = bytes_of
        self._sorted = [piece for piece, _ in ordered]
        self.order = [token for _, token in ordered]
        """Token ids in the order of their bytes."""
        self._first = dict(reversed(ordered))

    @property
    def spells_everything(self) -> bool:
        """Whether every byte has a token, so that no remainder can be a dead end."""
        return all(bytes((b,)) in self._first for b in range(256))

    def can_spell(self, remaining: bytes) -> bool:
        """Whether every byte of `remaining` has a token of its own."""
        return all(bytes((b,)) in self._first for b in remaining)

    def allowed(self, remaining: bytes) -> Allowed:
        """What may come next while `remaining` is still to be spelled (not empty)."""
        start = bisect_left(self._sorted, remaining)
        stop = bisect_left(self._sorted, _after(remaining)) if _after(remaining) else len(self._sorted)
        shorter = tuple(
            self._first[remaining[:length]]
            for length in range(1, len(remaining))
            if remaining[:length] in self._first
        )
        return Allowed(start, stop, shorter)

    def spelled(self, remaining: bytes, token: int) -> bytes:
        """What remains to be spelled after `token`; empty when the constraint is over."""
        piece = self._bytes_of[token]
        return b"" if piece.startswith(remaining) else remaining[len(piece) :]


def _after(prefix: bytes) -> bytes:
    """The smallest bytes greater than all that begin with `prefix`; empty when there are none."""
    trimmed = prefix.rstrip(b"\xff")
    return trimmed[:-1] + bytes((trimmed[-1] + 1,)) if trimmed else b""
