"""When chunks are handed over: at once, with the next forward, or a moment later together."""

from __future__ import annotations

from typing import Any

import pytest

from qwen_lsp.engine.mlx.delivery import DeliveryQueue

pytestmark = pytest.mark.model


class Desk:
    """An outbox with a clock of its own, and what two readers got, a list a delivery."""

    def __init__(self) -> None:
        self.now_s = 100.0
        self.outbox = DeliveryQueue(lambda: self.now_s)
        self.mine: list[list[Any]] = []
        self.theirs: list[list[Any]] = []

    def to_me(self, item: Any, **how: bool) -> None:
        self.outbox.put(self._to_me, item, **how)

    def to_them(self, item: Any, **how: bool) -> None:
        self.outbox.put(self._to_them, item, **how)

    def _to_me(self, items: list[Any]) -> None:
        self.mine.append(items)

    def _to_them(self, items: list[Any]) -> None:
        self.theirs.append(items)


def test_a_suggestions_token_goes_with_the_next_forward() -> None:
    desk = Desk()
    for token in "ab":
        desk.to_me(token)
        assert [token] not in desk.mine
        desk.outbox.flush_due()
        desk.now_s += 0.008
    assert desk.mine == [["a"], ["b"]]


def test_a_quick_models_tokens_go_in_twos_or_threes() -> None:
    desk = Desk()
    for token in "abcdefg":
        desk.to_me(token)
        desk.outbox.flush_due()
        desk.now_s += 0.0021
    assert desk.mine == [["a"], ["b", "c"], ["d", "e"], ["f", "g"]]


def test_a_chats_tokens_go_together_after_a_moment() -> None:
    desk = Desk()
    desk.outbox.flush()
    for token in "abc":
        desk.to_me(token, patient=True)
        desk.outbox.flush_due()
    assert desk.mine == []
    desk.now_s += 0.021
    desk.outbox.flush_due()
    assert desk.mine == [["a", "b", "c"]]


def test_the_patient_do_not_hold_up_the_others_and_each_reader_is_called_once() -> None:
    desk = Desk()
    desk.outbox.flush()
    desk.now_s += 0.005
    desk.to_me(1, patient=True)
    desk.to_them("x")
    desk.to_me(2, patient=True)
    desk.outbox.flush_due()
    assert (desk.mine, desk.theirs) == ([[1, 2]], [["x"]])


def test_an_ending_goes_at_once_after_all_that_waited() -> None:
    desk = Desk()
    desk.to_me("text", patient=True)
    desk.to_me("end", now=True)
    assert desk.mine == [["text", "end"]]
    desk.to_me("next", patient=True)
    desk.outbox.flush_due()
    assert len(desk.mine) == 1, "the old deadline is over with what it was for"
