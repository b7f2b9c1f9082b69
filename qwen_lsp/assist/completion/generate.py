"""Run one engine request with a polisher for each answer, and stop as soon as all have enough."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Protocol

from qwen_lsp.assist.suggestion import Rejection
from qwen_lsp.engine.base import Engine
from qwen_lsp.engine.request import Chunk, Request, Usage


class PolishedLike(Protocol):
    """Text to put in place of cursor..end."""

    @property
    def text(self) -> str: ...
    @property
    def end(self) -> int: ...
    @property
    def confidence(self) -> float | None: ...


class PolisherLike(Protocol):
    """Post-processes one answer while it is generated (assist/postprocess)."""

    def feed(self, text: str, logprobs: Sequence[float] = ()) -> bool:
        """Add what the model wrote next; True when nothing more is needed."""
        ...

    def result(self, *, truncated: bool = False) -> PolishedLike | Rejection:
        """What to show, or why nothing."""
        ...


@dataclass(slots=True)
class Generated:
    """What became of one request."""

    results: list[PolishedLike | Rejection] = field(default_factory=list)
    usage: Usage = field(default_factory=Usage)
    generated_tokens: int = 0
    first_token_ms: float | None = None
    total_ms: float = 0.0
    stopped_early: bool = False
    """The polishers had enough before the model ended."""
    aborted: str = ""
    """Why the engine aborted it, when it did."""


async def run_request(engine: Engine, request: Request, polishers: Sequence[PolisherLike]) -> Generated:
    """Stream until every polisher has enough or the engine ends. Raises EngineError as the engine does."""
    generated = Generated()
    began = time.perf_counter()
    writing = set(range(len(polishers)))
    truncated: set[int] = set()
    async with aclosing(engine.generate(request)) as stream:
        async for chunk in stream:
            _count(generated, chunk, began)
            if chunk.index in writing and _feed(polishers[chunk.index], chunk):
                writing.discard(chunk.index)
            if chunk.finish is not None:
                writing.discard(chunk.index)
                if chunk.finish.reason == "length":
                    truncated.add(chunk.index)
                elif chunk.finish.reason == "abort":
                    generated.aborted = chunk.finish.detail or "abort"
            elif not writing:
                generated.stopped_early = True
                break
    generated.total_ms = (time.perf_counter() - began) * 1000
    if not generated.aborted:
        generated.results = [p.result(truncated=i in truncated) for i, p in enumerate(polishers)]
    return generated


def _feed(polisher: PolisherLike, chunk: Chunk) -> bool:
    if not chunk.text and not chunk.tokens:
        return False
    return polisher.feed(chunk.text, [token.logprob for token in chunk.tokens])


def _count(generated: Generated, chunk: Chunk, began: float) -> None:
    if chunk.text or chunk.tokens:
        generated.generated_tokens += len(chunk.tokens) or 1
        if generated.first_token_ms is None:
            generated.first_token_ms = (time.perf_counter() - began) * 1000
    if chunk.usage is not None:
        generated.usage = chunk.usage
