"""/v1: completions, chats, the model list, and a clear no to embeddings."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator
from datetime import UTC, datetime
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import JSONResponse, Response

from qwen_lsp.engine import request as engine_request
from qwen_lsp.engine.base import Engine
from qwen_lsp.engine.wire import chunk_to_json
from qwen_lsp.server.fim_anchors import RequestAnchors
from qwen_lsp.server.openai_format import AnswerFormat, events, whole
from qwen_lsp.server.parse_request import chat_request, completion_request
from qwen_lsp.server.responses import DONE, EventStream, event_of, refusal, while_connected
from qwen_lsp.server.schemas import Body, ChatBody, CompletionBody

_STARTED = int(time.time())


def openai_routes(engine: Engine, anchors: RequestAnchors) -> APIRouter:
    """The routes, on this engine."""
    routes = APIRouter(prefix="/v1", tags=["OpenAI"])

    @routes.post("/completions")
    async def completions(body: CompletionBody, request: Request) -> Response:
        """Go on from a text, or fill a hole between prompt and suffix."""
        info = await engine.info()
        asked = completion_request(body, anchors, info.fim)
        form = AnswerFormat(
            chat=False, model=info.model, logprobs=body.logprobs is not None and body.logprobs is not False
        )
        return await _answer(body, asked, form, request)

    @routes.post("/chat/completions")
    async def chat_completions(body: ChatBody, request: Request) -> Response:
        """Answer a conversation."""
        info = await engine.info()
        tools = [] if body.tool_choice == "none" else body.tools or []
        form = AnswerFormat(chat=True, model=info.model, logprobs=bool(body.logprobs), tools=tools)
        return await _answer(body, chat_request(body), form, request)

    @routes.get("/models")
    async def models() -> dict[str, Any]:
        """The one model that is loaded."""
        info = await engine.info()
        page = {"has_more": False, "first_id": info.model, "last_id": info.model}
        return {"object": "list", "data": [_model(info)], **page}

    @routes.get("/models/{name:path}")
    async def model(name: str) -> Response:
        """The loaded model, by its name."""
        info = await engine.info()
        if name != info.model:
            return refusal(
                404, f"There is no model {name[:200]!r} here; {info.model} is loaded.", "model_not_found"
            )
        return JSONResponse(_model(info))

    @routes.post("/embeddings")
    async def embeddings() -> Response:
        """Always refused."""
        return refusal(
            501,
            "This host writes text and makes no embeddings; use an embedding model's server.",
            "not_supported",
        )

    async def _answer(
        body: Body, asked: engine_request.Request, form: AnswerFormat, request: Request
    ) -> Response:
        form.usage_event, form.own = body.wants_usage(), body.qwen_lsp
        if body.warm:
            return EventStream(_warm_events(engine, asked))
        if body.stream:
            return EventStream(events(engine, asked, form))
        return JSONResponse(await while_connected(request, whole(engine, asked, form)))

    return routes


async def _warm_events(engine: Engine, asked: engine_request.Request) -> AsyncGenerator[str, None]:
    usage = await engine.warm(asked)
    finish = engine_request.Finish("stop")
    yield event_of({"qwen_lsp": chunk_to_json(engine_request.Chunk(finish=finish, usage=usage))})
    yield DONE


def _model(info: engine_request.EngineInfo) -> dict[str, Any]:
    return {
        "id": info.model,
        "object": "model",
        "created": _STARTED,
        "owned_by": "qwen-lsp",
        # Anthropic's client reads the same list by these.
        "type": "model",
        "display_name": info.model,
        "created_at": datetime.fromtimestamp(_STARTED, UTC).isoformat(),
        "max_model_len": info.context_tokens,
        "fim": info.fim,
    }
