"""The top of the page: name, which model answers, and plainly what it is when it is not the real one."""

from __future__ import annotations

from html import escape

from qwen_lsp.engine.request import EngineInfo
from webui.i18n.texts import bilingual

_MARK = (
    '<svg viewBox="0 0 28 28" aria-hidden="true"><rect x="1" y="1" width="26" height="26" rx="8" fill="var(--q-accent)"/>'
    '<path d="M8 9.5l4.2 4.5L8 18.5" fill="none" stroke="var(--q-paper)" stroke-width="2.4" stroke-linecap="round" stroke-linejoin="round"/>'
    '<path d="M14.8 18.5h5.4" stroke="var(--q-paper)" stroke-width="2.4" stroke-linecap="round"/></svg>'
)


def title_html() -> str:
    """Name and what it is in one line."""
    return f'<h1 class="q-mark">{_MARK}<span>qwen-lsp</span></h1><span class="q-tagline">{bilingual("tagline")}</span>'


def header_html(info: EngineInfo) -> str:
    """Name and the engine's state."""
    return f'<header class="q-top">{title_html()}{engine_html(info)}</header>'


def notice_html(info: EngineInfo) -> str:
    """A sentence when the engine is not simply ready with a real model; empty otherwise."""
    if info.state == "ready" and not info.is_starter and info.kind != "demo":
        return ""
    return f'<div class="q-notice" role="status">{escape(info.detail)}</div>' if info.detail else ""


def engine_html(info: EngineInfo) -> str:
    """State, model and warnings, in a row."""
    facts = [f'<span class="q-dotmark {info.state}"></span>{bilingual(f"engine_{info.state}")}']
    if info.model:
        facts.append(f"<b>{'starter' if info.is_starter else escape(info.model)}</b>")
    if info.state == "loading" and info.progress is not None:
        facts.append(f"{info.progress:.0%}")
    if info.state == "loading" and info.seconds_left is not None:
        facts.append(bilingual("seconds_left", seconds=round(info.seconds_left)))
    badges = [
        key
        for key, holds in (
            ("engine_starter", info.is_starter),
            ("engine_demo", info.kind == "demo"),
            ("engine_remote", not info.local),
        )
        if holds
    ]
    facts += [f'<span class="q-badge">{bilingual(key)}</span>' for key in badges]
    return f'<span class="q-engine">{"".join(facts)}</span>'
