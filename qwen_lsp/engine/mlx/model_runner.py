"""Running the model: read a chunk of prompt, or get the odds of what follows. Worker thread only."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import mlx.core as mx

TARGET_MS = 40.0
"""Aim for one prefill chunk; an abort or a pre-emption waits at most about this long (a decode step more)."""
_SMALLEST, _LARGEST, _FIRST = 16, 2048, 64


class ModelRunner:
    """The model's forward pass, without computing odds that nobody looks at."""

    def __init__(self, model: Any) -> None:
        self.model = model
        self._inner, self._head = _split(model)
        self.count = 0

    def read(self, tokens: Sequence[int], caches: list[Any]) -> None:
        """Put tokens into the caches; waits until they are there."""
        self._hidden(mx.array([tokens]), caches)
        mx.eval([c.state for c in caches])

    def last(self, tokens: mx.array, caches: list[Any]) -> mx.array:
        """Logits after the last of `tokens` (one row of ids), shape [1, vocabulary]; lazy."""
        return self._odds(self._hidden(tokens[None], caches)[:, -1, :])

    def every(self, tokens: mx.array, caches: list[Any]) -> mx.array:
        """Logits after each of `tokens`, shape [tokens, vocabulary]; lazy."""
        return self._odds(self._hidden(tokens[None], caches)[0])

    def batch(self, tokens: mx.array, caches: list[Any]) -> mx.array:
        """Logits after one token for each of several sequences, shape [sequences, vocabulary]; lazy."""
        return self._odds(self._hidden(tokens[:, None], caches)[:, -1, :])

    def _hidden(self, tokens: mx.array, caches: list[Any]) -> Any:
        self.count += 1
        return self._inner(tokens, cache=caches)

    def _odds(self, rows: mx.array) -> mx.array:
        logits: mx.array = rows if self._head is None else self._head(rows)
        return logits


class PrefillPacer:
    """How many prompt tokens fit a step of about TARGET_MS; learns from every chunk."""

    def __init__(self) -> None:
        self.chunk_tokens = _FIRST

    def took(self, tokens: int, ms: float) -> None:
        """A chunk was read; full chunks correct the size, by at most a factor of two."""
        if tokens < self.chunk_tokens or ms <= 0:
            return
        factor = min(2.0, max(0.5, TARGET_MS / ms))
        self.chunk_tokens = min(_LARGEST, max(_SMALLEST, int(self.chunk_tokens * factor)))

    def learn(self, forward: ModelRunner, caches: list[Any], vocabulary: int) -> None:
        """Read nonsense until the chunk size settles (also compiles what the first request would wait for)."""
        for turn in range(6):
            size, before = self.chunk_tokens, time.perf_counter()
            forward.read([(turn * 7919 + i) % max(vocabulary, 1) for i in range(size)], caches)
            ms = (time.perf_counter() - before) * 1000
            if turn:
                self.took(size, ms)
            if ms > 4 * TARGET_MS or (turn > 1 and abs(ms - TARGET_MS) < TARGET_MS / 4):
                break


def _split(model: Any) -> tuple[Any, Any]:
    """The body and the head, when they can be run apart and that gives the model's own logits."""
    inner = getattr(model, "model", None)
    head = getattr(model, "lm_head", None)
    if head is None and inner is not None and hasattr(getattr(inner, "embed_tokens", None), "as_linear"):
        head = inner.embed_tokens.as_linear
    if inner is None or head is None:
        return model, None
    probe = mx.array([[1, 2]])
    try:
        apart, whole = head(inner(probe)), model(probe)
        same = apart.shape == whole.shape and bool(mx.allclose(apart, whole, rtol=1e-2, atol=1e-2).item())
    except Exception:
        # Any surprise in a model's code only means that it must be run whole.
        same = False
    return (inner, head) if same else (model, None)
