"""Keeps the record of one request while it streams, and puts it into the ring when it is over."""

from __future__ import annotations

import time

from qwen_lsp.engine.request import Chunk, Request, Usage
from qwen_lsp.metrics import RequestTrace, Ring


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
        self._ring.add(record, f"requests_{lane}", f"finish_{self._finish}")

    def _ms(self) -> float:
        return (time.perf_counter() - self._start) * 1000
