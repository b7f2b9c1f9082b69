"""The ways to have a hole filled: by fill-in-the-middle tokens, by raw continuation, or in a chat."""

from __future__ import annotations

from typing import Literal

from qwen_lsp.assist.prompts.chat import FENCE, hole_as_chat
from qwen_lsp.assist.prompts.fim import Hole, quoted, template_of
from qwen_lsp.engine.request import ChatPrompt, EngineInfo, Text, TextPrompt

Way = Literal["fim", "raw", "chat"]
"""raw: the text before the cursor alone, for base models that know no fill-in-the-middle."""


def usual_way(info: EngineInfo) -> Way:
    """The way by the model's name, until a known hole has shown a better one."""
    return "fim" if template_of(info.fim) else "chat"


def render(hole: Hole, way: Way, info: EngineInfo, language: str) -> TextPrompt | ChatPrompt:
    """The prompt that asks for the hole this way. What is typed comes last in each."""
    template = template_of(info.fim)
    if way == "fim" and template is not None:
        return template.render(hole)
    if way == "raw":
        before = (quoted(hole.others, hole.path) if hole.others else "") + hole.prefix
        return TextPrompt(tuple(Text(text) for text in (before, hole.typed) if text))
    return hole_as_chat(hole, language)


def stops(way: Way, info: EngineInfo) -> tuple[str, ...]:
    """Texts that end an answer asked for this way."""
    template = template_of(info.fim)
    if way == "chat":
        return (f"\n{FENCE}",)
    # Our own engine ends at the marker tokens; a text stop would also meet code that spells a marker.
    return template.stops if template and way == "fim" and info.kind == "remote" else ()
