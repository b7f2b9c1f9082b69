"""The estimate of tokens beside what Qwen's own vocabulary says."""

from __future__ import annotations

import pytest

from qwen_lsp.assist.prompts.token_estimate import estimated_tokens
from qwen_lsp.samples import PROGRAMS

QWEN = {
    "fibonacci_python": 74, "fibonacci_cpp": 80, "fibonacci_java": 78, "fibonacci_go": 67, "gcd_python": 81,
    "binary_search_cpp": 105, "stack_java": 67, "word_count_go": 61, "log_collector_python": 119,
}  # fmt: skip
"""Tokens of the sample programs, counted once with Qwen's published vocabulary."""
MINIFIED = "function a(b,c){return b&&c?b.map(d=>({...d,id:c[d.id]||0})):[]}" * 40
NUMBERS = "[0.125,17,-3,2048," * 50


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda program: program.name)
def test_code_is_estimated_within_two_fifths_and_never_too_low(program: object) -> None:
    name, code = program.name, program.code  # type: ignore[attr-defined]
    assert 1.0 <= estimated_tokens(code) / QWEN[name] <= 1.4


def test_dense_text_is_not_taken_for_ordinary_code() -> None:
    assert estimated_tokens(MINIFIED) == pytest.approx(1040, rel=0.4)
    assert estimated_tokens(NUMBERS) == pytest.approx(801, rel=0.05)
    assert estimated_tokens("") == 0
