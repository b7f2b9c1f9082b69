"""Prompt lookup on rewrites of real functions: what the issue asks of it."""

from __future__ import annotations

import pytest
from tokenizers import Tokenizer

from benchmarks.lookup import library_functions, noise, rewrites, tokenizer_from, unrelated


@pytest.fixture(scope="module")
def corpus() -> tuple[list[str], Tokenizer]:
    functions, others = library_functions(120, seed=2)
    return functions, tokenizer_from(others[:40])


def test_rewriting_a_tenth_needs_few_forwards(corpus: tuple[list[str], Tokenizer]) -> None:
    functions, tokenizer = corpus
    replays = rewrites(functions, tokenizer, seed=2)
    tokens, forwards = sum(r.tokens for r in replays), sum(r.forwards for r in replays)
    assert len(replays) >= 100
    assert tokens / forwards >= 3
    assert forwards <= 0.4 * tokens


def test_text_that_repeats_nothing_computes_hardly_more(corpus: tuple[list[str], Tokenizer]) -> None:
    functions, tokenizer = corpus
    others = unrelated(functions, tokenizer)
    assert sum(r.forwards for r in others) <= sum(r.tokens for r in others)
    # A row beside others costs at most a third of a forward (0.28 measured on a CPU, less on a GPU).
    extra = sum(r.rows - r.forwards for r in others) / 3
    assert sum(r.forwards for r in others) + extra <= 1.05 * sum(r.tokens for r in others)


def test_noise_is_never_drafted_for() -> None:
    for replay in noise(20, 300, seed=3):
        assert replay.rows <= 1.02 * replay.tokens
