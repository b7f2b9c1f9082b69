"""The routes of llama.cpp's server that editors' plugins use: /infill, /completion, /props."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import JSONResponse, Response

from qwen_lsp import __version__
from qwen_lsp.assist.prompts.fim import OtherFile
from qwen_lsp.engine import request as engine_request
from qwen_lsp.engine.base import Engine
from qwen_lsp.engine.request import Finish, Lane, Marker, TextPrompt, Usage
from qwen_lsp.server.fim_anchors import RequestAnchors
from qwen_lsp.server.llama_limits import LlamaLimits
from qwen_lsp.server.parse_request import UnsupportedRequest, read_raw, sampling, template_of
from qwen_lsp.server.responses import EventStream, event_of, while_connected
from qwen_lsp.server.schemas import InfillBody

Json = dict[str, Any]
_MOST_TOKENS = 2048


@dataclass(slots=True)
class _Told:
    """One answer, as far as it has come."""

    model: str
    pieces: list[str] = field(default_factory=list)
    finish: Finish = field(default_factory=lambda: Finish("stop"))
    usage: Usage = field(default_factory=Usage)
    first_ms: float | None = None
    total_ms: float = 0.0
    tokens: int = 0


def llama_routes(engine: Engine, anchors: RequestAnchors) -> APIRouter:
    """The routes, on this engine."""
    routes = APIRouter(tags=["llama.cpp"])

    @routes.post("/infill")
    async def infill(body: InfillBody, request: Request) -> Response:
        """Fill the hole between input_prefix + prompt and input_suffix."""
        info = await engine.info()
        template = template_of(info.fim if info.state == "ready" else info.fim or "qwen")
        prefix = (body.input_prefix or "") + (body.prompt or "")
        prompt = anchors.prompt(prefix, body.input_suffix or "", template, others=_extra(body))
        return await _answer(body, prompt, Lane.INLINE, info.model, request)

    @routes.post("/completion")
    @routes.post("/completions")
    async def completion(body: InfillBody, request: Request) -> Response:
        """Go on from a raw prompt."""
        info = await engine.info()
        prompt = read_raw(body.prompt or "", anchors)
        hole = any(isinstance(part, Marker) for part in prompt.parts)
        return await _answer(body, prompt, Lane.INLINE if hole else Lane.ACTION, info.model, request)

    @routes.get("/props")
    async def props() -> Json:
        """What this server is."""
        info = await engine.info()
        return {
            "default_generation_settings": {"n_ctx": info.context_tokens, "params": {"temperature": 0.0}},
            "total_slots": 1,
            "model_path": info.model,
            "model_alias": info.model,
            "chat_template": "",
            "build_info": f"qwen-lsp {__version__}",
            "is_sleeping": False,
        }

    async def _answer(
        body: InfillBody, prompt: TextPrompt, lane: Lane, model: str, request: Request
    ) -> Response:
        asked = _request(body, prompt, lane)
        if body.n_predict == 0:
            usage = await while_connected(request, engine.warm(asked))
            return JSONResponse(_fields(_whole(_Told(model, usage=usage, finish=Finish("length"))), body))
        if body.stream:
            return EventStream(_events(engine, asked, body, model))
        made = await while_connected(request, _collect_all(engine, asked, body, model))
        wanted = body.n_cmpl or 1
        return JSONResponse(made[0] if wanted == 1 else _as_many(made, wanted, body))

    return routes


def _extra(body: InfillBody) -> list[OtherFile]:
    """Text from elsewhere."""
    others: list[OtherFile] = []
    for snippet in body.input_extra or ():
        name, text = snippet.get("filename") or "snippet", snippet.get("text") or ""
        if not isinstance(name, str) or not isinstance(text, str):
            raise UnsupportedRequest("input_extra must hold objects with filename and text, both texts.")
        if text:
            others.append(OtherFile(name, text))
    return others


def _request(body: InfillBody, prompt: TextPrompt, lane: Lane) -> engine_request.Request:
    wanted = body.n_predict if body.n_predict is not None and body.n_predict >= 0 else _MOST_TOKENS
    return engine_request.Request(
        prompt,
        max_tokens=min(wanted, _MOST_TOKENS),
        sampling=sampling(body, penalty=body.repeat_penalty),
        stop=tuple(s for s in body.stop or () if s)[:64],
        lane=lane,
        heal=lane is Lane.INLINE,
        n=1 if body.stream or not body.temperature else body.n_cmpl or 1,
    )


def _as_many(made: list[Json], wanted: int, body: InfillBody) -> list[Json]:
    """A greedy answer comes once from the engine, however many were asked for: the others would be the same."""
    return made if len(made) == wanted else [_fields({**made[0], "index": i}, body) for i in range(wanted)]


async def _pieces(
    engine: Engine, asked: engine_request.Request, body: InfillBody, told: list[_Told]
) -> AsyncGenerator[tuple[int, str], None]:
    """(index, text) as it comes, cut by llama.cpp's own limits; fills `told`."""
    start = time.perf_counter()
    limits = [LlamaLimits(body.n_indent or 0, body.t_max_predict_ms or 0) for _ in told]
    async with aclosing(engine.generate(asked)) as chunks:
        async for chunk in chunks:
            one, limit = told[chunk.index], limits[chunk.index]
            one.total_ms = (time.perf_counter() - start) * 1000
            one.usage = chunk.usage or one.usage
            one.tokens += len(chunk.tokens)
            text = limit.passed(chunk.text, one.total_ms)
            if text:
                one.first_ms = one.first_ms or one.total_ms
                one.pieces.append(text)
                yield chunk.index, text
            if chunk.finish is not None and not limit.over:
                one.finish = chunk.finish
                rest = limit.rest()
                if rest:
                    one.pieces.append(rest)
                    yield chunk.index, rest
            if all(limit.over for limit in limits):
                return


async def _collect_all(
    engine: Engine, asked: engine_request.Request, body: InfillBody, model: str
) -> list[Json]:
    told = [_Told(model) for _ in range(asked.n)]
    async with aclosing(_pieces(engine, asked, body, told)) as pieces:
        async for _ in pieces:
            await asyncio.sleep(0)
    return [_fields({**_whole(one), "index": i}, body) for i, one in enumerate(told)]


async def _events(
    engine: Engine, asked: engine_request.Request, body: InfillBody, model: str
) -> AsyncGenerator[str, None]:
    told = [_Told(model)]
    async with aclosing(_pieces(engine, asked, body, told)) as pieces:
        async for _, text in pieces:
            yield event_of({"index": 0, "content": text, "tokens": [], "stop": False})
    yield event_of({**_whole(told[0]), "content": ""})


def _whole(one: _Told) -> Json:
    """The answer as llama.cpp's server writes it."""
    usage, kind = one.usage, {"length": "limit"}.get(one.finish.reason, "eos")
    # Usage that came with the first tokens knows nothing of those after it.
    generated = max(usage.generated_tokens, one.tokens) or len(one.pieces)
    text = "".join(one.pieces)
    return {
        "content": text,
        "tokens": [],
        "id_slot": 0,
        "stop": True,
        "model": one.model,
        "tokens_predicted": generated,
        "tokens_evaluated": usage.prompt_tokens,
        "tokens_cached": usage.prompt_tokens + generated,
        "generation_settings": {},
        "has_new_line": "\n" in text,
        "truncated": False,
        "stop_type": "word" if one.finish.stop_text is not None else kind,
        "stopping_word": one.finish.stop_text or "",
        "timings": _timings(one, generated),
    }


def _timings(one: _Told, generated: int) -> Json:
    prompt_ms = one.first_ms if one.first_ms is not None else one.total_ms
    predicted_ms = max(0.0, one.total_ms - prompt_ms)
    read = one.usage.prefilled_tokens
    return {
        "cache_n": one.usage.cached_tokens,
        "prompt_n": read,
        "prompt_ms": prompt_ms,
        "prompt_per_token_ms": prompt_ms / max(1, read),
        "prompt_per_second": 1000 * read / prompt_ms if prompt_ms else 0.0,
        "predicted_n": generated,
        "predicted_ms": predicted_ms,
        "predicted_per_token_ms": predicted_ms / max(1, generated),
        "predicted_per_second": 1000 * generated / predicted_ms if predicted_ms else 0.0,
    }


def _fields(answer: Json, body: InfillBody) -> Json:
    """Only the fields asked for, named by their paths, as llama.cpp does it."""
    if body.response_fields is None:
        return answer
    found: Json = {}
    for path in body.response_fields:
        value: Any = answer
        for step in path.split("/"):
            value = value.get(step) if isinstance(value, dict) else None
        if value is not None:
            found[path] = value
    return found
