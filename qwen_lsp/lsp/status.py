"""What we say about ourselves: one plain dictionary for the status command and notification."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qwen_lsp.assist.suggestion import CompletionResult
from qwen_lsp.engine.request import EngineInfo

if TYPE_CHECKING:
    from qwen_lsp.assist.completion.status import AssistantStatus

REAL_MODEL_HINT = "`qwen-lsp pull` fetches the real model; it says the size first."
STARTER_SENTENCE = f"This is the starter: it knows a handful of sample programs. {REAL_MODEL_HINT}"
ELSEWHERE_SENTENCE = "Code leaves this machine: engine.url is elsewhere and engine.allow_elsewhere is on."


RECALL_SENTENCE = "The last suggestion is from your code."


def describe(
    info: EngineInfo | None,
    assistant: AssistantStatus | None = None,
    *,
    last: CompletionResult | None,
    paused: bool,
    failure: str = "",
    address: str = "",
) -> dict[str, Any]:
    """The state in words and numbers; every key is always there."""
    state = "failed" if failure else ("starting" if info is None else info.state)
    sentences = [failure or _engine_sentence(info)]
    if paused:
        sentences.append("Suggestions are switched off; `qwen_lsp.toggle` switches them on.")
    if info is not None and info.is_starter:
        sentences.append(STARTER_SENTENCE)
    if info is not None and not info.local:
        sentences.append(ELSEWHERE_SENTENCE)
    if last is not None and last.suggestions and last.suggestions[0].source == "recall":
        sentences.append(RECALL_SENTENCE)
    return {
        "state": "off" if paused else state,
        "message": " ".join(s for s in sentences if s),
        "engine": {
            "state": state,
            "kind": info.kind if info else "",
            "model": info.model if info else "",
            "detail": info.detail if info else "",
            "starter": bool(info and info.is_starter),
            "fim": info.fim if info else None,
            "local": info.local if info else True,
            "progress": info.progress if info else None,
            "secondsLeft": info.seconds_left if info else None,
            "load": dict(info.load) if info else {},
        },
        "address": address,
        "paused": paused,
        "last": _last(last),
        "check": assistant.check if assistant else "",
        "indexed": bool(assistant and assistant.indexed),
        "recall": assistant.recall if assistant else "",
        "responseMs": assistant.response_ms if assistant else None,
        "counts": dict(assistant.counts) if assistant else {},
    }


def _engine_sentence(info: EngineInfo | None) -> str:
    if info is None:
        return "Starting."
    if info.state == "loading":
        left = f", about {round(info.seconds_left)} s left" if info.seconds_left is not None else ""
        share = f" {round(info.progress * 100)} %" if info.progress is not None else ""
        return f"{info.detail or 'Loading'}{share}{left}."
    if info.state == "ready":
        return f"Ready: {info.model}." if info.model else info.detail
    return info.detail


def _last(answer: CompletionResult | None) -> dict[str, Any] | None:
    if answer is None:
        return None
    trace = answer.trace
    return {
        "source": answer.suggestions[0].source if answer.suggestions else (trace.source if trace else "none"),
        "reason": answer.reason,
        "suggestions": len(answer.suggestions),
        "totalMs": round(trace.total_ms, 2) if trace else None,
        "firstTokenMs": trace.first_token_ms if trace else None,
        "promptTokens": trace.prompt_tokens if trace else None,
        "prefilledTokens": trace.prefilled_tokens if trace else None,
        "generatedTokens": trace.generated_tokens if trace else None,
    }
