"""How a generation goes, in words and numbers for the bar above a result."""

from __future__ import annotations

from qwen_lsp.engine.request import EngineInfo
from webui.i18n.texts import bilingual
from webui.request.form import Form
from webui.request.target_languages import AS_IS
from webui.running.generation import Generation


def phase_html(state: Generation) -> str:
    """The phase in words: queued, reading n of m tokens, writing, and how it ended."""
    if state.phase == "reading" and state.progress is not None:
        return bilingual("phase_reading", done=state.progress.done_tokens, total=state.progress.total_tokens)
    words = bilingual(f"phase_{state.phase}")
    if state.phase == "failed":
        from html import escape

        return f'{words}<span class="q-why">{escape(state.error)}</span>'
    return words


def stats_html(state: Generation, info: EngineInfo) -> str:
    """Tokens, speed, time to first token and context; what is not known is left out. Memory is said in the header."""
    facts: list[str] = []
    if state.generated_tokens:
        facts.append(bilingual("stat_tokens", count=f"{state.generated_tokens:,}"))
    if state.tokens_per_s is not None:
        facts.append(bilingual("stat_speed", rate=f"{state.tokens_per_s:.0f}"))
    if state.first_token_ms is not None:
        facts.append(bilingual("stat_first", ms=f"{state.first_token_ms:.0f}"))
    if state.usage is not None and state.usage.cached_tokens:
        facts.append(bilingual("stat_cached", count=f"{state.usage.cached_tokens:,}"))
    if state.used_tokens and info.context_tokens:
        facts.append(
            bilingual("stat_context", used=f"{state.used_tokens:,}", window=f"{info.context_tokens:,}")
        )
    return "".join(f"<span>{fact}</span>" for fact in facts)


def foot_html(form: Form) -> str:
    """The sampling settings the result was drawn with."""
    language = bilingual("as_is") if form.language == AS_IS else form.language
    if form.temperature == 0:
        drawn = [bilingual("greedy")]
    else:
        drawn = [
            f"{bilingual('temperature')} {form.temperature:g}",
            f"Top-p {form.top_p:g}",
            f"Top-k {form.top_k}",
        ]
        drawn += [f"Min-p {form.min_p:g}"] * bool(form.min_p)
    facts = [language, *drawn, f"{bilingual('max_tokens')} {form.max_tokens}"]
    if form.repetition_penalty != 1.0:
        facts.append(f"{bilingual('repetition_penalty')} {form.repetition_penalty:g}")
    if form.seed is not None:
        facts.append(f"{bilingual('seed_short')} {form.seed}")
    return "".join(f"<span>{fact}</span>" for fact in facts)


def memory_bytes(info: EngineInfo) -> float | None:
    """Memory the engine says it uses now, else None."""
    gauges = dict(info.load)
    for name in ("memory_active_bytes", "mlx_active_bytes", "active_bytes", "memory_process_bytes"):
        if gauges.get(name):
            return gauges[name]
    return None
