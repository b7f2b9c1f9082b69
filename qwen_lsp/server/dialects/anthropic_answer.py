"""An answer in Anthropic's words: the message and its stream of events."""

from __future__ import annotations

import json
import uuid
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

from qwen_lsp.engine.request import Usage
from qwen_lsp.server.answer_parts import Answer, Call, Ending, Part, Reading, Words
from qwen_lsp.server.responses import StreamForm

Json = dict[str, Any]


def message_of(answer: Answer, model: str) -> Json:
    """The whole answer."""
    content = [
        {"type": "text", "text": part, "citations": None}
        if isinstance(part, str)
        else _tool_use(part, json.loads(part.arguments))
        for part in answer.parts
    ]
    return {
        **_head(model),
        "content": content,
        **_ending(answer.ending),
        "usage": {**_input(answer.ending.usage), "output_tokens": answer.ending.usage.generated_tokens},
    }


async def message_events(parts: AsyncGenerator[Part, None], model: str) -> AsyncGenerator[str, None]:
    """The streamed answer. A text block is closed before a tool's block opens; a call comes in one piece."""
    at, in_text, begun = 0, False, False
    async with aclosing(parts):
        async for part in parts:
            if not begun:
                usage = {**_input(Usage()), "output_tokens": 0}
                message = {
                    **_head(model),
                    "content": [],
                    "stop_reason": None,
                    "stop_sequence": None,
                    "usage": usage,
                }
                yield event("message_start", message=message)
                begun = True
            match part:
                case Words(text) if text:
                    if not in_text:
                        block = {"type": "text", "text": "", "citations": None}
                        yield event("content_block_start", index=at, content_block=block)
                        in_text = True
                    yield event("content_block_delta", index=at, delta={"type": "text_delta", "text": text})
                case Call():
                    if in_text:
                        yield event("content_block_stop", index=at)
                        at, in_text = at + 1, False
                    yield event("content_block_start", index=at, content_block=_tool_use(part, {}))
                    delta = {"type": "input_json_delta", "partial_json": part.arguments}
                    yield event("content_block_delta", index=at, delta=delta)
                    yield event("content_block_stop", index=at)
                    at += 1
                case Ending():
                    if in_text:
                        yield event("content_block_stop", index=at)
                    usage = {**_input(part.usage), "output_tokens": part.usage.generated_tokens}
                    yield event("message_delta", delta=_ending(part), usage=usage)
                    yield event("message_stop")
                case Reading():
                    yield PING


def event(kind: str, **fields: Any) -> str:
    """One of Anthropic's events."""
    return f"event: {kind}\ndata: {json.dumps({'type': kind, **fields})}\n\n"


PING = event("ping")
ANTHROPIC_STREAM = StreamForm(waiting=PING, event=lambda body: f"event: error\ndata: {json.dumps(body)}\n\n")


def _head(model: str) -> Json:
    return {"id": f"msg_{uuid.uuid4().hex}", "type": "message", "role": "assistant", "model": model}


def _tool_use(call: Call, given: Any) -> Json:
    return {
        "type": "tool_use",
        "id": f"toolu_{call.id.removeprefix('call_')}",
        "name": call.name,
        "input": given,
    }


def _ending(ending: Ending) -> Json:
    if ending.calls:
        return {"stop_reason": "tool_use", "stop_sequence": None}
    if ending.finish.stop_text is not None:
        return {"stop_reason": "stop_sequence", "stop_sequence": ending.finish.stop_text}
    reason = "max_tokens" if ending.finish.reason == "length" else "end_turn"
    return {"stop_reason": reason, "stop_sequence": None}


def _input(usage: Usage) -> Json:
    """Anthropic counts what came from the cache apart."""
    return {
        "input_tokens": max(0, usage.prompt_tokens - usage.cached_tokens),
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": usage.cached_tokens,
    }
