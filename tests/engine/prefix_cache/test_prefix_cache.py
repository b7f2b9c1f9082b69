"""Plans over held prefixes, with plain lists."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qwen_lsp.engine.prefix_cache.history import TokenHistory, common_prefix, token_array
from qwen_lsp.engine.prefix_cache.integrity import broken
from qwen_lsp.engine.prefix_cache.plan import SPARE_TOKENS, Budget, ReusePlan, plan, shrink

ROOMY = Budget(bytes=10**9, bytes_per_token=1)


def held(
    number: int,
    tokens: list[int],
    *,
    in_use: bool = False,
    trimmable: bool = True,
    used_at: int = 0,
    saved: bool = False,
) -> TokenHistory:
    return TokenHistory(number, token_array(tokens), len(tokens), used_at, in_use, trimmable, saved)


@given(
    st.lists(st.integers(0, 3), max_size=200), st.lists(st.integers(0, 3), max_size=200), st.integers(0, 150)
)
def test_the_common_prefix_is_the_common_prefix(left: list[int], right: list[int], shared: int) -> None:
    left, right = [7] * shared + left, [7] * shared + right
    slow = next(
        (i for i, (a, b) in enumerate(zip(left, right, strict=False)) if a != b), min(len(left), len(right))
    )
    assert common_prefix(token_array(left), right) == slow


def test_nothing_held_means_a_fresh_start() -> None:
    assert plan([1, 2, 3], [], ROOMY) == ReusePlan("fresh", None, 0, 3)


def test_a_longer_prompt_goes_on_in_place() -> None:
    assert plan([1, 2, 3, 4], [held(5, [1, 2, 3])], ROOMY) == ReusePlan("in place", 5, 3, 1)


def test_a_tail_that_changed_is_trimmed_in_place() -> None:
    assert plan([1, 2, 9], [held(5, [1, 2, 3, 4])], ROOMY) == ReusePlan("in place", 5, 2, 1)


def test_the_last_token_is_always_read_again_for_its_odds() -> None:
    assert plan([1, 2, 3], [held(5, [1, 2, 3, 4])], ROOMY) == ReusePlan("in place", 5, 2, 1)


def test_warming_what_is_there_reads_nothing() -> None:
    assert plan([1, 2, 3], [held(5, [1, 2, 3])], ROOMY, leave=0) == ReusePlan("in place", 5, 3, 0)


def test_the_longest_match_wins_and_an_idle_one_among_equals() -> None:
    busy, idle = held(1, [1, 2, 3, 4], in_use=True), held(2, [1, 2, 3, 4])
    assert plan([1, 2, 3, 4, 5], [held(3, [1, 2]), busy, idle], ROOMY) == ReusePlan("in place", 2, 4, 1)


def test_only_a_history_in_use_is_copied() -> None:
    tokens = list(range(20))
    assert plan([*tokens, 99], [held(1, tokens, in_use=True)], ROOMY) == ReusePlan("copy", 1, 20, 1)


def test_a_long_tail_that_would_be_lost_is_kept_by_a_copy() -> None:
    anchor = list(range(100)) + [7] * (SPARE_TOKENS + 1)
    assert plan([*range(100), 8], [held(1, anchor)], ROOMY) == ReusePlan("copy", 1, 100, 1)


def test_a_few_shared_markers_are_not_worth_a_copy() -> None:
    assert plan([1, 2, 8], [held(1, [1, 2, 3], in_use=True)], ROOMY) == ReusePlan("fresh", None, 0, 3)


def test_what_cannot_be_trimmed_only_grows() -> None:
    tokens = list(range(10))
    stuck = held(1, tokens, trimmable=False)
    assert plan([*tokens, 4], [stuck], ROOMY) == ReusePlan("copy", 1, 10, 1)
    assert plan([*tokens[:9], 4], [stuck], ROOMY) == ReusePlan("fresh", None, 0, 10)
    assert plan(tokens, [stuck], ROOMY) == ReusePlan("fresh", None, 0, 10)


def test_least_recently_used_idle_histories_make_room() -> None:
    histories = [
        held(1, [1] * 40, used_at=3),
        held(2, [2] * 40, used_at=1),
        held(3, [3] * 40, used_at=2, in_use=True),
    ]
    tight = Budget(bytes=130, bytes_per_token=1)
    assert plan([9] * 40, histories, tight).evict == (2,)
    assert plan([9] * 60, histories, tight).evict == (2, 1)


def test_the_answer_is_reckoned_in() -> None:
    tight = Budget(bytes=100, bytes_per_token=1)
    assert plan([9] * 40, [held(1, [1] * 40)], tight).evict == ()
    assert plan([9] * 40, [held(1, [1] * 40)], tight, answer_tokens=30).evict == (1,)


def test_the_source_of_a_plan_is_never_evicted() -> None:
    source = held(1, [1] * 90)
    assert plan([1] * 95, [source], Budget(50, 1)) == ReusePlan("in place", 1, 90, 5)


def test_shrinking_goes_down_to_the_budget() -> None:
    histories = [held(n, [n] * 10, used_at=n) for n in range(5)]
    assert shrink(histories, Budget(25, 1)) == (0, 1, 2)


def test_a_saved_history_takes_no_memory_and_loses_to_one_in_memory() -> None:
    saved, there = held(1, [1, 2, 3], saved=True), held(2, [1, 2, 3])
    assert plan([1, 2, 3, 4], [saved, there], ROOMY).source == 2
    assert plan([1, 2, 3, 4], [saved], ROOMY) == ReusePlan("in place", 1, 3, 1)
    assert shrink([saved], Budget(0, 1)) == ()


@pytest.mark.parametrize(
    ("lengths", "live", "wrong"),
    [({1: 3, 2: 2}, 1, set()), ({1: 4, 2: 2}, 1, {1}), ({1: 3}, 1, {2}), ({1: 3, 2: 2}, 0, {2})],
)
def test_integrity_names_what_is_wrong(lengths: dict[int, int], live: int, wrong: set[int]) -> None:
    histories = [held(1, [1, 2, 3]), held(2, [1, 2], in_use=True)]
    assert set(broken(histories, lengths, live=live)) == wrong


token_lists = st.lists(st.integers(0, 2), min_size=1, max_size=12)


@given(
    token_lists,
    st.lists(st.tuples(token_lists, st.booleans(), st.booleans()), max_size=5),
    st.integers(0, 40),
)
def test_every_plan_can_be_carried_out(
    prompt: list[int], there: list[tuple[list[int], bool, bool]], budget: int
) -> None:
    histories = {
        n: held(n, tokens, in_use=used, trimmable=trim, used_at=n)
        for n, (tokens, used, trim) in enumerate(there)
    }
    found = plan(prompt, histories.values(), Budget(budget, 1))
    assert found.prefill_tokens == len(prompt) - found.keep_tokens >= 1
    assert all(not histories[n].in_use and n != found.source for n in found.evict)
    if found.source is None:
        assert (found.how, found.keep_tokens) == ("fresh", 0)
        return
    source = histories[found.source]
    assert list(source.tokens[: found.keep_tokens]) == prompt[: found.keep_tokens]
    assert found.how == "copy" or not source.in_use
    assert source.trimmable or found.keep_tokens == len(source.tokens)
