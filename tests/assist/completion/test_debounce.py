"""The wait after a key is measured, bounded, and counts what the editor has waited itself."""

from __future__ import annotations

import pytest

from qwen_lsp.assist.completion.debounce import Debounce


class Clock:
    """A clock that the test moves."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def typed(gap_s: float, response_ms: float, limit_ms: float = 75, keys: int = 12) -> tuple[Debounce, Clock]:
    clock = Clock()
    debounce = Debounce(limit_ms, clock)
    debounce.answered(response_ms)
    for _ in range(keys):
        clock.now += gap_s
        debounce.key()
    return debounce, clock


def test_an_engine_that_answers_between_two_keys_is_asked_at_once() -> None:
    debounce, _ = typed(gap_s=0.15, response_ms=100)
    assert debounce.wait_ms() == 0


def test_a_slower_engine_waits_until_the_next_key_would_have_come() -> None:
    debounce, _ = typed(gap_s=0.05, response_ms=300)
    assert debounce.wait_ms() == pytest.approx(55)


def test_the_setting_bounds_the_wait() -> None:
    debounce, _ = typed(gap_s=0.4, response_ms=900)
    assert debounce.wait_ms() == pytest.approx(75)


def test_what_the_editor_has_waited_itself_counts() -> None:
    debounce, clock = typed(gap_s=0.4, response_ms=900)
    clock.now += 0.05
    assert debounce.wait_ms() == pytest.approx(25)
    clock.now += 0.2
    assert debounce.wait_ms() == 0


def test_nothing_known_yet_waits_the_whole_time() -> None:
    clock = Clock()
    debounce = Debounce(75, clock)
    debounce.key()
    assert debounce.wait_ms() == pytest.approx(75)


def test_pauses_are_not_typing() -> None:
    debounce, clock = typed(gap_s=0.05, response_ms=300)
    for _ in range(40):
        clock.now += 30
        debounce.key()
    assert debounce.wait_ms() == pytest.approx(55)


def test_zero_is_off() -> None:
    debounce, _ = typed(gap_s=0.05, response_ms=900, limit_ms=0)
    assert debounce.wait_ms() == 0


def test_a_faster_engine_is_noticed() -> None:
    debounce, _ = typed(gap_s=0.1, response_ms=400)
    assert debounce.wait_ms() > 0
    for _ in range(20):
        debounce.answered(40)
    assert debounce.wait_ms() == 0
