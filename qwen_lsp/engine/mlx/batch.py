"""Several answers decoding as one batch: their KV merged side by side, taken apart when one leaves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import mlx.core as mx
from mlx_lm.models.cache import BatchKVCache, KVCache

from qwen_lsp.engine.mlx.delivery import DeliveryQueue
from qwen_lsp.engine.mlx.kv_store import Lease
from qwen_lsp.engine.mlx.model_runner import ModelRunner
from qwen_lsp.engine.mlx.sampling import SampledToken, TokenSampler


@dataclass(slots=True, eq=False)
class Member:
    """One answer in the batch."""

    lease: Lease
    chooser: TokenSampler
    pick: SampledToken | None = None
    """The token to feed; the batch replaces it by the one after."""


class Batch:
    """The merged KV of those that decode together. While in here, a lease's own caches are stale."""

    def __init__(self, forward: ModelRunner, outbox: DeliveryQueue) -> None:
        self._forward = forward
        self._outbox = outbox
        self._members: list[Member] = []
        self._caches: list[Any] = []
        self.present = 0
        """Answers being decoded that may come together, here at present or not."""

    def enter(self) -> None:
        """One more is being decoded."""
        self.present += 1

    def exit(self) -> None:
        """One less."""
        self.present -= 1

    @staticmethod
    def can_hold(lease: Lease) -> bool:
        """Whether this kind of cache can be merged."""
        return all(type(c) is KVCache for c in lease.caches)

    def run(self, members: list[Member]) -> None:
        """Feed every member its token and choose the next, in one forward."""
        for stale in [m for m in self._members if m not in members]:
            self.leave(stale)
        self._join([m for m in members if m not in self._members])
        tokens = self._tokens()
        logits = self._forward.batch(tokens, self._caches)
        chosen = self._choose(logits)
        arrays = [array for pick in chosen for array in pick.arrays()]
        self._outbox.flush_due()
        mx.async_eval(arrays)  # type: ignore[no-untyped-call]
        for member, pick in zip(self._members, chosen, strict=True):
            member.pick = pick

    def _tokens(self) -> mx.array:
        """The token of each member, in order."""
        picks = [m.pick for m in self._members if m.pick is not None]
        for member, pick in zip(self._members, picks, strict=True):
            member.chooser.remember(pick.feed())
        tokens = picks[0].tokens
        in_order = all(p.tokens is tokens and p.at == row for row, p in enumerate(picks))
        if in_order and tokens.shape[0] == len(picks):
            return tokens
        return mx.concatenate([pick.feed() for pick in picks])

    def _choose(self, logits: mx.array) -> list[SampledToken]:
        choosers = [m.chooser for m in self._members]
        if all(c.is_shared for c in choosers):
            together = choosers[0].choose(logits)
            return [together.row(row) for row in range(len(choosers))]
        return [c.choose(logits[row : row + 1]) for row, c in enumerate(choosers)]

    def leave(self, member: Member) -> None:
        """Give a member its own caches back; harmless when it is not in here."""
        if member not in self._members:
            return
        place = self._members.index(member)
        member.lease.caches = [c.extract(place) for c in self._caches]
        self._members.pop(place)
        if not self._members:
            self._caches = []
            return
        rest = mx.array([i for i in range(len(self._members) + 1) if i != place])
        for cache in self._caches:
            cache.filter(rest)

    def _join(self, members: list[Member]) -> None:
        if not members:
            return
        layers = zip(*(m.lease.caches for m in members), strict=True)
        merged = [BatchKVCache.merge(list(layer)) for layer in layers]
        if self._caches:
            for cache, more in zip(self._caches, merged, strict=True):
                cache.extend(more)
        else:
            self._caches = merged
        self._members += members
