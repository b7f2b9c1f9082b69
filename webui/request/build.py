"""From the filled-in form to the request the engine gets: pure, so that the prompt can be shown before it is sent."""

from __future__ import annotations

import re
from dataclasses import dataclass

from qwen_lsp.assist.prompts.chat import DEFAULT_SYSTEM, hole_as_chat, target_language
from qwen_lsp.assist.prompts.fim import TEMPLATES, Hole
from qwen_lsp.engine.request import ChatPrompt, EngineInfo, Lane, Message, Request, TextPrompt
from qwen_lsp.samples import LANGUAGE_NAMES
from webui.request.form import Form, defaults
from webui.request.target_languages import AS_IS, ending

CURSOR = "<cursor>"


@dataclass(frozen=True, slots=True)
class RequestRefusal:
    """Nothing can be asked; `key` names the text in the table."""

    key: str


def plan(
    text: str, form: Form, info: EngineInfo, *, experts: bool = False, logprobs: int = 0
) -> Request | RequestRefusal:
    """The request for this form and this model, or why there is none."""
    if not text.strip():
        return RequestRefusal("request_empty")
    asked = _hole(text, form, info) if form.mode == "complete" else (_chat(text, form, info), ())
    if isinstance(asked, RequestRefusal):
        return asked
    prompt, stops = asked
    return Request(
        prompt,
        max_tokens=form.max_tokens,
        sampling=form.sampling,
        stop=form.stop + stops,
        lane=Lane.CHAT,
        logprobs=logprobs,
        experts=experts,
        heal=isinstance(prompt, TextPrompt),
    )


def chat_request(*messages: Message, info: EngineInfo, max_tokens: int) -> Request:
    """A request of the page in plain words: the usual system message first, the model's usual sampling."""
    prompt = ChatPrompt((Message("system", DEFAULT_SYSTEM), *messages))
    return Request(prompt, max_tokens=max_tokens, sampling=defaults(info).sampling, lane=Lane.CHAT)


def shown(request: Request) -> str:
    """The prompt as text, roles and markers visible."""
    if isinstance(request.prompt, TextPrompt):
        return request.prompt.render()
    turns = [f"[{message.role}]\n{message.content}" for message in request.prompt.messages]
    return "\n\n".join([*turns, "[assistant]\n" + request.prompt.prefill])


def _chat(text: str, form: Form, info: EngineInfo) -> ChatPrompt:
    system = Message("system", form.system.strip() or DEFAULT_SYSTEM)
    wish = _wish(text, form.language, info)
    return ChatPrompt((system, Message("user", f"{text.strip()}\n\n{wish}".strip())))


def _wish(text: str, language: str, info: EngineInfo) -> str:
    """How the target language is said; the starter knows one form of it, and no quarrel between two languages."""
    if language == AS_IS:
        return ""
    if not info.is_starter:
        return f"Answer in {language}, with the complete code in one fenced block."
    named = {name for name in LANGUAGE_NAMES.values() if _names(text, name)}
    known = language in LANGUAGE_NAMES.values() and named <= {language}
    return target_language(language) if known else ""


def _names(text: str, language: str) -> bool:
    """Whether the text names this language, as a word; Chinese sets no blanks around it."""
    return re.search(rf"(?<![A-Za-z]){re.escape(language)}(?![A-Za-z+])", text, re.IGNORECASE) is not None


def _hole(
    text: str, form: Form, info: EngineInfo
) -> tuple[TextPrompt | ChatPrompt, tuple[str, ...]] | RequestRefusal:
    if text.count(CURSOR) != 1:
        return RequestRefusal("cursor_missing")
    before, after = text.split(CURSOR)
    start = before.rfind("\n") + 1
    # The line being typed goes last, as the editors ask: the same prompt, the same answer.
    hole = Hole(before[:start], after, typed=before[start:], path=f"code.{ending(form.language)}")
    template = TEMPLATES.get(info.fim or "")
    if template is None:
        return hole_as_chat(hole, form.language), ()
    return template.render(hole), template.stops
