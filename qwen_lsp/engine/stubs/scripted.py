"""A test double: an engine that says what a script says, when the test lets it, and remembers everything."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from dataclasses import replace

from qwen_lsp.engine.request import Chunk, EngineInfo, Finish, Request, Usage
from qwen_lsp.engine.stubs.playback import Playback, PlaybackMeter, PlaybackTokenizer, pieces

Script = str | Sequence[str | Exception]
"""A text (cut into token-like pieces), or the tokens one by one; an exception among them is raised there."""


class Gate:
    """Lets tokens through one by one, or all; closed when made."""

    def __init__(self) -> None:
        self._changed = asyncio.Condition()
        self._steps = 0
        self._open = False

    async def open(self) -> None:
        """Let everything through from now on."""
        async with self._changed:
            self._open = True
            self._changed.notify_all()

    async def step(self, tokens: int = 1) -> None:
        """Let so many more tokens through."""
        async with self._changed:
            self._steps += tokens
            self._changed.notify_all()

    async def passed(self) -> None:
        """Wait for leave to give the next token."""
        async with self._changed:
            await self._changed.wait_for(lambda: self._open or self._steps > 0)
            if not self._open:
                self._steps -= 1


class ScriptedEngine:
    """Answers by a script. `requests`, `warmed`, `aborted`, `finished` and `in_flight` are for the test to read."""

    def __init__(
        self,
        script: Script | Callable[[Request], Script] = "",
        *,
        gate: Gate | None = None,
        info: EngineInfo | None = None,
        warm_usage: Usage | None = None,
    ) -> None:
        self._script = script
        self._gate = gate
        self._info = info or EngineInfo(
            kind="scripted", model="scripted", state="ready", fim="qwen", context_tokens=32768
        )
        self._warm_usage = warm_usage or Usage()
        self._tokenizer = PlaybackTokenizer()
        self._by_key: dict[str, asyncio.Event] = {}
        self.requests: list[Request] = []
        self.warmed: list[Request] = []
        self.aborted: list[Request] = []
        self.finished: list[Request] = []
        self.in_flight = 0
        self.most_in_flight = 0
        self.closed = False
        self.changed = asyncio.Event()
        """Set whenever a request begins or ends; `until` waits on it."""

    async def until(self, holds: Callable[[ScriptedEngine], bool], timeout_s: float = 10.0) -> None:
        """Wait until something is true of this engine."""
        async with asyncio.timeout(timeout_s):
            while not holds(self):
                self.changed.clear()
                await self.changed.wait()

    def set_info(self, **changes: object) -> None:
        """What `info` answers from now on."""
        self._info = replace(self._info, **changes)  # type: ignore[arg-type]

    async def generate(self, request: Request) -> AsyncGenerator[Chunk, None]:
        """Stream the script's answer."""
        self.requests.append(request)
        superseded = self._take_place(request)
        self._count(+1)
        ended = False
        try:
            async for chunk in self._play(request, superseded):
                ended = ended or (chunk.finish is not None and chunk.usage is not None)
                yield chunk
        except Exception:
            ended = True
            raise
        finally:
            (self.finished if ended and not superseded.is_set() else self.aborted).append(request)
            if request.supersedes and self._by_key.get(request.supersedes) is superseded:
                del self._by_key[request.supersedes]
            self._count(-1)

    async def warm(self, request: Request) -> Usage:
        """Remember that it was asked."""
        self.warmed.append(request)
        self.changed.set()
        return self._warm_usage

    async def tokenizer(self) -> PlaybackTokenizer:
        """Cuts as the script's answers are cut."""
        return self._tokenizer

    async def info(self) -> EngineInfo:
        """What the test said it is."""
        return self._info

    async def close(self) -> None:
        """Remember it."""
        self.closed = True
        self.changed.set()

    async def _play(self, request: Request, superseded: asyncio.Event) -> AsyncGenerator[Chunk, None]:
        script = self._script(request) if callable(self._script) else self._script
        tokens = pieces(script) if isinstance(script, str) else script
        meter, total, count = PlaybackMeter(request), 0, max(1, request.n)
        for index in range(count):
            one = Playback(request, index)
            for token in tokens:
                if one.finish is not None or request.max_tokens <= 0:
                    break
                if not await self._leave(superseded):
                    one.finish = Finish("abort", "a newer request took its place")
                    break
                if isinstance(token, Exception):
                    raise token
                meter.token()
                yield one.give(token)
            total += one.generated
            ending = one.finish or Finish("stop" if request.max_tokens > 0 else "length")
            yield one.end(ending, meter.usage(total) if index == count - 1 else None)

    async def _leave(self, superseded: asyncio.Event) -> bool:
        """Wait for the gate; False when a newer request came first."""
        if self._gate is None:
            await asyncio.sleep(0)
            return not superseded.is_set()
        waits = [asyncio.ensure_future(self._gate.passed()), asyncio.ensure_future(superseded.wait())]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
            return not superseded.is_set()
        finally:
            for wait in waits:
                wait.cancel()

    def _take_place(self, request: Request) -> asyncio.Event:
        superseded = asyncio.Event()
        if request.supersedes:
            older = self._by_key.get(request.supersedes)
            if older is not None:
                older.set()
            self._by_key[request.supersedes] = superseded
        return superseded

    def _count(self, change: int) -> None:
        self.in_flight += change
        self.most_in_flight = max(self.most_in_flight, self.in_flight)
        self.changed.set()
