"""From logits to the next token: greedy as mlx-lm does it, or sampled with the request's own seed."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, replace

import mlx.core as mx
from mlx_lm.sample_utils import make_logits_processors, make_sampler

from qwen_lsp.engine.mlx.expert_routing import Routed
from qwen_lsp.engine.request import Sampling
from qwen_lsp.engine.token_healing import HealingVocabulary

_PENALISED_TOKENS = 20
_SEEDS = 2**63


@dataclass(slots=True)
class SampledToken:
    """A chosen token, still lazy until it is waited for; one row of choices that were made together."""

    tokens: mx.array
    """[rows]"""
    logprobs: mx.array
    """[rows]"""
    top: tuple[mx.array, mx.array] | None = None
    """Ids and log-probabilities of the most likely tokens, [rows, count], when asked for."""
    experts: Routed | None = None
    at: int = 0
    """Which row."""

    def row(self, at: int) -> SampledToken:
        """Another row of the same choices."""
        return replace(self, at=at)

    def feed(self) -> mx.array:
        """The token as input of the next forward, [1]; needs not be known yet."""
        return self.tokens if self.tokens.shape[0] == 1 else self.tokens[self.at : self.at + 1]

    def arrays(self) -> list[mx.array]:
        """All that must be computed."""
        return [self.tokens, self.logprobs, *(self.top or ())]

    # These wait. They read whole arrays: a slice would be a new operation, and would wait for the forward
    # that is under way as well.

    def token(self) -> int:
        """The chosen token."""
        token: int = self.tokens.tolist()[self.at]  # type: ignore[assignment, index]
        return token

    def logprob(self) -> float:
        """Its log-probability."""
        logprob: float = self.logprobs.tolist()[self.at]  # type: ignore[assignment, index]
        return logprob

    def alternatives(self) -> list[tuple[int, float]]:
        """The most likely tokens, likeliest first."""
        if self.top is None:
            return []
        ids: list[int] = self.top[0].tolist()[self.at]  # type: ignore[assignment, index]
        logprobs: list[float] = self.top[1].tolist()[self.at]  # type: ignore[assignment, index]
        return list(zip(ids, logprobs, strict=True))


class TokenSampler:
    """Chooses the tokens of one answer."""

    def __init__(self, sampling: Sampling, *, alternatives: int = 0, index: int = 0) -> None:
        self._greedy = sampling.temperature <= 0
        self._sampler = make_sampler(
            temp=max(sampling.temperature, 0.0),
            top_p=sampling.top_p,
            min_p=sampling.min_p,
            top_k=sampling.top_k,
        )
        penalty = sampling.repetition_penalty
        self._processors = make_logits_processors(
            repetition_penalty=penalty if penalty != 1.0 else None,
            repetition_context_size=_PENALISED_TOKENS,
        )
        self._alternatives = alternatives
        self._seed = secrets.randbits(62) if sampling.seed is None else sampling.seed + index
        self._draws = 0
        self._tail: mx.array | None = None

    @property
    def is_shared(self) -> bool:
        """Whether rows of several answers can be chosen in one go."""
        return self.is_plain_greedy and not self._alternatives

    @property
    def is_plain_greedy(self) -> bool:
        """Whether the choice depends on the logits alone, so that drafts can be checked in one pass."""
        return self._greedy and not self._processors

    def remember(self, tokens: mx.array) -> None:
        """Earlier tokens, in order; only the last few are kept."""
        if self._processors:
            tail = tokens if self._tail is None else mx.concatenate([self._tail, tokens])
            self._tail = tail[-_PENALISED_TOKENS:]

    def choose(self, logits: mx.array, mask: mx.array | None = None) -> SampledToken:
        """The next token for each row of logits, shape [rows, vocabulary]; lazy."""
        for processor in self._processors:
            logits = processor(self._tail if self._tail is not None else mx.array([], mx.uint32), logits)
        if mask is not None:
            logits = logits + mask
        # The same normalisation, in the same type, as mlx-lm: in bfloat16 it makes ties that argmax over
        # the raw logits would break otherwise.
        logprobs = logits - mx.logsumexp(logits, axis=-1, keepdims=True)
        if not self._greedy:
            mx.random.seed((self._seed * 1_000_003 + self._draws) % _SEEDS)
            self._draws += 1
        token = self._sampler(logprobs)
        if self._greedy:
            chosen = mx.max(logprobs, axis=-1)
        else:
            chosen = mx.take_along_axis(logprobs, token[:, None], axis=-1)[:, 0]
        return SampledToken(token, chosen, self._top(logprobs))

    def _top(self, logprobs: mx.array) -> tuple[mx.array, mx.array] | None:
        if not self._alternatives:
            return None
        count = min(self._alternatives, logprobs.shape[-1])
        ids = mx.argsort(-logprobs, axis=-1)[:, :count]
        return ids, mx.take_along_axis(logprobs, ids, axis=-1)


class HealingMask:
    """Turns what healing allows into a mask over the logits."""

    def __init__(self, vocabulary: HealingVocabulary) -> None:
        self._vocabulary = vocabulary
        self._order: mx.array | None = None

    def of(self, remaining: bytes, logits: mx.array) -> mx.array:
        """0 where a token may come, minus infinity elsewhere."""
        if self._order is None:
            self._order = mx.array(self._vocabulary.order)
        allowed = self._vocabulary.allowed(remaining)
        ids = self._order[allowed.start : allowed.stop]
        if allowed.shorter:
            ids = mx.concatenate([ids, mx.array(allowed.shorter, dtype=ids.dtype)])
        mask = mx.full((logits.shape[-1],), -mx.inf, dtype=logits.dtype)
        mask[ids] = 0.0
        return mask
