"""What the sandbox found, in words."""

from __future__ import annotations

from html import escape

from qwen_lsp.sandbox import Verdict
from webui.i18n.texts import bilingual


def verdict_html(verdict: Verdict) -> str:
    """Counted tests, or how the run ended; the sandbox's own sentence behind."""
    good, count = sum(test.passed for test in verdict.tests), len(verdict.tests)
    words = (
        bilingual("verdict_counted", good=good, count=count)
        if count
        else bilingual(f"verdict_{verdict.outcome}")
    )
    return f"{words}. {escape(verdict.detail)}" if verdict.detail else words
