"""From the filled-in form to the request the engine gets: pure, so that the prompt can be shown before it is sent."""

from __future__ import annotations

from dataclasses import dataclass

from qwen_lsp.engine.request import ChatPrompt, EngineInfo, Lane, Message, Request, TextPrompt
from qwen_lsp.engine.starter.programs import DEFAULT_SYSTEM
from webui.form import Form
from webui.languages import AS_IS

CURSOR = "<cursor>"


@dataclass(frozen=True, slots=True)
class Refusal:
    """Nothing can be asked; `key` names the sentence in words.py."""

    key: str


def plan(
    text: str, form: Form, info: EngineInfo, *, experts: bool = False, logprobs: int = 0
) -> Request | Refusal:
    """The request for this form and this model, or why there is none."""
    if not text.strip():
        return Refusal("request_empty")
    prompt = _hole(text, form, info) if form.mode == "complete" else _chat(text, form, info)
    if isinstance(prompt, Refusal):
        return prompt
    return Request(
        prompt,
        max_tokens=form.max_tokens,
        sampling=form.sampling,
        stop=form.stop,
        lane=Lane.CHAT,
        logprobs=logprobs,
        experts=experts,
    )


def shown(request: Request) -> str:
    """The prompt as text, roles and markers visible."""
    if isinstance(request.prompt, TextPrompt):
        return request.prompt.render()
    turns = [f"[{message.role}]\n{message.content}" for message in request.prompt.messages]
    return "\n\n".join([*turns, "[assistant]\n" + request.prompt.prefill])


def _chat(text: str, form: Form, info: EngineInfo) -> ChatPrompt:
    system = Message("system", form.system.strip() or DEFAULT_SYSTEM)
    if info.is_starter or form.language == AS_IS:  # the starter knows its requests word by word
        return ChatPrompt((system, Message("user", text.strip())))
    wish = f"Answer in {form.language}, with the complete code in one fenced block."
    return ChatPrompt((system, Message("user", f"{text.strip()}\n\n{wish}")))


def _hole(text: str, form: Form, info: EngineInfo) -> TextPrompt | Refusal:
    if text.count(CURSOR) != 1:
        return Refusal("cursor_missing")
    return Refusal("fim_missing")
