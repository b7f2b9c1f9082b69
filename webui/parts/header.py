"""The top of the page: which model answers, and plainly what it is when it is not the real one; said once."""

from __future__ import annotations

from html import escape

from qwen_lsp.engine.request import EngineInfo
from qwen_lsp.sizes import size_in_words
from webui.i18n.texts import bilingual
from webui.parts.progress import memory_bytes


def header_html(info: EngineInfo) -> str:
    """The engine's state, its model and its memory; what went wrong in a line below."""
    facts = [f'<span class="q-dotmark {info.state}"></span>{bilingual(f"engine_{info.state}")}']
    if info.model:
        facts.append(f"<b>{'starter' if info.is_starter else escape(info.model)}</b>")
    if info.state == "loading" and info.progress is not None:
        facts.append(f"{info.progress:.0%}")
    if info.state == "loading" and info.seconds_left is not None:
        facts.append(bilingual("seconds_left", seconds=round(info.seconds_left)))
    facts += [f'<span class="q-fact">{fact}</span>' for fact in _sizes(info)]
    facts += [f'<span class="q-badge">{bilingual(key)}</span>' for key in _badges(info)]
    start = ' data-starter=""' if info.is_starter else ""
    return (
        f'<header class="q-top"><div class="q-engine"{start}>{"".join(facts)}</div>{_trouble(info)}</header>'
    )


def _sizes(info: EngineInfo) -> list[str]:
    memory = memory_bytes(info)
    facts = [bilingual("stat_memory", size=size_in_words(memory))] if memory else []
    if info.context_tokens:
        facts.append(bilingual("picture_context", count=f"{info.context_tokens:,}"))
    return facts


def _badges(info: EngineInfo) -> list[str]:
    holds = {
        "engine_starter": info.is_starter,
        "engine_demo": info.kind == "demo",
        "engine_remote": not info.local,
    }
    return [key for key, true in holds.items() if true]


def _trouble(info: EngineInfo) -> str:
    """The engine's own sentence, when it cannot answer; states that a badge explains need no second one."""
    if info.state in ("ready", "loading") or not info.detail:
        return ""
    return f'<p class="q-notice q-theirs" role="status">{escape(info.detail)}</p>'
