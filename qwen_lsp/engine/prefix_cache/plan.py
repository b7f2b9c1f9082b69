"""From a prompt and what is held to a plan: start from which history, how, prefill what, evict which."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from qwen_lsp.engine.prefix_cache.history import TokenHistory

SPARE_TOKENS = 256
"""A tail this short is given up without a copy: it is what typing and a short answer leave behind."""
MIN_SHARED_TOKENS = 8
"""Sharing less than this is not worth a copy (a few markers that every prompt begins with)."""


@dataclass(frozen=True, slots=True)
class Budget:
    """How much KV may be held, and what a token costs."""

    bytes: int
    bytes_per_token: int

    def of(self, tokens: int) -> int:
        """Bytes that `tokens` take."""
        return tokens * self.bytes_per_token


@dataclass(frozen=True, slots=True)
class ReusePlan:
    """What the store is to do before a prompt is read.

    fresh: start an empty history; in place: trim `source` to `keep_tokens` and go on in it;
    copy: leave `source` as it is and go on in a copy of its first `keep_tokens`.
    """

    how: Literal["fresh", "in place", "copy"]
    source: int | None
    keep_tokens: int
    prefill_tokens: int
    evict: tuple[int, ...] = ()


def plan(
    prompt: Sequence[int],
    held: Iterable[TokenHistory],
    budget: Budget,
    *,
    answer_tokens: int = 0,
    leave: int = 1,
) -> ReusePlan:
    """How to get `prompt` read at the least cost.

    `leave` tokens are always evaluated (1 to get the first token's odds, 0 when only warming).
    """
    histories = list(held)
    best, keep = _best(prompt, histories, leave)
    how = _how(best, keep)
    if how == "fresh":
        best, keep = None, 0
    goal = max(len(prompt) + answer_tokens, len(best.tokens) if best and how == "in place" else 0)
    growth = budget.of(goal) - (best.bytes if best is not None and how == "in place" else 0)
    spare = None if best is None else best.id
    evict = _evict(histories, growth, budget, spare)
    return ReusePlan(how, spare, keep, len(prompt) - keep, evict)


def shrink(held: Iterable[TokenHistory], budget: Budget) -> tuple[int, ...]:
    """Which idle histories to give up so that the rest fits the budget, least recently used first."""
    return _evict(list(held), 0, budget, None)


def _best(
    prompt: Sequence[int], histories: list[TokenHistory], leave: int
) -> tuple[TokenHistory | None, int]:
    """The history that covers most; among equals an idle one, one in memory, the shortest, the newest."""
    best: TokenHistory | None = None
    best_rank: tuple[int, bool, bool, int, int] = (0, False, False, 0, 0)
    for history in histories:
        keep = history.covers(prompt, leave=leave)
        if keep <= 0:
            continue
        rank = (keep, not history.in_use, not history.saved, -len(history.tokens), history.used_at)
        if best is None or rank > best_rank:
            best, best_rank = history, rank
    return best, best_rank[0]


def _how(best: TokenHistory | None, keep: int) -> Literal["fresh", "in place", "copy"]:
    if best is None:
        return "fresh"
    lost = len(best.tokens) - keep
    # A history that cannot go back is kept as it is: going on in it would lose the only way to this point.
    if best.trimmable and not best.in_use and lost <= SPARE_TOKENS:
        return "in place"
    if keep < MIN_SHARED_TOKENS:
        return "fresh"
    return "copy"


def _evict(
    histories: list[TokenHistory], growth_bytes: int, budget: Budget, spare: int | None
) -> tuple[int, ...]:
    """Least recently used idle histories until the growth fits; live ones and the source stay."""
    over = sum(h.bytes for h in histories if not h.saved) + growth_bytes - budget.bytes
    evict: list[int] = []
    for history in sorted(histories, key=lambda h: h.used_at):
        if over <= 0:
            break
        if history.in_use or history.saved or history.id == spare:
            continue
        evict.append(history.id)
        over -= history.bytes
    return tuple(evict)
