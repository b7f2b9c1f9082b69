"""Anthropic's Messages in our words: the body, its blocks, its tools."""

from __future__ import annotations

import json
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from qwen_lsp.engine.request import ChatPrompt, Lane, Message, Request, Sampling, ToolCall
from qwen_lsp.server.parse_request import UnsupportedRequest, tool_names
from qwen_lsp.server.schemas import Count, Share

Json = dict[str, Any]
Blocks = str | list[Json]
_BILLING = "x-anthropic-billing-header:"
"""Claude Code's first system block; it changes with every request, means nothing to a model, and would make
all behind it be read again."""
_ONE_CALL = "</function>"


class TurnBody(BaseModel):
    """One message."""

    role: Literal["user", "assistant", "system"]
    content: Blocks


class CountBody(BaseModel):
    """POST /v1/messages/count_tokens."""

    model_config = ConfigDict(extra="ignore")

    model: str = Field(description="Any name: the loaded model answers, and says its own name")
    messages: Annotated[list[TurnBody], Field(min_length=1)]
    system: Blocks | None = None
    tools: list[Json] | None = None
    tool_choice: Json | None = None


class MessagesBody(CountBody):
    """POST /v1/messages."""

    max_tokens: Annotated[Count, Field(ge=1)]
    stream: bool | None = False
    stop_sequences: Annotated[list[str], Field(max_length=64)] | None = None
    temperature: Share | None = Field(None, description="0 (greedy) when left out")
    top_p: Share | None = None
    top_k: Annotated[int, Field(ge=0, le=1_000_000)] | None = None
    thinking: Json | None = Field(None, description="Accepted; this host does not let a model think aloud")
    output_config: Json | None = None
    mcp_servers: list[Json] | None = None
    container: Any = None


def messages_request(body: MessagesBody) -> Request:
    """What /v1/messages asks. Raises UnsupportedRequest, which names the field."""
    for name in ("mcp_servers", "container"):
        if getattr(body, name):
            raise UnsupportedRequest(f"{name} is not supported here; leave it out.", name)
    if (body.output_config or {}).get("format"):
        raise UnsupportedRequest(
            "output_config.format is not supported here; leave it out.", "output_config.format"
        )
    once = bool((body.tool_choice or {}).get("disable_parallel_tool_use")) and bool(body.tools)
    prompt = messages_prompt(body)
    return Request(
        prompt,
        max_tokens=body.max_tokens,
        sampling=Sampling(
            temperature=body.temperature or 0.0,
            top_p=1.0 if body.top_p is None else body.top_p,
            top_k=body.top_k or 0,
        ),
        stop=(*(s for s in body.stop_sequences or () if s), *((_ONE_CALL,) if once else ())),
        lane=Lane.CHAT,
        heal=bool(prompt.prefill),
    )


def messages_prompt(body: CountBody) -> ChatPrompt:
    """The conversation; a last message of the assistant is the answer's beginning."""
    turns: list[Message] = []
    if body.system:
        turns.append(Message("system", _system(body.system)))
    for at, turn in enumerate(body.messages):
        turns += _turns(turn, f"messages.{at}.content")
    last = turns[-1] if turns else None
    prefill = ""
    if last is not None and last.role == "assistant" and not last.tool_calls:
        turns.pop()
        prefill = last.content
    tools = openai_tools(body)
    return ChatPrompt(
        tuple(turns), prefill, tuple(json.dumps(tool) for tool in tools), _must_call(body, tools)
    )


def openai_tools(body: CountBody) -> list[Json]:
    """The tools that may be called, in OpenAI's form, which chat templates take."""
    if (body.tool_choice or {}).get("type") == "none":
        return []
    return [_tool(tool, f"tools.{at}") for at, tool in enumerate(body.tools or ())]


def _tool(tool: Json, where: str) -> Json:
    kind, name = tool.get("type") or "custom", tool.get("name")
    if kind != "custom":
        raise UnsupportedRequest(
            f"{where}: tools of type {str(kind)[:60]!r} run at Anthropic or need its models; give a tool with an "
            "input_schema.",
            where,
        )
    schema = tool.get("input_schema")
    if not isinstance(name, str) or not name or not isinstance(schema, dict):
        raise UnsupportedRequest(f"{where} needs a name and an input_schema.", where)
    about = {"name": name, "description": tool.get("description") or "", "parameters": schema}
    return {"type": "function", "function": about}


def _must_call(body: CountBody, tools: list[Json]) -> str | None:
    choice = body.tool_choice or {}
    match choice.get("type", "auto"):
        case "auto" | "none":
            return None
        case "any" if tools:
            return ""
        case "tool" if choice.get("name") in tool_names(tools):
            return str(choice["name"])
    raise UnsupportedRequest(
        "tool_choice must be auto, any, none, or tool with the name of one of tools.", "tool_choice"
    )


def _system(given: Blocks) -> str:
    if isinstance(given, str):
        return given
    texts = [_text(block, f"system.{at}") for at, block in enumerate(given)]
    return "\n".join(text for text in texts if not text.startswith(_BILLING))


def _turns(turn: TurnBody, where: str) -> list[Message]:
    if isinstance(turn.content, str):
        return [Message(turn.role, turn.content)]
    if turn.role == "assistant":
        return [_answered(turn.content, where)]
    results: list[Message] = []
    texts: list[str] = []
    for at, block in enumerate(turn.content):
        if block.get("type") == "tool_result":
            said = _result(block.get("content"), f"{where}.{at}.content")
            results.append(Message("tool", said, str(block.get("tool_use_id") or "")))
        else:
            texts.append(_text(block, f"{where}.{at}"))
    words = [Message(turn.role, "\n\n".join(texts))] if texts or not results else []
    return [*results, *words]


def _answered(blocks: list[Json], where: str) -> Message:
    texts: list[str] = []
    calls: list[ToolCall] = []
    for at, block in enumerate(blocks):
        match block:
            case {"type": "thinking" | "redacted_thinking"}:
                pass
            case {"type": "tool_use", "name": str(name), "input": dict(given)}:
                calls.append(
                    ToolCall(name, json.dumps(given, ensure_ascii=False), str(block.get("id") or ""))
                )
            case _:
                texts.append(_text(block, f"{where}.{at}"))
    return Message("assistant", "".join(texts), tool_calls=tuple(calls))


def _result(content: Any, where: str) -> str:
    if content is None or isinstance(content, str):
        return content or ""
    if not isinstance(content, list):
        raise UnsupportedRequest(f"{where} must be a text or a list of blocks.", where)
    return "\n".join(_text(block, f"{where}.{at}") for at, block in enumerate(content))


def _text(block: Any, where: str) -> str:
    match block:
        case {"type": "text", "text": str(text)}:
            return text
        case {"type": "document", "source": {"type": "text", "data": str(text)}}:
            title = block.get("title")
            return f"{title}\n{text}" if isinstance(title, str) and title else text
    kind = block.get("type") if isinstance(block, dict) else type(block).__name__
    raise UnsupportedRequest(f"{where}: this model reads only text, no {str(kind)[:40]!r} block.", where)
