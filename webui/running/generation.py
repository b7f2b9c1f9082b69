"""One running answer: reads the engine as fast as it writes, tells the page no oftener than a browser can draw."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncGenerator
from contextlib import aclosing, suppress
from typing import Literal

from qwen_lsp.engine.base import Engine
from qwen_lsp.engine.request import Finish, PrefillProgress, Request, Token, Usage
from qwen_lsp.errors import QwenLspError

Phase = Literal["queued", "reading", "writing", "done", "length", "stopped", "failed"]
ENDED: frozenset[Phase] = frozenset({"done", "length", "stopped", "failed"})
_PHASE_OF: dict[str, Phase] = {"stop": "done", "length": "length", "abort": "stopped"}
_HEARTBEAT_S = 1.0
_LOG = logging.getLogger(__name__)


class Generation:
    """What one request has brought so far. Lives on the page's loop; `stop` frees the engine at once."""

    def __init__(
        self, engine: Engine, request: Request, *, keep_tokens: bool = False, slower: float = 1.0
    ) -> None:
        self.request = request
        self.phase: Phase = "queued"
        self.progress: PrefillProgress | None = None
        self.tokens: list[Token] = []
        self.generated_tokens = 0
        self.usage: Usage | None = None
        self.finish: Finish | None = None
        self.error = ""
        self.first_token_ms: float | None = None
        self.total_ms = 0.0
        self._engine = engine
        self._keep_tokens = keep_tokens
        self._slower = slower  # for parts of the page that are dear to draw
        self._pieces: list[str] = []
        self._text = ""
        self._news = asyncio.Event()
        self._over = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._started_s = time.perf_counter()
        self._writing_since_s: float | None = None
        self._last_s: float | None = None

    @property
    def text(self) -> str:
        """The answer up to now."""
        if self._pieces:
            self._text += "".join(self._pieces)
            self._pieces.clear()
        return self._text

    @property
    def ended(self) -> bool:
        """Whether nothing more will come."""
        return self.phase in ENDED

    @property
    def tokens_per_s(self) -> float | None:
        """Writing speed after the first token; None before there is one to measure."""
        if self._writing_since_s is None or self._last_s is None or self.generated_tokens < 2:
            return None
        took = self._last_s - self._writing_since_s
        return (self.generated_tokens - 1) / took if took > 0 else None

    @property
    def used_tokens(self) -> int:
        """Tokens of the context window in use: prompt and answer."""
        prompt = (
            self.usage.prompt_tokens if self.usage else self.progress.total_tokens if self.progress else 0
        )
        return prompt + self.generated_tokens

    def stop(self) -> None:
        """Abort; what was written stays. Safe to call at any time, also twice."""
        if not self.ended:
            self._end("stopped")
        if self._task is not None:
            self._task.cancel()

    async def updates(self) -> AsyncGenerator[Generation, None]:
        """Yield at every change worth drawing, the last time when all is over; leaving the loop aborts."""
        self._task = asyncio.create_task(self._read())
        try:
            yield self
            told_end = False
            while not told_end:
                had_text = bool(self.text)
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._news.wait(), _HEARTBEAT_S)
                self._news.clear()
                self._tick()
                told_end = self.ended
                yield self
                if had_text:
                    await self._pause()
        finally:
            self.stop()
            with suppress(asyncio.CancelledError):
                await self._task

    async def _pause(self) -> None:
        """Give the browser time to draw: longer texts take longer; the end is told at once."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._over.wait(), self._slower * max(0.05, 3e-6 * len(self.text)))

    async def _read(self) -> None:
        try:
            async with aclosing(self._engine.generate(self.request)) as chunks:
                async for chunk in chunks:
                    self._take(chunk.text, chunk.tokens, chunk.progress, chunk.usage, chunk.finish)
                    self._news.set()
            if not self.ended:
                self._end("done")
        except QwenLspError as error:
            self.error = str(error)
            self._end("failed")
        except Exception as error:
            self.error = f"{type(error).__name__}: {error}"
            self._end("failed")
            _LOG.exception("a generation of the page broke off")

    def _take(
        self,
        text: str,
        tokens: tuple[Token, ...],
        progress: PrefillProgress | None,
        usage: Usage | None,
        finish: Finish | None,
    ) -> None:
        if self.ended:
            return
        if progress is not None:
            self.progress = progress
            if self.phase == "queued":
                self.phase = "reading"
        if text or tokens:
            self._count(text, tokens)
        if usage is not None:
            self.usage = usage
        if finish is not None:
            self.finish = finish
            if self.usage is not None:
                self.generated_tokens = self.usage.generated_tokens or self.generated_tokens
            self._end(_PHASE_OF[finish.reason])

    def _count(self, text: str, tokens: tuple[Token, ...]) -> None:
        now = time.perf_counter()
        if self._writing_since_s is None:
            self._writing_since_s = now
            self.first_token_ms = 1000 * (now - self._started_s)
            self.phase = "writing"
        self._last_s = now
        self._pieces.append(text)
        self.generated_tokens += len(tokens) or 1
        if self._keep_tokens:
            self.tokens.extend(tokens)

    def _tick(self) -> None:
        if not self.ended:
            self.total_ms = 1000 * (time.perf_counter() - self._started_s)

    def _end(self, phase: Phase) -> None:
        self._tick()
        self.phase = phase
        self._news.set()
        self._over.set()


async def at_turns(states: AsyncGenerator[Generation, None]) -> AsyncGenerator[Generation, None]:
    """Only the updates that change the phase, and one a second, by which a page that went away is noticed."""
    told, told_s = "", 0.0
    async with aclosing(states):
        async for state in states:
            now = time.perf_counter()
            if state.phase != told or now - told_s >= _HEARTBEAT_S:
                told, told_s = state.phase, now
                yield state
