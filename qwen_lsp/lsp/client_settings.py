"""Our options out of what editors send at `initialize`, when pulled and when pushed."""

from __future__ import annotations

from typing import Any

from qwen_lsp.lsp.editor import SECTION


def section_of(options: Any) -> dict[str, Any]:
    """Our options out of what an editor sends: they may stand under our name or alone."""
    if not isinstance(options, dict):
        return {}
    inner = options.get(SECTION, options)
    return inner if isinstance(inner, dict) else {}


def laid_over(base: dict[str, Any], over: dict[str, Any]) -> dict[str, Any]:
    """Two sets of options, by section; null means "not set", as editors send it."""
    laid: dict[str, Any] = {}
    for options in (base, over):
        for name, value in options.items():
            if isinstance(value, dict) and isinstance(laid.get(name, {}), dict):
                laid[name] = {**laid.get(name, {}), **{k: v for k, v in value.items() if v is not None}}
            elif value is not None:
                laid[name] = value
    return laid
