"""Keeps the record of one request while it streams, and puts it into the ring when it is over."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator
from contextlib import aclosing

from qwen_lsp.engine.base import Engine, Recording, Tokenizer, tokenizer_of
from qwen_lsp.engine.request import Chunk, EngineInfo, Request, Usage
from qwen_lsp.metrics import RequestTrace, Ring

KEPT = 1_000
"""So many records of requests; their sums go on for ever."""
BUCKETS_MS = (50, 100, 200, 500, 1000, 2000, 5000, 10000)
"""Upper edges of the histogram of times to the first token."""


class Recorder:
    """Watches one request."""

    def __init__(self, request: Request, ring: Ring[RequestTrace], model: str) -> None:
        self._request, self._ring, self._model = request, ring, model
        self._start = time.perf_counter()
        self._first_ms: float | None = None
        self._pieces = 0
        self._usage: Usage | None = None
        self._finish = "abort"
        self._error = ""

    def saw(self, chunk: Chunk) -> None:
        """A chunk passed."""
        if chunk.text and self._first_ms is None:
            self._first_ms = self._ms()
        self._pieces += bool(chunk.text)
        if chunk.finish is not None:
            self._finish = chunk.finish.reason
        self._usage = chunk.usage or self._usage

    def failed(self, error: Exception) -> None:
        """It ended with an error."""
        self._finish, self._error = "error", str(error)

    def close(self) -> None:
        """It is over: one record."""
        usage = self._usage or Usage(generated_tokens=self._pieces)
        lane = self._request.lane.name.lower()
        record = RequestTrace(
            at_s=time.time(),
            lane=lane,
            model=self._model,
            prompt_tokens=usage.prompt_tokens,
            cached_tokens=usage.cached_tokens,
            prefilled_tokens=usage.prefilled_tokens,
            generated_tokens=usage.generated_tokens,
            queue_ms=usage.queue_ms,
            first_token_ms=self._first_ms,
            total_ms=self._ms(),
            finish=self._finish,
            error=self._error,
            id=self._request.id,
        )
        self._ring.add(
            record, f"requests_{lane}", f"finish_{self._finish}", *self._buckets(), sums=self._sums(usage)
        )

    def _buckets(self) -> list[str]:
        if self._first_ms is None:
            return []
        return ["first_count", *(f"first_le_{limit}" for limit in BUCKETS_MS if self._first_ms <= limit)]

    def _sums(self, usage: Usage) -> dict[str, int]:
        return {
            "tokens_prompt": usage.prompt_tokens,
            "tokens_cached": usage.cached_tokens,
            "tokens_prefilled": usage.prefilled_tokens,
            "tokens_generated": usage.generated_tokens,
            "first_sum_ms": round(self._first_ms or 0.0),
        }

    def _ms(self) -> float:
        return (time.perf_counter() - self._start) * 1000


class RecordingEngine:
    """An engine whose requests are recorded."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self.requests: Ring[RequestTrace] = Ring(KEPT)

    async def generate(self, request: Request) -> AsyncGenerator[Chunk, None]:
        """Stream the answer and record it."""
        recorder = Recorder(request, self.requests, "")
        try:
            async with aclosing(self._engine.generate(request)) as stream:
                async for chunk in stream:
                    recorder.saw(chunk)
                    yield chunk
        except Exception as error:
            recorder.failed(error)
            raise
        finally:
            recorder.close()

    async def warm(self, request: Request) -> Usage:
        """As the engine does it."""
        return await self._engine.warm(request)

    async def tokenizer(self) -> Tokenizer | None:
        """The engine's own."""
        return await tokenizer_of(self._engine)

    async def info(self) -> EngineInfo:
        """As the engine says it."""
        return await self._engine.info()

    async def close(self) -> None:
        """Close the engine."""
        await self._engine.close()


def recorded(engine: Engine) -> Engine:
    """The engine, keeping records; one that does already is taken as it is."""
    return engine if _keeps_records(engine) else RecordingEngine(engine)


def requests_of(engine: Engine) -> Ring[RequestTrace]:
    """The records of an engine that `recorded` gave; an empty ring for any other."""
    return engine.requests if isinstance(engine, Recording) and _keeps_records(engine) else Ring(KEPT)


def _keeps_records(engine: Engine) -> bool:
    return isinstance(engine, Recording) and isinstance(engine.requests, Ring)
