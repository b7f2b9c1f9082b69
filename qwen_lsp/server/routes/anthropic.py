"""/v1/messages: Anthropic's Messages API, for Claude Code and whoever uses Anthropic's clients."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import JSONResponse, Response

from qwen_lsp.engine.base import Engine, tokenizer_of
from qwen_lsp.server.answer_parts import answer_parts, whole_answer
from qwen_lsp.server.dialects.anthropic_answer import ANTHROPIC_STREAM, message_events, message_of
from qwen_lsp.server.dialects.anthropic_request import (
    CountBody,
    MessagesBody,
    messages_prompt,
    messages_request,
    openai_tools,
)
from qwen_lsp.server.responses import EventStream, refusal, while_connected


def anthropic_routes(engine: Engine) -> APIRouter:
    """The routes, on this engine."""
    routes = APIRouter(prefix="/v1/messages", tags=["Anthropic"])

    @routes.post("")
    async def messages(body: MessagesBody, request: Request) -> Response:
        """Answer a conversation in Anthropic's form; the answer's `model` says who answered."""
        asked, tools = messages_request(body), openai_tools(body)
        info = await engine.info()
        if body.stream:
            parts = answer_parts(engine, asked, tools)
            return EventStream(message_events(parts, info.model), ANTHROPIC_STREAM)
        answer = await while_connected(request, whole_answer(engine, asked, tools))
        return JSONResponse(message_of(answer, info.model))

    @routes.post("/count_tokens", response_model=None)
    async def count_tokens(body: CountBody, request: Request) -> dict[str, Any] | Response:
        """How many tokens the loaded model would read."""
        prompt = messages_prompt(body)
        tokenizer = await tokenizer_of(engine)
        if tokenizer is None:
            said = "The model runs on another server, which does not show its tokens; nothing can be counted here."
            return refusal(501, said, "not_supported", path=request.url.path)
        return {"input_tokens": len(await tokenizer.encode(prompt))}

    return routes
