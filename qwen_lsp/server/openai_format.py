"""Chunks of an engine in OpenAI's words: streamed events and whole answers, for completions and chats."""

from __future__ import annotations

import time
import uuid
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any

from qwen_lsp.engine.base import Engine
from qwen_lsp.engine.request import Chunk, Request, Token, Usage
from qwen_lsp.engine.wire import chunk_to_json
from qwen_lsp.server.responses import DONE, event_of
from qwen_lsp.server.tool_calls import ParsedCalls, ToolCallParser

Json = dict[str, Any]


@dataclass(slots=True)
class AnswerFormat:
    """How one answer is to be written."""

    chat: bool
    model: str
    usage_event: bool = False
    own: bool = False
    logprobs: bool = False
    tools: Sequence[Json] = ()
    id: str = field(default_factory=lambda: uuid.uuid4().hex)
    created: int = field(default_factory=lambda: int(time.time()))

    def head(self, *, streamed: bool) -> Json:
        """The fields every object begins with."""
        if self.chat:
            kind = "chat.completion.chunk" if streamed else "chat.completion"
            return {"id": f"chatcmpl-{self.id}", "object": kind, "created": self.created, "model": self.model}
        return {
            "id": f"cmpl-{self.id}",
            "object": "text_completion",
            "created": self.created,
            "model": self.model,
        }


async def events(engine: Engine, request: Request, form: AnswerFormat) -> AsyncGenerator[str, None]:
    """The streamed answer."""
    if form.own:
        async for event in _own_events(engine, request, form):
            yield event
        return
    readers = [ToolCallParser(form.tools) if form.tools else None for _ in range(request.n)]
    if form.chat:
        for index in range(request.n):
            yield event_of(_streamed(form, index, {"role": "assistant", "content": ""}))
    usage: Usage | None = None
    async with aclosing(engine.generate(request)) as chunks:
        async for chunk in chunks:
            usage = chunk.usage or usage
            for choice in _choices(chunk, readers[chunk.index], form):
                yield event_of({**form.head(streamed=True), "choices": [choice]})
    if form.usage_event:
        yield event_of({**form.head(streamed=True), "choices": [], "usage": usage_json(usage)})
    yield DONE


async def whole(engine: Engine, request: Request, form: AnswerFormat) -> Json:
    """The answer in one piece."""
    texts: list[list[str]] = [[] for _ in range(request.n)]
    tokens: list[list[Token]] = [[] for _ in range(request.n)]
    endings = ["stop"] * request.n
    usage: Usage | None = None
    async with aclosing(engine.generate(request)) as chunks:
        async for chunk in chunks:
            texts[chunk.index].append(chunk.text)
            tokens[chunk.index] += chunk.tokens
            if chunk.finish is not None:
                endings[chunk.index] = chunk.finish.reason
            usage = chunk.usage or usage
    choices = [_whole_choice(form, i, "".join(texts[i]), tokens[i], endings[i]) for i in range(request.n)]
    return {**form.head(streamed=False), "choices": choices, "usage": usage_json(usage)}


def usage_json(usage: Usage | None) -> Json:
    """Usage as OpenAI writes it."""
    usage = usage or Usage()
    return {
        "prompt_tokens": usage.prompt_tokens,
        "completion_tokens": usage.generated_tokens,
        "total_tokens": usage.prompt_tokens + usage.generated_tokens,
        "prompt_tokens_details": {"cached_tokens": usage.cached_tokens},
    }


async def _own_events(engine: Engine, request: Request, form: AnswerFormat) -> AsyncGenerator[str, None]:
    async with aclosing(engine.generate(request)) as chunks:
        async for chunk in chunks:
            yield event_of({"qwen_lsp": chunk_to_json(chunk)})
    yield DONE


def _choices(chunk: Chunk, reader: ToolCallParser | None, form: AnswerFormat) -> list[Json]:
    """The choice objects a chunk becomes: words, calls, the ending."""
    made: list[Json] = []
    read = ParsedCalls((chunk.text,)) if reader is None else reader.feed(chunk.text)
    ending = reader.flush() if reader is not None and chunk.finish is not None else ParsedCalls()
    text, calls = read.text + ending.text, read.calls + ending.calls
    logprobs = _logprobs(chunk.tokens, form) if form.logprobs and chunk.tokens else None
    if text or logprobs is not None:
        made.append(_choice(form, chunk.index, {"content": text} if form.chat else text, logprobs))
    made += [_choice(form, chunk.index, {"tool_calls": [call]}, None) for call in calls]
    if chunk.finish is not None:
        reason = "tool_calls" if reader is not None and reader.count else chunk.finish.reason
        made.append({**_choice(form, chunk.index, {} if form.chat else "", None), "finish_reason": reason})
    return made


def _choice(form: AnswerFormat, index: int, said: Any, logprobs: Json | None) -> Json:
    return {
        "index": index,
        "delta" if form.chat else "text": said,
        "logprobs": logprobs,
        "finish_reason": None,
    }


def _streamed(form: AnswerFormat, index: int, delta: Json) -> Json:
    return {**form.head(streamed=True), "choices": [_choice(form, index, delta, None)]}


def _whole_choice(form: AnswerFormat, index: int, text: str, tokens: Sequence[Token], ending: str) -> Json:
    logprobs = _logprobs(tokens, form) if form.logprobs else None
    if not form.chat:
        return {"index": index, "text": text, "logprobs": logprobs, "finish_reason": ending}
    message: Json = {"role": "assistant", "content": text}
    if form.tools:
        reader = ToolCallParser(form.tools)
        read, rest = reader.feed(text), reader.flush()
        calls = read.calls + rest.calls
        if calls:
            ending = "tool_calls"
            without = [{k: v for k, v in call.items() if k != "index"} for call in calls]
            message = {
                "role": "assistant",
                "content": (read.text + rest.text).strip() or None,
                "tool_calls": without,
            }
    return {"index": index, "message": message, "logprobs": logprobs, "finish_reason": ending}


def _logprobs(tokens: Sequence[Token], form: AnswerFormat) -> Json:
    if form.chat:
        return {"content": [_chat_logprob(t) for t in tokens], "refusal": None}
    offsets, at = [], 0
    for token in tokens:
        offsets.append(at)
        at += len(token.text)
    return {
        "tokens": [t.text for t in tokens],
        "token_logprobs": [t.logprob for t in tokens],
        "top_logprobs": [dict(t.alternatives) or {t.text: t.logprob} for t in tokens],
        "text_offset": offsets,
    }


def _chat_logprob(token: Token) -> Json:
    def one(text: str, logprob: float) -> Json:
        return {"token": text, "logprob": logprob, "bytes": list(text.encode("utf-8", "replace"))}

    return {**one(token.text, token.logprob), "top_logprobs": [one(*pair) for pair in token.alternatives]}
