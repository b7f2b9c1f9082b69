"""Between RemoteEngine and our own host nothing of a request or an answer is lost."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from qwen_lsp.engine.base import collect
from qwen_lsp.engine.remote.engine import RemoteEngine
from qwen_lsp.engine.request import (
    ChatPrompt,
    Chunk,
    EngineInfo,
    Finish,
    Lane,
    Marker,
    Message,
    ModelShape,
    PrefillProgress,
    Request,
    Sampling,
    Text,
    TextPrompt,
    Token,
    ToolCall,
    Usage,
)
from qwen_lsp.engine.stubs.demo import Gate, ScriptedEngine
from qwen_lsp.engine.wire import chunk_from_json, chunk_to_json, info_from_json, info_to_json
from qwen_lsp.errors import EngineBusy, EngineUnavailable, GenerationFailed, NotEnoughMemory, PromptTooLong
from tests.support.http.hosts import serving, serving_app

HOLE = TextPrompt(
    (Marker("<|fim_prefix|>"), Text("a <|fim_middle|> b\n"), Marker("<|fim_middle|>"), Text("x"))
)
FULL = Request(
    HOLE,
    max_tokens=7,
    sampling=Sampling(0.3, 0.9, 20, 0.05, 1.1, 42),
    stop=("\n\n", "é"),
    lane=Lane.INLINE,
    supersedes="window-1",
    heal=True,
    n=2,
    logprobs=3,
    experts=True,
    drafts=("draft one",),
    id="r1",
)
TALK = ChatPrompt(
    (
        Message("system", "s"),
        Message("user", "u", "Ada"),
        Message("assistant", "", None, (ToolCall("f", '{"a": 1}', "c1"),)),
        Message("tool", "result", "c1"),
    ),
    prefill="```python\n",
    tools=('{"type": "function", "function": {"name": "f"}}',),
)


async def test_a_whole_request_arrives_as_it_was_sent() -> None:
    engine = ScriptedEngine("x")
    async with serving(engine) as host:
        remote = RemoteEngine(host.url)
        await collect(remote, FULL)
        await collect(remote, replace(FULL, prompt=TALK, lane=Lane.ACTION))
        await remote.close()
    assert engine.requests[0] == FULL
    assert engine.requests[1] == replace(FULL, prompt=TALK, lane=Lane.ACTION)


async def test_every_chunk_comes_back_as_the_engine_gave_it() -> None:
    engine = ScriptedEngine(["a", "\u2028é", "𝄞 end"])
    request = Request(HOLE, max_tokens=9, logprobs=1, n=2)
    direct = [c async for c in ScriptedEngine(["a", "\u2028é", "𝄞 end"]).generate(request)]
    async with serving(engine) as host:
        remote = RemoteEngine(host.url)
        over_http = [c async for c in remote.generate(request)]
        await remote.close()
    assert [(c.text, c.tokens, c.index, c.finish) for c in over_http] == [
        (c.text, c.tokens, c.index, c.finish) for c in direct
    ]
    assert over_http[-1].usage is not None
    assert over_http[-1].usage.generated_tokens == 6


def test_a_chunk_with_everything_survives_json() -> None:
    chunk = Chunk(
        "t",
        (Token(5, "t", -0.5, (("u", -1.0),), ((1, 2), (3, 4))),),
        1,
        PrefillProgress(3, 9),
        Finish("stop", "d", "\n"),
        Usage(9, 3, 6, 1, 2, 1, 4, 0.5, 12.0, 99.0),
    )
    assert chunk_from_json(chunk_to_json(chunk)) == chunk


def test_what_an_engine_says_of_itself_survives_json() -> None:
    shape = ModelShape(
        "qwen3_moe", 48, 2048, 32, 4, 128, 128, 8, 151936, 262144, 30, 3, 17, 98304, (("head", "4 bits"),)
    )
    info = EngineInfo("mlx", "m", "ready", "d", 0.5, 3.0, True, "qwen", 9, True, shape, (("queue", 1.0),))
    assert info_from_json({**info_to_json(info), "a_newer_field": 1}) == info


async def test_warm_reaches_the_engine_as_warm_and_tells_what_it_cost() -> None:
    engine = ScriptedEngine("x", warm_usage=Usage(prompt_tokens=5, cached_tokens=4))
    async with serving(engine) as host:
        remote = RemoteEngine(host.url)
        usage = await remote.warm(FULL)
        await remote.close()
    assert usage.cached_tokens == 4
    assert engine.warmed == [FULL]
    assert engine.requests == []


async def test_closing_the_stream_aborts_the_engine_behind_it() -> None:
    gate = Gate()
    engine = ScriptedEngine("one two three", gate=gate)
    async with serving(engine) as host:
        remote = RemoteEngine(host.url)
        stream = remote.generate(Request(HOLE))
        first = asyncio.ensure_future(anext(stream))
        await engine.until(lambda e: e.in_flight == 1)
        await gate.step()
        assert (await first).text == "one"
        await stream.aclose()
        await engine.until(lambda e: e.in_flight == 0)
        await remote.close()
    assert len(engine.aborted) == 1


async def test_a_newer_request_ends_the_older_one_with_an_abort() -> None:
    gate = Gate()
    engine = ScriptedEngine("one two", gate=gate)
    request = Request(HOLE, supersedes="k")
    async with serving(engine) as host:
        remote = RemoteEngine(host.url)

        async def last() -> Chunk:
            return [c async for c in remote.generate(request)][-1]

        older = asyncio.create_task(last())
        await engine.until(lambda e: e.in_flight == 1)
        newer = asyncio.create_task(last())
        ended = (await older).finish
        await gate.open()
        done = (await newer).finish
        await remote.close()
    assert ended is not None
    assert ended.reason == "abort"
    assert done is not None
    assert done.reason == "stop"


@pytest.mark.parametrize(
    "error",
    [
        PromptTooLong("8 tokens too many"),
        EngineBusy("the line is full"),
        EngineUnavailable("still loading"),
        GenerationFailed("broke"),
        NotEnoughMemory("needs 9 GB, has 4"),
    ],
)
@pytest.mark.parametrize("begun", [False, True])
async def test_an_error_of_the_engine_arrives_as_itself(error: Exception, begun: bool) -> None:
    engine = ScriptedEngine(["a", error] if begun else [error])
    async with serving(engine) as host:
        remote = RemoteEngine(host.url)
        with pytest.raises(type(error), match=str(error)):
            await collect(remote, Request(HOLE))
        await remote.close()
    assert len(engine.requests) == 1


async def test_info_is_the_engines_own_behind_the_host() -> None:
    engine = ScriptedEngine("x")
    engine.set_info(state="loading", progress=0.4, detail="reading weights")
    async with serving(engine) as host:
        remote = RemoteEngine(host.url)
        info = await remote.info()
        await remote.close()
    assert (info.state, info.progress, info.detail) == ("loading", 0.4, "reading weights")


async def test_a_server_that_is_not_there_is_said_so_and_info_does_not_raise() -> None:
    remote = RemoteEngine("http://127.0.0.1:9")
    with pytest.raises(EngineUnavailable, match="does not answer"):
        await collect(remote, Request(HOLE))
    info = await remote.info()
    await remote.close()
    assert info.state == "failed"
    assert "does not answer" in info.detail


async def test_a_host_that_breaks_off_in_the_middle_is_an_error() -> None:
    async def app(scope: dict[str, object], receive: object, send: object) -> None:
        assert callable(send)
        assert callable(receive)
        if scope["type"] != "http":
            await receive()
            await send({"type": "lifespan.startup.complete"})
            await receive()
            await send({"type": "lifespan.shutdown.complete"})
            return
        models = b'{"data": [{"id": "m", "owned_by": "qwen-lsp"}]}'
        listing = scope["path"] == "/v1/models"
        await send({"type": "http.response.start", "status": 200, "headers": []})
        body = models if listing else b'data: {"qwen_lsp": {"index": 0, "text": "half"}}\n\n'
        await send({"type": "http.response.body", "body": body, "more_body": False})

    async with serving_app(app) as host:
        remote = RemoteEngine(host.url)
        with pytest.raises(GenerationFailed, match="broke off"):
            await collect(remote, Request(HOLE))
        await remote.close()
