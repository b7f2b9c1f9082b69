"""A token history whose KV is held, and how much of a prompt it covers."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np

_FIRST_LOOK = 64


def token_array(tokens: Iterable[int] = ()) -> array[int]:
    """Tokens as a compact array (32-bit)."""
    return array("i", tokens)


def common_prefix(left: Sequence[int], right: Sequence[int]) -> int:
    """How many leading tokens two sequences share."""
    length = min(len(left), len(right))
    if not length or left[0] != right[0]:
        return 0
    # Most histories part early; only then is it worth looking at thousands of tokens.
    for end in (min(_FIRST_LOOK, length), length):
        differ = np.asarray(left[:end], dtype=np.int32) != np.asarray(right[:end], dtype=np.int32)
        if differ.any():
            return int(differ.argmax())
    return length


@dataclass(slots=True, eq=False)
class TokenHistory:
    """One held history: the tokens whose KV is there, in order.

    `trimmable` is False for models whose cache cannot go back (rotating, linear attention): such a
    history can only be continued from its very end.
    """

    id: int
    tokens: array[int] = field(default_factory=token_array)
    bytes: int = 0
    used_at: int = 0
    """A counter, not a time: larger is more recent."""
    in_use: bool = False
    trimmable: bool = True
    saved: bool = False
    """On disk only: its KV must be loaded before use, and it takes no memory."""

    def covers(self, prompt: Sequence[int], *, leave: int) -> int:
        """How many tokens of `prompt` can be taken from here, leaving at least `leave` to evaluate."""
        shared = common_prefix(self.tokens, prompt)
        if self.trimmable:
            return min(shared, len(prompt) - leave)
        whole = shared == len(self.tokens) and shared <= len(prompt) - leave
        return shared if whole else 0
