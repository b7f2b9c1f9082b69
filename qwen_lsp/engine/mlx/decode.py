"""Decoding one answer: a step ahead of what is handed out, healed, drafted or together with others.

The next forward is under way while the present token is handed out, except where the next choice depends
on that token: while healing, and while a draft is checked.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass

import mlx.core as mx

from qwen_lsp.engine.mlx.batch import Batch, Member
from qwen_lsp.engine.mlx.engine_state import EngineState
from qwen_lsp.engine.mlx.kv_store import Lease
from qwen_lsp.engine.mlx.output import OutputText
from qwen_lsp.engine.mlx.sampling import SampledToken, TokenSampler
from qwen_lsp.engine.mlx.usage_meter import UsageMeter
from qwen_lsp.engine.prompt_lookup import Lookup
from qwen_lsp.engine.scheduler import Steps, Together

_SHORT_DRAFT = 4
"""Not worth leaving company for."""


@dataclass(slots=True)
class Decoding:
    """One answer being decoded in one lease."""

    machine: EngineState
    lease: Lease
    answer: OutputText
    chooser: TokenSampler
    meter: UsageMeter
    remaining: bytes = b""
    """Healing: bytes the output must still spell."""
    lookup: Lookup | None = None
    experts: bool = False
    batch: Batch | None = None
    """Company to decode with, when there is any."""

    def steps(self, first: SampledToken) -> Steps:
        """Token by token until the answer is over; `first` is chosen already."""
        member = Member(self.lease, self.chooser, first)
        if self.batch is not None:
            self.batch.enter()
        try:
            pick: SampledToken | None = first
            while pick is not None:
                if (yield from self._carried(member)):
                    self.meter.forwards += 1
                    pick = self._plain_step(pick, member.pick)
                else:
                    self._alone(member)
                    pick = self._drafted_step(pick) if self._has_draft() else self._plain_step(pick, None)
                member.pick = pick
        finally:
            self._alone(member)
            if self.batch is not None:
                self.batch.exit()

    def _carried(self, member: Member) -> Generator[Together | None, bool | None, bool]:
        """Let others have their turn; whether the next token was chosen meanwhile, together with theirs."""
        if self.batch is not None and self._may_join():
            return bool((yield Together(self.batch, member)))
        yield None
        return False

    def _alone(self, member: Member) -> None:
        if self.batch is not None:
            self.batch.leave(member)

    def _has_draft(self) -> bool:
        if self.lookup is None or self.remaining:
            return False
        draft = self.lookup.draft()
        others = 0 if self.batch is None else self.batch.present - 1
        # Leaving the others means moving the KV out and back in, and their forwards are shared by one less.
        return bool(draft) and (not others or len(draft) > max(_SHORT_DRAFT, 2 * others))

    def _may_join(self) -> bool:
        busy = self.remaining or self.experts or self._has_draft()
        return not busy and self.answer.left_tokens > 1

    # -- one step of each kind; the pick that follows, or None when the answer is over ----------------------

    def _plain_step(self, pick: SampledToken, ahead: SampledToken | None) -> SampledToken | None:
        if ahead is None and not self.remaining and self.answer.left_tokens > 1:
            ahead = self._feed(pick)
        token = pick.token()
        if ahead is not None:
            self.lease.grew((token,))
        if self._take(token, pick):
            return None
        if ahead is None:
            ahead = self._feed(pick)
            self.lease.grew((token,))
        return ahead

    def _drafted_step(self, pick: SampledToken) -> SampledToken | None:
        """Hand out the present token, then check a draft of those after it in one forward."""
        token = pick.token()
        if self._take(token, pick):
            return None
        assert self.lookup is not None
        draft = self.lookup.draft()[: max(0, self.answer.left_tokens - 1)]
        if not draft:
            ahead = self._feed(pick)
            self.lease.grew((token,))
            return ahead
        return self._check(token, draft)

    def _check(self, token: int, draft: list[int]) -> SampledToken | None:
        logits = self.machine.forward.every(mx.array([token, *draft]), self.lease.caches)
        picks = self.chooser.choose(logits)
        self.machine.outbox.flush_due()
        mx.eval(picks.arrays())
        chosen = [picks.row(i).token() for i in range(len(draft) + 1)]
        accepted = next((i for i, d in enumerate(draft) if d != chosen[i]), len(draft))
        self.lease.grew((token, *draft))
        self.lease.trim(len(draft) - accepted)
        self.meter.checked(len(draft), accepted)
        assert self.lookup is not None
        self.lookup.judged(len(draft), accepted)
        for row in range(accepted):
            if self._take(chosen[row], picks.row(row)):
                return None
        return picks.row(accepted)

    def _take(self, token: int, pick: SampledToken) -> bool:
        if self.meter.first_token_ms is None:
            self.meter.first_token_ms = self.meter.ms()
        if self.remaining:
            self.remaining = self.machine.vocabulary.spelled(self.remaining, token)
        if self.lookup is not None:
            self.lookup.extend((token,))
        return self.answer.take(token, pick)

    def _feed(self, pick: SampledToken) -> SampledToken:
        """Feed a chosen token (its value need not be known yet) and choose the one after it."""
        self.chooser.remember(pick.feed())
        self.meter.forwards += 1
        return choose_after(self.machine, pick.feed(), self.lease, self.chooser, self.remaining, self.experts)


def choose_after(
    machine: EngineState,
    tokens: mx.array,
    lease: Lease,
    chooser: TokenSampler,
    remaining: bytes,
    experts: bool,
) -> SampledToken:
    """Run the model over `tokens` and choose what follows; lazy, but on its way."""
    if experts:
        with machine.experts.listening() as routed:
            logits = machine.forward.last(tokens, lease.caches)
    else:
        logits, routed = machine.forward.last(tokens, lease.caches), None
    mask = machine.healing.of(remaining, logits) if remaining else None
    pick = chooser.choose(logits, mask)
    pick.experts = routed
    machine.outbox.flush_due()
    mx.async_eval(pick.arrays() + (routed.arrays() if routed is not None else []))  # type: ignore[no-untyped-call]
    return pick
