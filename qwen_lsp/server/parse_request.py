"""From a body to the request the engine gets."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from qwen_lsp.assist.prompts.fim import TEMPLATES, FimTemplate
from qwen_lsp.engine.request import (
    ChatPrompt,
    Lane,
    Marker,
    Message,
    Request,
    Sampling,
    Text,
    TextPrompt,
    ToolCall,
)
from qwen_lsp.engine.special_tokens import QWEN_MARKERS
from qwen_lsp.engine.wire import parts_from_json
from qwen_lsp.server.fim_anchors import RequestAnchors
from qwen_lsp.server.schemas import Body, ChatBody, ChatMessage, CompletionBody

_CHAT_TOKENS = 2048


class UnsupportedRequest(ValueError):
    """A body that is well-formed and still cannot be done; the message says why, `field` what of it."""

    def __init__(self, message: str, field: str | None = None) -> None:
        super().__init__(message)
        self.field = field


def completion_request(body: CompletionBody, anchors: RequestAnchors, fim: str | None) -> Request:
    """What /v1/completions asks."""
    if body.prompt_parts is not None:
        try:
            return _request(body, parts_from_json(body.prompt_parts), body.max_tokens, Lane.ACTION)
        except ValueError as error:
            raise UnsupportedRequest(str(error)) from error
    alternatives = int(body.logprobs or 0)
    if body.suffix:
        prompt = anchors.prompt(body.text(), body.suffix, template_of(fim))
        return _request(body, prompt, body.max_tokens, Lane.INLINE, alternatives, heal=True)
    prompt = read_raw(body.text(), anchors)
    hole = any(isinstance(part, Marker) for part in prompt.parts)
    return _request(
        body, prompt, body.max_tokens, Lane.INLINE if hole else Lane.ACTION, alternatives, heal=body.heal
    )


def chat_request(body: ChatBody) -> Request:
    """What /v1/chat/completions asks."""
    tools = () if body.tool_choice == "none" else tuple(json.dumps(tool) for tool in body.tools or ())
    turns = tuple(_message(turn) for turn in body.messages)
    prompt = ChatPrompt(turns, body.prefill, tools, _must_call(body) if tools else None)
    limit = body.max_completion_tokens if body.max_completion_tokens is not None else body.max_tokens
    alternatives = (body.top_logprobs or 0) if body.logprobs else 0
    return _request(body, prompt, _CHAT_TOKENS if limit is None else limit, Lane.CHAT, alternatives)


def _must_call(body: ChatBody) -> str | None:
    """The tool that must be called, "" for any, None for the model's choice."""
    match body.tool_choice:
        case None | "auto" | "none":
            return None
        case "required":
            return ""
        case {"type": "function", "function": {"name": str(name)}}:
            if name not in tool_names(body.tools or []):
                raise UnsupportedRequest(
                    f"tool_choice names {name[:100]!r}, which is not among tools.", "tool_choice"
                )
            return name
    raise UnsupportedRequest(
        "tool_choice may be 'auto', 'none', 'required' or {'type': 'function', 'function': {'name': ...}}.",
        "tool_choice",
    )


def tool_names(tools: Sequence[dict[str, Any]]) -> list[str]:
    """The names of tools in OpenAI's form."""
    functions = [tool.get("function") for tool in tools]
    return [str(f.get("name", "")) for f in functions if isinstance(f, dict)]


def read_raw(text: str, anchors: RequestAnchors) -> TextPrompt:
    """A raw prompt with its markers read; an ordinary hole in it gets the anchored layout."""
    pieces = QWEN_MARKERS.split(text)
    parts = tuple(Marker(p) if QWEN_MARKERS.fullmatch(p) else Text(p) for p in pieces if p)
    match parts[-5:]:
        case (
            Marker("<|fim_prefix|>"),
            Text(prefix),
            Marker("<|fim_suffix|>"),
            Text(suffix),
            Marker("<|fim_middle|>"),
        ):
            return anchors.prompt(prefix, suffix, before=parts[:-5])
    return TextPrompt(parts)


def template_of(fim: str | None) -> FimTemplate:
    """The loaded model's template; Unfit when it has none."""
    if fim not in TEMPLATES:
        raise UnsupportedRequest(
            "The loaded model has no fill-in-the-middle; leave the suffix out, or load one that has."
        )
    return TEMPLATES[fim]


def sampling(body: Any, *, penalty: float | None) -> Sampling:
    """The sampling of any body; greedy unless asked otherwise."""
    return Sampling(
        temperature=body.temperature or 0.0,
        top_p=1.0 if body.top_p is None else body.top_p,
        top_k=max(0, body.top_k or 0),
        min_p=body.min_p or 0.0,
        repetition_penalty=penalty or 1.0,
        seed=body.seed,
    )


def _request(
    body: Body,
    prompt: TextPrompt | ChatPrompt,
    max_tokens: int | None,
    lane: Lane,
    alternatives: int = 0,
    *,
    heal: bool = False,
) -> Request:
    return Request(
        prompt,
        max_tokens=128 if max_tokens is None else max_tokens,
        sampling=sampling(body, penalty=body.repetition_penalty),
        stop=body.stops(),
        lane=Lane[body.lane.upper()] if body.lane else lane,
        supersedes=body.supersedes,
        heal=heal or body.heal,
        n=body.n or 1,
        logprobs=max(alternatives, body.alternatives),
        experts=body.experts,
        drafts=tuple(body.drafts),
        id=body.id,
    )


def _message(turn: ChatMessage) -> Message:
    role = "system" if turn.role == "developer" else turn.role
    name = turn.tool_call_id if turn.role == "tool" else turn.name
    return Message(role, _words(turn.content), name, tuple(_call(c) for c in turn.tool_calls or ()))


def _words(content: str | list[dict[str, Any]] | None) -> str:
    if content is None or isinstance(content, str):
        return content or ""
    for part in content:
        if part.get("type") != "text" or not isinstance(part.get("text"), str):
            raise UnsupportedRequest(f"This model reads only text, not {str(part.get('type'))[:40]!r} parts.")
    return "".join(part["text"] for part in content)


def _call(given: dict[str, Any]) -> ToolCall:
    function = given.get("function")
    if not isinstance(function, dict) or not isinstance(function.get("name"), str):
        raise UnsupportedRequest("Each of tool_calls needs function.name and function.arguments.")
    arguments = function.get("arguments", "{}")
    if not isinstance(arguments, str):
        arguments = json.dumps(arguments)
    try:
        json.loads(arguments)
    except ValueError as error:
        raise UnsupportedRequest("function.arguments must be the text of a JSON object.") from error
    return ToolCall(function["name"], arguments, str(given.get("id", "")))
