"""Builds the trace of one completion request; ends as exactly one SuggestionTrace."""

from __future__ import annotations

import time

from qwen_lsp.assist.completion.generate import Generated
from qwen_lsp.assist.suggestion import CompletionRequest, Source, SuggestionTrace


class TraceBuilder:
    """Filled while a request is answered."""

    def __init__(self, request: CompletionRequest) -> None:
        self._request = request
        self._at_s = time.time()
        self._began = time.perf_counter()
        self._generated = Generated()
        self.debounce_ms = 0.0
        self.extra: dict[str, float | str] = {}

    @property
    def ms(self) -> float:
        """Since the request came."""
        return (time.perf_counter() - self._began) * 1000

    def engine(self, generated: Generated) -> None:
        """Add what the engine did for it."""
        self._generated = generated
        if generated.stopped_early:
            self.extra["stopped"] = "early"

    def finish(self, source: Source, reason: str = "", shown_chars: int = 0) -> SuggestionTrace:
        """The finished trace."""
        request, usage = self._request, self._generated.usage
        return SuggestionTrace(
            at_s=self._at_s,
            source=source,
            reason=reason,
            uri=request.snapshot.uri,
            language=request.snapshot.language,
            manual=request.manual,
            prompt_tokens=usage.prompt_tokens,
            cached_tokens=usage.cached_tokens,
            prefilled_tokens=usage.prefilled_tokens,
            generated_tokens=max(usage.generated_tokens, self._generated.generated_tokens),
            debounce_ms=self.debounce_ms,
            queue_ms=usage.queue_ms,
            first_token_ms=self._generated.first_token_ms,
            total_ms=self.ms,
            shown_chars=shown_chars,
            extra=self.extra,
        )
