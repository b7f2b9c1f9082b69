"""What a request costs, counted as it goes."""

from __future__ import annotations

import time

from qwen_lsp.engine.request import Usage


class UsageMeter:
    """Counters of one request; `usage` reads them."""

    def __init__(self) -> None:
        self._asked_at = time.perf_counter()
        self.queue_ms = 0.0
        self.first_token_ms: float | None = None
        self.prompt_tokens = 0
        self.cached_tokens = 0
        self.prefilled_tokens = 0
        self.drafted_tokens = 0
        self.accepted_tokens = 0
        self.forwards = 0

    def ms(self) -> float:
        """Since the request was made."""
        return (time.perf_counter() - self._asked_at) * 1000

    def read(self, tokens: int) -> None:
        """A part of the prompt was read, in one forward."""
        self.prefilled_tokens += tokens
        self.forwards += 1

    def checked(self, drafted: int, accepted: int) -> None:
        """A draft was checked, in one forward."""
        self.drafted_tokens += drafted
        self.accepted_tokens += accepted
        self.forwards += 1

    def usage(self, generated_tokens: int) -> Usage:
        """All of it until now."""
        return Usage(
            prompt_tokens=self.prompt_tokens,
            cached_tokens=self.cached_tokens,
            prefilled_tokens=self.prefilled_tokens,
            generated_tokens=generated_tokens,
            drafted_tokens=self.drafted_tokens,
            accepted_tokens=self.accepted_tokens,
            forwards=self.forwards,
            queue_ms=self.queue_ms,
            first_token_ms=self.first_token_ms,
            total_ms=self.ms(),
        )
