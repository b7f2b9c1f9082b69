"""Rounds of writing and testing end as they should, and can be stopped anywhere."""

from __future__ import annotations

from collections.abc import Sequence

from qwen_lsp.sandbox import Round, Verdict, until_green


def scripted(*outcomes: str) -> tuple[list[str], object]:
    tested: list[str] = []

    async def test(code: str) -> Verdict:
        tested.append(code)
        outcome = outcomes[min(len(tested), len(outcomes)) - 1]
        return Verdict(outcome, output=f"run {len(tested)}")  # type: ignore[arg-type]

    return tested, test


async def write(rounds: Sequence[Round]) -> str:
    return f"x = {len(rounds)}\n"


async def test_two_failures_and_a_success_are_three_rounds() -> None:
    tested, test = scripted("failed", "timeout", "passed")
    rounds = [one async for one in until_green("x = -1\n", write, test, 4)]  # type: ignore[arg-type]
    assert [one.verdict.outcome for one in rounds] == ["failed", "timeout", "passed"]
    assert [one.number for one in rounds] == [1, 2, 3]
    assert tested == ["x = 0\n", "x = 1\n", "x = 2\n"]
    assert "-x = 0\n+x = 1" in rounds[1].diff
    assert rounds[2].output == "run 3"


async def test_the_attempts_are_limited() -> None:
    tested, test = scripted("failed")
    rounds = [one async for one in until_green("", write, test, 3)]  # type: ignore[arg-type]
    assert len(rounds) == len(tested) == 3
    assert not rounds[-1].passed


async def test_green_code_is_not_written_again() -> None:
    tested, test = scripted("passed")
    rounds = [one async for one in until_green("start", write, test, 3, try_start=True)]  # type: ignore[arg-type]
    assert tested == ["start"]
    assert [one.number for one in rounds] == [0]


async def test_stopping_after_a_round_asks_for_no_more() -> None:
    tested, test = scripted("failed")
    rounds = until_green("", write, test, 10)  # type: ignore[arg-type]
    async for _ in rounds:
        await rounds.aclose()
    assert len(tested) == 1
