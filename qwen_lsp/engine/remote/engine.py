"""An engine over HTTP: our own host, mlx_lm.server, vLLM, llama.cpp, Ollama, or anything OpenAI-compatible."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator
from contextlib import aclosing, suppress
from dataclasses import replace
from typing import Any

from qwen_lsp.engine.remote.answer_stream import AnswerStream
from qwen_lsp.engine.remote.dialects import body_for
from qwen_lsp.engine.remote.http import Http, base_url
from qwen_lsp.engine.remote.mlx_lm_leading_space import with_first_space
from qwen_lsp.engine.remote.probe import ProbeVerdict, probe
from qwen_lsp.engine.request import Chunk, EngineInfo, Finish, Lane, Request, Sampling, State, Usage
from qwen_lsp.engine.wire import chunk_from_json, error_from_json, info_from_json, own_body
from qwen_lsp.errors import EngineError, EngineUnavailable, GenerationFailed

_INFO_AGE_S = 1.0
_PROBE_AGE_S = 60.0


class RemoteEngine:
    """Asks a server. The first use looks at what it is; `verdict` says what was found."""

    def __init__(
        self,
        url: str,
        *,
        model: str = "",
        api_key: str | None = None,
        fim: str = "",
        allow_elsewhere: bool = False,
        token: str | None = None,
    ) -> None:
        """Raises SettingsError for an address that may not be used."""
        base = base_url(url, allow_elsewhere=allow_elsewhere)
        self._http = Http(base, key=token or api_key)
        self._local = self._http.here
        self._wanted, self._fim = model, fim
        self._probing = asyncio.Lock()
        self._verdict: ProbeVerdict | None = None
        self._problem = ""
        self._looked_at = 0.0
        self._told: EngineInfo | None = None
        self._told_at = 0.0
        self._newest: dict[str, asyncio.Event] = {}
        self._warming: set[asyncio.Event] = set()

    def __repr__(self) -> str:
        return f"RemoteEngine({self._http.base!r})"

    @property
    def verdict(self) -> str:
        """What the server is and can, in a sentence; empty before the first look."""
        return self._verdict.sentence if self._verdict else self._problem

    async def generate(self, request: Request) -> AsyncGenerator[Chunk, None]:
        """Stream the answer; closing the stream closes the connection, which aborts."""
        verdict = await self._look()
        if verdict.dialect.name == "own":
            stream = self._own(request)
        else:
            for warming in self._warming:
                warming.set()
            stream = self._foreign(request, verdict)
        async with aclosing(stream):
            async for chunk in stream:
                yield chunk

    async def warm(self, request: Request) -> Usage:
        """Let the server read the prompt and keep it; other servers write one token for that."""
        verdict = await self._look()
        if verdict.dialect.name == "own":
            return await self._warm_own(request)
        leave = asyncio.Event()
        self._warming.add(leave)
        once = replace(
            request, max_tokens=1, n=1, stop=(), sampling=Sampling(), supersedes=None, lane=Lane.WARM
        )
        try:
            async for chunk in _until(leave, self._one(once, verdict, 0), 0, "a request came"):
                if chunk.usage is not None:
                    return chunk.usage
            return Usage()
        finally:
            self._warming.discard(leave)

    async def info(self) -> EngineInfo:
        """What the server said last; looks again when that is old."""
        if self._told is None or time.monotonic() - self._told_at > _INFO_AGE_S:
            try:
                self._told = await self._ask_info()
            except EngineError as error:
                self._told = self._info("failed", str(error))
            self._told_at = time.monotonic()
        return self._told

    async def close(self) -> None:
        """Close all connections; what runs there is aborted by that."""
        await self._http.close()

    # -- our own host --------------------------------------------------------------------------------------

    async def _own(self, request: Request) -> AsyncGenerator[Chunk, None]:
        route, body = own_body(request)
        open_answers = max(1, request.n)
        async with aclosing(self._http.lines(route, body)) as events:
            async for event in events:
                if event.get("error"):
                    raise error_from_json(500, event, self._http.base)
                if "qwen_lsp" in event:
                    chunk = chunk_from_json(event["qwen_lsp"])
                    yield chunk
                    open_answers -= chunk.finish is not None
                    if not open_answers:
                        return
        raise GenerationFailed(f"{self._http.base} broke off in the middle of an answer. Ask again.")

    async def _warm_own(self, request: Request) -> Usage:
        route, body = own_body(request)
        async with aclosing(self._http.lines(route, {**body, "warm": True})) as events:
            async for event in events:
                if event.get("error"):
                    raise error_from_json(500, event, self._http.base)
                chunk = chunk_from_json(event.get("qwen_lsp", {}))
                if chunk.usage is not None:
                    return chunk.usage
        return Usage()

    # -- other servers -------------------------------------------------------------------------------------

    async def _foreign(self, request: Request, verdict: ProbeVerdict) -> AsyncGenerator[Chunk, None]:
        """One call per answer: not every server knows `n`, and none may end another's."""
        if request.max_tokens <= 0:
            yield Chunk(finish=Finish("length"), usage=Usage())
            return
        superseded = self._take_place(request.supersedes)
        count = max(1, request.n)
        try:
            for index in range(count):
                async with aclosing(self._one(request, verdict, index)) as one:
                    async for chunk in _until(superseded, one, index, "a newer request took its place"):
                        yield replace(chunk, usage=None) if index < count - 1 else chunk
        finally:
            key = request.supersedes
            if key is not None and self._newest.get(key) is superseded:
                del self._newest[key]

    async def _one(self, request: Request, verdict: ProbeVerdict, index: int) -> AsyncGenerator[Chunk, None]:
        seed = request.sampling.seed
        if index and seed is not None:
            request = replace(request, sampling=replace(request.sampling, seed=seed + index))
        route, body = body_for(request, verdict.dialect, verdict.model, chatml=verdict.fim == "qwen")
        answer = AnswerStream(request, index)
        async with aclosing(self._events(route, body, request, verdict)) as events:
            async for event in events:
                chunk = answer.read(event)
                if chunk is not None:
                    yield chunk
                if answer.finish is not None and answer.finish.stop_text is not None:
                    break
        if answer.finish is None:
            raise GenerationFailed(f"{self._http.base} broke off in the middle of an answer. Ask again.")
        yield answer.last()

    def _events(
        self, route: str, body: dict[str, Any], request: Request, verdict: ProbeVerdict
    ) -> AsyncGenerator[dict[str, Any], None]:
        if verdict.dialect.drops_first_space and "prompt" in body and request.lane is not Lane.WARM:
            return with_first_space(self._http, route, body)
        return self._http.lines(route, body)

    def _take_place(self, key: str | None) -> asyncio.Event:
        superseded = asyncio.Event()
        if key is not None:
            older = self._newest.get(key)
            if older is not None:
                older.set()
            self._newest[key] = superseded
        return superseded

    # -- what it is ----------------------------------------------------------------------------------------

    async def _look(self, *, again: bool = False) -> ProbeVerdict:
        async with self._probing:
            if self._verdict is None or again:
                try:
                    self._verdict = await probe(self._http, wanted=self._wanted, fim=self._fim)
                except EngineUnavailable as error:
                    self._problem = str(error)
                    raise
                self._looked_at = time.monotonic()
            return self._verdict

    async def _ask_info(self) -> EngineInfo:
        old = time.monotonic() - self._looked_at > _PROBE_AGE_S
        failed = self._told is not None and self._told.state == "failed"
        verdict = await self._look(again=old or failed)
        if verdict.dialect.name == "own":
            status, body = await self._http.get("/qwen/status")
            if status != 200:
                raise error_from_json(status, body, self._http.base)
            return replace(info_from_json(body["engine"]), local=self._local)
        return self._info("ready", verdict.sentence)

    def _info(self, state: State, detail: str) -> EngineInfo:
        verdict = self._verdict
        openly = ", unencrypted" if self._http.base.startswith("http:") else ""
        leaving = "" if self._local else f" Code leaves this machine, to {self._http.base}{openly}."
        return EngineInfo(
            kind="remote",
            model=(verdict.model or verdict.dialect.words) if verdict else self._wanted,
            state=state,
            detail=detail + leaving,
            fim=verdict.fim if verdict else self._fim or None,
            context_tokens=verdict.context_tokens if verdict else 0,
            local=self._local,
        )


async def _until(
    leave: asyncio.Event, stream: AsyncGenerator[Chunk, None], index: int, why: str
) -> AsyncGenerator[Chunk, None]:
    """The stream, ended with an abort as soon as `leave` is set."""
    gone = asyncio.ensure_future(leave.wait())
    try:
        while True:
            step = asyncio.ensure_future(anext(stream))
            try:
                await asyncio.wait({step, gone}, return_when=asyncio.FIRST_COMPLETED)
            finally:
                if not step.done():
                    step.cancel()
                    with suppress(asyncio.CancelledError, StopAsyncIteration):
                        await step
            if step.cancelled():
                yield Chunk(index=index, finish=Finish("abort", why), usage=Usage())
                return
            try:
                chunk = step.result()
            except StopAsyncIteration:
                return
            yield chunk
    finally:
        gone.cancel()
        await stream.aclose()
