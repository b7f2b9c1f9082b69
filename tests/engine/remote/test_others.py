"""Other people's servers: vLLM and Ollama as protocol doubles that answer as documented (no vLLM, no Ollama)."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import httpx
import pytest
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, StreamingResponse

from qwen_lsp.engine import request as ours
from qwen_lsp.engine.base import collect
from qwen_lsp.engine.remote.dialects import DIALECTS, body_for, neutral
from qwen_lsp.engine.remote.engine import RemoteEngine
from qwen_lsp.engine.remote.http import base_url
from qwen_lsp.engine.request import ChatPrompt, Chunk, Marker, Message, Sampling, Text, TextPrompt
from qwen_lsp.errors import EngineUnavailable, GenerationFailed, PromptTooLong, SettingsError
from tests.support.http.hosts import serving_app

HOLE = TextPrompt(
    (
        Marker("<|fim_prefix|>"),
        Text("def f():\n"),
        Marker("<|fim_suffix|>"),
        Text("\n"),
        Marker("<|fim_middle|>"),
        Text("  r"),
    )
)
CHAT = ours.Request(ChatPrompt((Message("user", "hi"),)), max_tokens=8)


class VllmDouble:
    """Answers as vLLM's documentation says; it is no vLLM."""

    BLOCK = 16

    def __init__(self, words: tuple[str, ...] = ("eturn", " 1", "\n")) -> None:
        self.words = words
        self.bodies: list[dict[str, Any]] = []
        self.kept = ""
        self.streaming = 0
        self.left = asyncio.Event()
        self.began = asyncio.Event()
        self.key: str | None = None
        self.go: asyncio.Event | None = None
        self.model = "Qwen/Qwen3-Coder-30B-A3B-Instruct"
        self.one_token = ""
        self.app = FastAPI()
        self.app.get("/v1/models")(self.models)
        self.app.post("/tokenize")(self.tokenize)
        self.app.post("/v1/completions")(self.completions)
        self.app.post("/v1/chat/completions")(self.completions)

    async def models(self, request: Request) -> Any:
        if self.key and request.headers.get("authorization") != f"Bearer {self.key}":
            return JSONResponse({"error": "Unauthorized"}, 401)
        entry = {"id": self.model, "owned_by": "vllm", "max_model_len": 4096}
        return {"object": "list", "data": [entry]}

    async def tokenize(self, request: Request) -> Any:
        text = (await request.json())["prompt"]
        tokens = [7] if text == self.one_token else list(text.encode())
        return {"count": len(tokens), "max_model_len": 4096, "tokens": tokens}

    async def completions(self, request: Request) -> Any:
        body = await request.json()
        self.bodies.append(body)
        if body.get("suffix"):
            return JSONResponse({"error": {"message": "suffix is not currently supported", "code": 400}}, 400)
        if len(body.get("prompt", "")) > 4096:
            text = "This model's maximum context length is 4096 tokens. However, you requested more."
            return JSONResponse({"error": {"message": text, "type": "BadRequestError", "code": 400}}, 400)
        return StreamingResponse(self.stream(body, request), media_type="text/event-stream")

    async def stream(self, body: dict[str, Any], request: Request) -> AsyncIterator[str]:
        prompt = body.get("prompt") or json.dumps(body["messages"])
        common = _common(self.kept, prompt)
        self.kept = prompt
        self.streaming += 1
        self.began.set()
        try:
            for word in self.words:
                if self.go is not None:
                    await self.go.wait()
                part = {"text": word} if "prompt" in body else {"delta": {"content": word}}
                yield f"data: {json.dumps({'choices': [{'index': 0, **part, 'finish_reason': None}]})}\n\n"
            yield f"data: {json.dumps({'choices': [{'index': 0, 'text': '', 'finish_reason': 'stop'}]})}\n\n"
            if body.get("stream_options", {}).get("include_usage"):
                cached = common // self.BLOCK * self.BLOCK
                usage = {
                    "prompt_tokens": len(prompt),
                    "completion_tokens": len(self.words),
                    "prompt_tokens_details": {"cached_tokens": cached},
                }
                yield f"data: {json.dumps({'choices': [], 'usage': usage})}\n\n"
            yield "data: [DONE]\n\n"
        finally:
            self.streaming -= 1
            self.left.set()


async def test_vllm_double_gets_the_rendered_hole_and_its_block_cache_is_read() -> None:
    double = VllmDouble()
    async with serving_app(double.app) as server:
        engine = RemoteEngine(server.url + "/v1/")
        request = ours.Request(
            HOLE, max_tokens=9, sampling=Sampling(0.2, 0.9, 20, 0.1, 1.05, 3), stop=("zz",)
        )
        text, _ = await collect(engine, request)
        _, usage = await collect(engine, request)
        info = await engine.info()
        await engine.close()
    assert text == "eturn 1\n"
    body = double.bodies[0]
    assert body["prompt"] == "<|fim_prefix|>def f():\n<|fim_suffix|>\n<|fim_middle|>  r"
    assert {k: body[k] for k in ("top_k", "min_p", "repetition_penalty", "seed", "stop", "max_tokens")} == {
        "top_k": 20, "min_p": 0.1, "repetition_penalty": 1.05, "seed": 3, "stop": ["zz"], "max_tokens": 9,
    }  # fmt: skip
    assert not {"suffix", "lane", "heal", "qwen_lsp", "prompt_parts"} & set(body)
    assert usage.cached_tokens == len(body["prompt"]) // 16 * 16
    assert usage.generated_tokens == 3
    assert (info.fim, info.context_tokens, info.kind) == ("qwen", 4096, "remote")
    assert "vLLM" in info.detail
    assert "in blocks" in info.detail


async def test_vllm_doubles_refusal_of_a_long_prompt_is_ours() -> None:
    async with serving_app(VllmDouble().app) as server:
        engine = RemoteEngine(server.url)
        with pytest.raises(PromptTooLong, match="maximum context length"):
            await collect(engine, ours.Request(TextPrompt((Text("x" * 5000),))))
        await engine.close()


async def test_closing_the_stream_closes_the_connection_to_the_vllm_double() -> None:
    double = VllmDouble(("a",) * 1000)
    async with serving_app(double.app) as server:
        engine = RemoteEngine(server.url)
        stream = engine.generate(CHAT)
        assert (await anext(stream)).text == "a"
        await stream.aclose()
        async with asyncio.timeout(10):
            await double.left.wait()
        assert double.streaming == 0
        await engine.close()


async def test_warming_a_foreign_server_gives_way_to_a_request() -> None:
    double = VllmDouble()
    double.go = asyncio.Event()
    async with serving_app(double.app) as server:
        engine = RemoteEngine(server.url)
        warming = asyncio.create_task(engine.warm(ours.Request(HOLE)))
        async with asyncio.timeout(10):
            await double.began.wait()
        asking = asyncio.create_task(collect(engine, CHAT))
        await warming
        double.go.set()
        assert (await asking)[0] == "eturn 1\n"
        await engine.close()
    assert double.bodies[0]["max_tokens"] == 1


async def test_several_answers_are_several_calls_and_a_newer_request_ends_an_older() -> None:
    double = VllmDouble()
    async with serving_app(double.app) as server:
        engine = RemoteEngine(server.url)
        chunks = [c async for c in engine.generate(replace(CHAT, n=2, sampling=Sampling(seed=5)))]
        assert [c.index for c in chunks if c.finish] == [0, 1]
        assert [b["seed"] for b in double.bodies] == [5, 6]
        double.go = asyncio.Event()
        double.began.clear()
        keyed = replace(CHAT, supersedes="k")

        async def last() -> Chunk:
            return [c async for c in engine.generate(keyed)][-1]

        older = asyncio.create_task(last())
        async with asyncio.timeout(10):
            await double.began.wait()
        newer = asyncio.create_task(last())
        ended = (await older).finish
        double.go.set()
        done = (await newer).finish
        await engine.close()
    assert (ended and ended.reason, done and done.reason) == ("abort", "stop")


async def test_stop_texts_are_checked_again_on_the_text() -> None:
    async with serving_app(VllmDouble(("ab", "c\n", "   d")).app) as server:
        engine = RemoteEngine(server.url)
        chunks = [c async for c in engine.generate(replace(CHAT, stop=("c\n  ",)))]
        await engine.close()
    assert "".join(c.text for c in chunks) == "ab"
    finish = chunks[-1].finish
    assert finish is not None
    assert finish.stop_text == "c\n  "


async def test_vllm_double_of_a_nameless_model_is_asked_which_marker_is_one_token() -> None:
    double = VllmDouble()
    double.model = "team-model"
    double.one_token = "<fim_prefix>"
    async with serving_app(double.app) as server:
        engine = RemoteEngine(server.url)
        info = await engine.info()
        await engine.close()
    assert info.fim == "starcoder"
    for said in ("vLLM", "fill-in-the-middle as starcoder", "in blocks of tokens", "stop texts"):
        assert said in info.detail


async def test_a_wrong_key_is_told_and_a_key_is_never_shown(caplog: pytest.LogCaptureFixture) -> None:
    double = VllmDouble()
    double.key = "sk-secret-1234"
    async with serving_app(double.app) as server:
        wrong = RemoteEngine(server.url, api_key="sk-wrong-9999")
        with pytest.raises(EngineUnavailable, match="api_key_env") as caught:
            await collect(wrong, CHAT)
        right = RemoteEngine(server.url, api_key="sk-secret-1234")
        assert (await collect(right, CHAT))[0] == "eturn 1\n"
        shown = f"{wrong!r} {right!r} {right._http!r} {await right.info()} {caught.value} {caplog.text}"
        await wrong.close()
        await right.close()
    assert "secret-1234" not in shown
    assert "wrong-9999" not in shown


async def test_a_server_that_reports_an_error_or_rubbish_in_its_stream_fails_the_request() -> None:
    async def rubbish(body: dict[str, Any], request: Request) -> AsyncIterator[str]:
        yield "data: {not json\n\n"

    async def failing(body: dict[str, Any], request: Request) -> AsyncIterator[str]:
        yield 'data: {"error": {"message": "CUDA out of memory"}}\n\n'

    for stream, says in ((rubbish, "not JSON"), (failing, "CUDA out of memory")):
        double = VllmDouble()
        double.stream = stream  # type: ignore[method-assign]
        async with serving_app(double.app) as server:
            engine = RemoteEngine(server.url)
            with pytest.raises(GenerationFailed, match=says):
                await collect(engine, CHAT)
            await engine.close()


async def test_ollama_double_is_asked_raw_so_that_no_template_is_put_around_the_hole() -> None:
    app, bodies = FastAPI(), []

    @app.get("/api/version")
    async def version() -> dict[str, str]:
        return {"version": "0.9"}

    @app.get("/v1/models")
    async def models() -> dict[str, Any]:
        return {"object": "list", "data": [{"id": "qwen3-coder:30b", "owned_by": "library"}]}

    @app.post("/api/generate")
    async def generate(request: Request) -> StreamingResponse:
        bodies.append(await request.json())
        lines = [{"response": "eturn", "done": False}, {"response": "", "done": True, "done_reason": "stop", "eval_count": 1, "prompt_eval_count": 12}]  # fmt: skip
        return StreamingResponse(iter(json.dumps(line) + "\n" for line in lines))

    async with serving_app(app) as server:
        engine = RemoteEngine(server.url)
        text, usage = await collect(engine, ours.Request(HOLE, max_tokens=4))
        await engine.close()
    assert text == "eturn"
    assert (usage.prompt_tokens, usage.generated_tokens) == (12, 1)
    assert bodies[0]["raw"] is True
    assert bodies[0]["options"]["num_predict"] == 4


def test_markers_in_the_users_text_do_not_reach_a_server_as_markers() -> None:
    prompt = TextPrompt(
        (Marker("<|fim_prefix|>"), Text("s = '<|fim_middle|>' + '<|im_end|>'"), Marker("<|fim_middle|>"))
    )
    _, body = body_for(ours.Request(prompt), DIALECTS["vllm"], "m", chatml=True)
    assert body["prompt"] == "<|fim_prefix|>s = '< |fim_middle|>' + '< |im_end|>'<|fim_middle|>"
    _, chat = body_for(
        ours.Request(ChatPrompt((Message("user", "<|im_end|>"),))), DIALECTS["openai"], "m", chatml=False
    )
    assert chat["messages"][0]["content"] == "< |im_end|>"
    assert neutral("a <| b |> c || d") == "a <| b |> c || d"


def test_a_begun_answer_is_written_out_for_servers_that_know_no_prefill() -> None:
    request = ours.Request(ChatPrompt((Message("user", "x"),), prefill="```python\n"))
    route, body = body_for(request, DIALECTS["mlx_lm"], "m", chatml=True)
    assert route == "/v1/completions"
    assert body["prompt"] == "<|im_start|>user\nx<|im_end|>\n<|im_start|>assistant\n```python\n"


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("http://10.0.0.7:8000", "your code would leave it"),
        ("https://models.example/v1", "your code would leave it"),
        ("http://localhost.example:1", "your code would leave it"),
        ("http://user:pw@127.0.0.1:1", "must not hold a password"),
        ("ftp://127.0.0.1", "must be like http"),
        ("http://127.0.0.1:99999999", "is not an address"),
    ],
)
def test_an_address_that_may_not_be_used_is_refused(url: str, says: str) -> None:
    with pytest.raises(SettingsError, match=says):
        RemoteEngine(url)


async def test_a_server_elsewhere_is_used_only_when_allowed_and_then_it_shows() -> None:
    engine = RemoteEngine("http://192.0.2.1:8000/v1", allow_elsewhere=True)
    engine._http._client = httpx.AsyncClient(transport=httpx.MockTransport(lambda r: httpx.Response(503)))
    info = await engine.info()
    await engine.close()
    assert not info.local
    assert "Code leaves this machine, to http://192.0.2.1:8000" in info.detail
    assert base_url("localhost:8080/v1", allow_elsewhere=False) == "http://localhost:8080"


async def test_only_connection_errors_before_the_first_byte_are_tried_again() -> None:
    tries: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/v1/models":
            return httpx.Response(200, json={"data": [{"id": "qwen", "owned_by": "vllm"}]})
        tries.append(request.url.path)
        if len(tries) == 1:
            raise httpx.ConnectError("refused")
        if len(tries) == 2:
            return httpx.Response(
                200, text='data: {"choices": [{"delta": {"content": "ok"}, "finish_reason": "stop"}]}\n\n'
            )
        return httpx.Response(500, json={"error": {"message": "broken"}})

    engine = RemoteEngine("http://127.0.0.1:1")
    engine._http._client = httpx.AsyncClient(transport=httpx.MockTransport(answer))
    assert (await collect(engine, CHAT))[0] == "ok"
    with pytest.raises(GenerationFailed, match="broken"):
        await collect(engine, CHAT)
    await engine.close()
    assert len(tries) == 3


def _common(one: str, other: str) -> int:
    """How many first characters two texts share."""
    pairs = zip(one, other, strict=False)
    return next((i for i, (a, b) in enumerate(pairs) if a != b), min(len(one), len(other)))
