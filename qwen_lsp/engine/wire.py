"""How requests, chunks and errors travel as JSON between our RemoteEngine and our host, losing nothing."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping
from typing import Any

from qwen_lsp import errors
from qwen_lsp.engine.request import (
    ChatPrompt,
    Chunk,
    EngineInfo,
    Finish,
    Marker,
    Message,
    ModelShape,
    PrefillProgress,
    Request,
    Text,
    TextPrompt,
    Token,
    Usage,
)

Json = dict[str, Any]

STATUS: dict[type[errors.EngineError], int] = {
    errors.PromptTooLong: 400,
    errors.ModelNotFound: 404,
    errors.EngineBusy: 429,
    errors.GenerationFailed: 500,
    errors.EngineMissing: 503,
    errors.EngineUnavailable: 503,
    errors.NotEnoughMemory: 507,
}
_CODES = {re.sub(r"(?<=[a-z])(?=[A-Z])", "_", kind.__name__).lower(): kind for kind in STATUS}
_CODES["context_length_exceeded"] = errors.PromptTooLong


def own_body(request: Request) -> tuple[str, Json]:
    """The route and the body by which our host gets the whole request."""
    body: Json = {
        "qwen_lsp": True,
        "stream": True,
        "max_tokens": request.max_tokens,
        **dataclasses.asdict(request.sampling),
        "stop": list(request.stop),
        "lane": request.lane.name.lower(),
        "supersedes": request.supersedes,
        "heal": request.heal,
        "n": request.n,
        "alternatives": request.logprobs,
        "experts": request.experts,
        "drafts": list(request.drafts),
        "id": request.id,
    }
    if isinstance(request.prompt, ChatPrompt):
        return "/v1/chat/completions", {
            **body,
            **chat_fields(request.prompt),
            "prefill": request.prompt.prefill,
        }
    return "/v1/completions", {**body, "prompt_parts": parts_to_json(request.prompt)}


def chat_fields(prompt: ChatPrompt) -> Json:
    """`messages` and `tools` in OpenAI's form."""
    import json

    fields: Json = {"messages": [_message_to_json(m) for m in prompt.messages]}
    if prompt.tools:
        fields["tools"] = [json.loads(tool) for tool in prompt.tools]
    if prompt.must_call is not None:
        named = {"type": "function", "function": {"name": prompt.must_call}}
        fields["tool_choice"] = named if prompt.must_call else "required"
    return fields


def _message_to_json(message: Message) -> Json:
    turn: Json = {"role": message.role, "content": message.content}
    if message.name is not None:
        turn["tool_call_id" if message.role == "tool" else "name"] = message.name
    if message.tool_calls:
        turn["tool_calls"] = [
            {"id": c.id, "type": "function", "function": {"name": c.name, "arguments": c.arguments}}
            for c in message.tool_calls
        ]
    return turn


def parts_to_json(prompt: TextPrompt) -> list[Json]:
    """Prompt parts, words and markers told apart."""
    return [{"text": p.text} if isinstance(p, Text) else {"marker": p.token} for p in prompt.parts]


def parts_from_json(parts: list[Json]) -> TextPrompt:
    """The reverse; ValueError when a part is neither or both."""
    made: list[Text | Marker] = []
    for part in parts:
        match part:
            case {"text": str(text)} if len(part) == 1:
                made.append(Text(text))
            case {"marker": str(token)} if len(part) == 1:
                made.append(Marker(token))
            case _:
                raise ValueError("each of prompt_parts must be {'text': ...} or {'marker': ...}")
    return TextPrompt(tuple(made))


def chunk_to_json(chunk: Chunk) -> Json:
    """Everything of a chunk; what is empty is left out."""
    made: Json = {"index": chunk.index}
    if chunk.text:
        made["text"] = chunk.text
    if chunk.tokens:
        made["tokens"] = [_token_to_json(token) for token in chunk.tokens]
    for name in ("progress", "finish", "usage"):
        value = getattr(chunk, name)
        if value is not None:
            made[name] = dataclasses.asdict(value)
    return made


def _token_to_json(token: Token) -> Json:
    made: Json = {"id": token.id, "text": token.text, "logprob": token.logprob}
    if token.alternatives:
        made["alternatives"] = [list(pair) for pair in token.alternatives]
    if token.experts:
        made["experts"] = [list(layer) for layer in token.experts]
    return made


def chunk_from_json(given: Mapping[str, Any]) -> Chunk:
    """The reverse."""
    return Chunk(
        text=given.get("text", ""),
        tokens=tuple(_token_from_json(token) for token in given.get("tokens", ())),
        index=given.get("index", 0),
        progress=PrefillProgress(**given["progress"]) if "progress" in given else None,
        finish=Finish(**given["finish"]) if "finish" in given else None,
        usage=Usage(**given["usage"]) if "usage" in given else None,
    )


def _token_from_json(given: Mapping[str, Any]) -> Token:
    alternatives = tuple((text, logprob) for text, logprob in given.get("alternatives", ()))
    experts = tuple(tuple(layer) for layer in given.get("experts", ()))
    return Token(given["id"], given["text"], given["logprob"], alternatives, experts)


def info_to_json(info: EngineInfo) -> Json:
    """What an engine says of itself."""
    return dataclasses.asdict(info)


def info_from_json(given: Mapping[str, Any]) -> EngineInfo:
    """The reverse; unknown fields (a newer host) are left out."""
    known = {f.name for f in dataclasses.fields(EngineInfo)}
    fields = {name: value for name, value in given.items() if name in known}
    fields["load"] = tuple((str(name), float(value)) for name, value in fields.get("load", ()))
    shape = fields.get("shape")
    if shape is not None:
        quantisation = tuple((str(part), str(how)) for part, how in shape.get("quantisation", ()))
        fields["shape"] = ModelShape(**{**shape, "quantisation": quantisation})
    return EngineInfo(**fields)


def error_to_json(error: Exception) -> Json:
    """OpenAI's form of an error."""
    code = next((code for code, kind in _CODES.items() if type(error) is kind), "internal_error")
    if isinstance(error, errors.PromptTooLong):
        code = "context_length_exceeded"
    kind = "invalid_request_error" if status_of(error) < 500 else "server_error"
    return {"error": {"message": str(error), "type": kind, "param": None, "code": code}}


def status_of(error: Exception) -> int:
    """The HTTP status that goes with one of our errors."""
    return next((status for kind, status in STATUS.items() if isinstance(error, kind)), 500)


def error_from_json(status: int, body: Any, server: str) -> errors.EngineError:
    """One of our errors from any server's answer."""
    message, code = _message_and_code(body)
    said = f"{server} answered {status}: {message}" if message else f"{server} answered {status}."
    kind = _CODES.get(code)
    if kind is not None and message:
        return kind(message)
    if status in (400, 413) and re.search(r"context|too long|exceed", message, re.I):
        return errors.PromptTooLong(f"{said} Send less text.")
    if status in (401, 403):
        return errors.EngineUnavailable(
            f"{said} Check the key in the environment variable engine.api_key_env names."
        )
    if status == 404:
        return errors.ModelNotFound(f"{said} Check engine.url and engine.remote_model.")
    if status == 429:
        return errors.EngineBusy(f"{said} Try again in a moment.")
    if status in (502, 503, 504):
        return errors.EngineUnavailable(f"{said} It may still be loading.")
    return errors.GenerationFailed(said)


def _message_and_code(body: Any) -> tuple[str, str]:
    inner = body.get("error", body) if isinstance(body, Mapping) else body
    if isinstance(inner, Mapping):
        message = inner.get("message") or inner.get("detail") or inner.get("error") or ""
        return str(message)[:500], str(inner.get("code") or inner.get("type") or "")
    return ("" if inner is None else str(inner)[:500]), ""
