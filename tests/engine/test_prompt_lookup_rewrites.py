"""Prompt lookup on rewrites of real functions: what the issue asks of it."""

from __future__ import annotations

import pytest
from tokenizers import Tokenizer

from benchmarks.lookup import (
    ROW_COST,
    Function,
    enrichments,
    library_functions,
    noise,
    rewrites,
    tokenizer_from,
    unrelated,
)


@pytest.fixture(scope="module")
def corpus() -> tuple[list[Function], Tokenizer]:
    functions, others = library_functions(120, seed=2)
    return functions, tokenizer_from(others[:40])


def test_rewriting_a_tenth_needs_few_forwards(corpus: tuple[list[Function], Tokenizer]) -> None:
    functions, tokenizer = corpus
    replays = rewrites(functions, tokenizer, seed=2)
    tokens, forwards = sum(r.tokens for r in replays), sum(r.forwards for r in replays)
    assert len(replays) >= 100
    assert tokens / forwards >= 3
    assert forwards <= 0.4 * tokens


def test_text_that_repeats_nothing_computes_hardly_more(corpus: tuple[list[Function], Tokenizer]) -> None:
    functions, tokenizer = corpus
    others = unrelated(functions, tokenizer)
    assert sum(r.forwards for r in others) <= sum(r.tokens for r in others)
    for replay in others:
        assert replay.forwards + ROW_COST * (replay.rows - replay.forwards) <= 1.05 * replay.tokens


def test_what_is_remembered_saves_forwards(corpus: tuple[list[Function], Tokenizer]) -> None:
    functions, tokenizer = corpus
    alone = enrichments(functions[:60], tokenizer, 2, remembered=False)
    remembered = enrichments(functions[:60], tokenizer, 2, remembered=True)
    assert [r.tokens for r in remembered] == [r.tokens for r in alone]
    assert sum(r.forwards for r in remembered) < sum(r.forwards for r in alone)


def test_noise_is_never_drafted_for() -> None:
    for replay in noise(20, 300, seed=3):
        assert replay.rows <= 1.02 * replay.tokens
