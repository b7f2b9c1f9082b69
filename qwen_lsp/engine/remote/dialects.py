"""What each kind of server understands, and the request in its words."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from qwen_lsp.engine.request import ChatPrompt, Marker, Message, Request, Text, TextPrompt
from qwen_lsp.engine.wire import chat_fields

Json = dict[str, Any]
_MARKER = re.compile(r"<\|(?=[A-Za-z0-9_]+\|>)")


@dataclass(frozen=True, slots=True)
class Dialect:
    """One kind of server."""

    name: str
    """own, vllm, mlx_lm, llama.cpp, ollama or openai"""
    words: str
    """How it is called in sentences."""
    sampling: dict[str, str] = field(default_factory=dict)
    """Our sampling option -> its field, beyond the standard ones."""
    extra: Json = field(default_factory=dict)
    """Sent with each completion."""
    most_stops: int = 16
    has_n: bool = False
    has_usage: bool = True
    """Understands stream_options.include_usage."""
    has_logprobs: bool = True
    """Tells log probabilities while it streams."""
    drops_first_space: bool = False
    tokenizes: bool = False
    """Has a /tokenize route."""
    prefix_cache: str = "unknown"
    """How it keeps prompt prefixes, for the verdict."""


_VLLM = {"top_k": "top_k", "min_p": "min_p", "repetition_penalty": "repetition_penalty"}
DIALECTS = {
    d.name: d
    for d in (
        Dialect("own", "a qwen-lsp host", has_n=True, most_stops=64, prefix_cache="token by token"),
        Dialect("vllm", "vLLM", _VLLM, has_n=True, tokenizes=True, prefix_cache="in blocks of tokens"),
        Dialect(
            "mlx_lm",
            "mlx_lm.server",
            _VLLM,
            has_logprobs=False,  # and refuses the whole request when asked as others are
            drops_first_space=True,
            prefix_cache="token by token",
        ),
        Dialect(
            "llama.cpp",
            "llama.cpp's server",
            {"top_k": "top_k", "min_p": "min_p", "repetition_penalty": "repeat_penalty"},
            {"cache_prompt": True},
            tokenizes=True,
            prefix_cache="token by token",
        ),
        Dialect("ollama", "Ollama", prefix_cache="token by token"),
        Dialect("openai", "an OpenAI-compatible server", most_stops=4, has_n=True),
    )
}


def neutral(text: str) -> str:
    """The text with nothing in it that a server could read as a marker."""
    return _MARKER.sub("< |", text)


def rendered(prompt: TextPrompt) -> str:
    """The prompt as one string in which only our own markers are markers."""
    return "".join(p.token if isinstance(p, Marker) else neutral(p.text) for p in prompt.parts)


def as_chatml(prompt: ChatPrompt) -> TextPrompt:
    """A conversation with a begun answer, as Qwen's template would write it."""
    parts: list[Text | Marker] = []
    for message in prompt.messages:
        parts += [
            Marker("<|im_start|>"),
            Text(f"{message.role}\n{message.content}"),
            Marker("<|im_end|>"),
            Text("\n"),
        ]
    return TextPrompt((*parts, Marker("<|im_start|>"), Text(f"assistant\n{prompt.prefill}")))


def body_for(request: Request, dialect: Dialect, model: str, *, chatml: bool) -> tuple[str, Json]:
    """The route and the body for a server that is not ours; one answer per call."""
    prompt = request.prompt
    if isinstance(prompt, ChatPrompt) and prompt.prefill and chatml and not prompt.tools:
        prompt = as_chatml(prompt)
    if dialect.name == "ollama" and isinstance(prompt, TextPrompt):
        return "/api/generate", _ollama_raw(request, prompt, model)
    body = {**_shared(request, dialect, model), **dialect.extra}
    if isinstance(prompt, TextPrompt):
        if dialect.has_logprobs and (request.logprobs or dialect.name in ("vllm", "llama.cpp")):
            body["logprobs"] = max(1, request.logprobs)
        return "/v1/completions", {**body, "prompt": rendered(prompt)}
    if request.logprobs and dialect.has_logprobs:
        body |= {"logprobs": True, "top_logprobs": request.logprobs}
    return "/v1/chat/completions", {**body, **_chat(prompt)}


def _shared(request: Request, dialect: Dialect, model: str) -> Json:
    drawn = request.sampling
    body: Json = {
        "stream": True,
        "max_tokens": max(1, request.max_tokens),
        "temperature": drawn.temperature,
        "top_p": drawn.top_p,
    }
    if model:
        body["model"] = model
    if request.stop:
        body["stop"] = list(request.stop[: dialect.most_stops])
    if drawn.seed is not None:
        body["seed"] = drawn.seed
    if dialect.has_usage:
        body["stream_options"] = {"include_usage": True}
    off = {"top_k": 0, "min_p": 0.0, "repetition_penalty": 1.0}
    for ours, theirs in dialect.sampling.items():
        value = getattr(drawn, ours)
        if value != off[ours]:
            body[theirs] = value
    return body


def _chat(prompt: ChatPrompt) -> Json:
    cleaned = tuple(Message(m.role, neutral(m.content), m.name, m.tool_calls) for m in prompt.messages)
    if prompt.prefill:
        cleaned += (Message("assistant", neutral(prompt.prefill)),)
    return chat_fields(ChatPrompt(cleaned, "", prompt.tools, prompt.must_call))


def _ollama_raw(request: Request, prompt: TextPrompt, model: str) -> Json:
    drawn = request.sampling
    options: Json = {
        "num_predict": max(1, request.max_tokens),
        "temperature": drawn.temperature,
        "top_p": drawn.top_p,
        "top_k": drawn.top_k,
        "min_p": drawn.min_p,
        "repeat_penalty": drawn.repetition_penalty,
        "stop": list(request.stop),
    }
    if drawn.seed is not None:
        options["seed"] = drawn.seed
    return {"model": model, "prompt": rendered(prompt), "raw": True, "stream": True, "options": options}
