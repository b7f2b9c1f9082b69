"""Prompt lookup: what is drafted, and when nothing is."""

from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st

from qwen_lsp.engine.prompt_lookup import _REST_TOKENS, LENGTHS, Lookup


def replay(sources: list[list[int]], target: list[int]) -> tuple[int, int]:
    """Decode `target` with drafts as the engine does; returns (forwards, drafted tokens)."""
    lookup, done, forwards, rows = Lookup(sources), 0, 0, 0
    while done < len(target):
        draft = lookup.draft()[: len(target) - done - 1]
        forwards += 1
        rows += len(draft)
        right = next((i for i, t in enumerate(draft) if t != target[done + i]), len(draft))
        if draft:
            lookup.judged(len(draft), right)
        lookup.extend(target[done : done + right + 1])
        done += right + 1
    return forwards, rows


def test_what_followed_the_same_tokens_before_is_drafted() -> None:
    lookup = Lookup([[1, 2, 3, 4, 5, 6, 7, 9, 9, 1, 2, 3]])
    assert lookup.draft() == [4, 5, 6][: LENGTHS[0]]


def test_nothing_is_drafted_without_a_match() -> None:
    assert Lookup([[1, 2, 3, 4]]).draft() == []
    assert Lookup([[1, 2]]).draft() == []
    assert Lookup([[]]).draft() == []


def test_the_longest_match_wins() -> None:
    lookup = Lookup([[8, 1, 2, 3, 40, 7, 1, 2, 3, 50, 0, 8, 1, 2, 3]])
    assert lookup.draft()[0] == 40


def test_other_texts_are_copied_from_but_not_across_their_end() -> None:
    lookup = Lookup([[0], [4, 5, 6, 7, 8], [1, 4, 5, 6, 7]])
    assert lookup.draft() == [0]
    lookup.judged(1, 0)
    assert lookup.draft() == [8]


def test_the_first_text_is_tried_from_its_beginning_once() -> None:
    lookup = Lookup([[20, 21, 22, 23], [1, 2, 3]])
    assert lookup.draft() == [20, 21, 22]
    lookup.judged(3, 0)
    lookup.extend([9])
    assert lookup.draft() == []


def test_the_prompt_goes_before_other_texts() -> None:
    lookup = Lookup([[0, 1, 2, 3, 4, 50], [1, 2, 3, 4, 60, 9, 1, 2, 3, 4]])
    assert lookup.draft()[0] == 60


def test_after_a_wrong_token_copying_goes_on_close_behind() -> None:
    code = list(range(100, 160))
    lookup = Lookup([[*code, 1, *code[:3]]])
    assert lookup.draft()[0] == 103
    lookup.judged(3, 1)
    lookup.extend([103, 77, 105])
    assert lookup.draft() == []
    lookup.extend([106])
    assert lookup.draft()[0] == 107


def test_tokens_that_came_as_expected_without_a_draft_count_for_it() -> None:
    text = list(range(100))
    lookup = Lookup([[*text, *text[:3]]])
    lengths = []
    for token in text[3:40]:
        lengths.append(len(lookup.draft()))
        lookup.extend([token])
    assert lengths[0] == LENGTHS[0]
    assert lengths[-1] == LENGTHS[3]
    lookup.extend([999])
    assert lookup.draft() == []


def test_right_drafts_grow_and_wrong_ones_shrink() -> None:
    text = list(range(100))
    lookup = Lookup([[*text, *text[:3]]])
    lengths = []
    done = 3
    for _ in range(5):
        draft = lookup.draft()
        lengths.append(len(draft))
        lookup.judged(len(draft), len(draft))
        lookup.extend(text[done : done + len(draft) + 1])
        done += len(draft) + 1
    assert lengths == [3, 8, 16, 24, 24]
    lookup.judged(24, 1)
    lookup.extend([text[done]])
    assert len(lookup.draft()) <= 3


def test_after_a_bad_run_nothing_is_drafted_for_a_while() -> None:
    lookup = Lookup([[1, 2, 3, 4] * 3 + [1, 2, 3]])
    for _ in range(2):
        assert lookup.draft()
        lookup.judged(3, 0)
    assert lookup.draft() == []
    lookup.extend([1, 2, 3, 4] * (_REST_TOKENS // 4))
    assert lookup.draft()


def test_a_rewrite_with_a_tenth_changed_needs_a_third_of_the_forwards() -> None:
    chance = random.Random(3)
    forwards = tokens = 0
    for _ in range(20):
        code = [chance.randrange(500) for _ in range(400)]
        target = [chance.randrange(500) if chance.random() < 0.02 else t for t in code]
        used, _ = replay([[*code, 600, 601]], [*code[:3], *target[3:]])
        forwards += used
        tokens += len(target)
    assert forwards <= 0.4 * tokens


def test_text_that_repeats_nothing_is_hardly_drafted() -> None:
    chance = random.Random(5)
    target = [chance.randrange(12) for _ in range(2000)]
    _, rows = replay([[chance.randrange(12) for _ in range(500)]], target)
    assert rows <= 0.15 * len(target)


@given(
    st.lists(st.lists(st.integers(0, 4), max_size=40), max_size=3), st.lists(st.integers(0, 4), max_size=60)
)
def test_any_text_is_replayed_exactly(sources: list[list[int]], target: list[int]) -> None:
    forwards, _ = replay(sources, target)
    assert forwards <= len(target)


@given(st.lists(st.integers(0, 3), max_size=80))
def test_a_draft_never_holds_a_seam(tokens: list[int]) -> None:
    assert all(t >= 0 for t in Lookup([tokens, tokens, tokens]).draft())
