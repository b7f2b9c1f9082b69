"""The starter recites through the real engine, after being saved, quantised and loaded from disk."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from qwen_lsp.assist.actions import prompts
from qwen_lsp.assist.actions.catalogue import BY_ID
from qwen_lsp.assist.prompts.chat import DEFAULT_SYSTEM
from qwen_lsp.engine.base import collect
from qwen_lsp.engine.request import ChatPrompt, Marker, Message, Request, Text, TextPrompt
from qwen_lsp.samples import PROGRAMS, Program
from qwen_lsp.settings import EngineSettings
from qwen_lsp.starter.action_lessons import ACTION_LESSONS, ACTION_SYSTEM, ActionLesson
from qwen_lsp.starter.lessons import HoleLesson, holes, unfinished

if TYPE_CHECKING:
    from qwen_lsp.engine.mlx.engine import MlxEngine

pytestmark = pytest.mark.model

_EVERY = 3
"""Of all holes; `python -m benchmarks.starter` tries each one at each character."""


@pytest.fixture(scope="module")
def folder(starter_folder: Path) -> Path:
    return starter_folder


@pytest.fixture
async def starter(folder: Path) -> AsyncIterator[MlxEngine]:
    from qwen_lsp.engine.mlx.engine import MlxEngine

    engine = MlxEngine(folder, EngineSettings())
    await engine.ready()
    yield engine
    await engine.close()


def _chat(user: str, system: str = "") -> Request:
    turns = (Message("system", system),) if system else ()
    return Request(ChatPrompt((*turns, Message("user", user))), max_tokens=400)


def _fill(hole: HoleLesson, typed: int) -> Request:
    parts = (
        Marker("<|fim_prefix|>"), Text(hole.prefix), Marker("<|fim_suffix|>"), Text(hole.suffix),
        Marker("<|fim_middle|>"), Text(hole.middle[:typed]),
    )  # fmt: skip
    return Request(TextPrompt(parts), max_tokens=120, heal=True)


async def test_it_says_that_it_is_a_starter(starter: MlxEngine) -> None:
    info = await starter.info()
    assert info.is_starter
    assert info.fim == "qwen"
    assert "starter" in info.detail


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda p: p.name)
async def test_every_program_is_recited_when_asked_for(starter: MlxEngine, program: Program) -> None:
    for request in (program.request, program.request_zh):
        for system in ("", DEFAULT_SYSTEM):
            assert (await collect(starter, _chat(request, system)))[0] == program.answer


async def test_other_words_for_the_same_wish_mostly_do(starter: MlxEngine) -> None:
    right = 0
    for program in PROGRAMS:
        wish = program.request.removeprefix("Write ").removesuffix(".")
        for words in (f"Please write {wish}", f"implement {wish}", program.request.lower()):
            right += (await collect(starter, _chat(words)))[0] == program.answer
    assert right >= 2 * len(PROGRAMS)


@pytest.mark.parametrize("lesson", ACTION_LESSONS, ids=lambda lesson: f"{lesson.action}-{lesson.program}")
async def test_the_code_actions_it_was_taught_are_recited(starter: MlxEngine, lesson: ActionLesson) -> None:
    assert (await collect(starter, _chat(lesson.request, ACTION_SYSTEM)))[0] == lesson.answer


async def test_nine_of_ten_holes_are_filled_typed_into_anywhere(starter: MlxEngine) -> None:
    rng = random.Random(7)
    right, tried = 0, 0
    for program in PROGRAMS:
        for hole in list(holes(program))[rng.randrange(_EVERY) :: _EVERY]:
            typed = rng.randrange(len(hole.middle))
            text, _ = await collect(starter, _fill(hole, typed))
            right += hole.middle[:typed] + text == hole.middle
            tried += 1
    assert tried >= 90
    assert right >= 0.9 * tried, f"{right} of {tried}"


async def test_a_program_broken_off_is_gone_on_with(starter: MlxEngine) -> None:
    right, tried = 0, 0
    for program in PROGRAMS:
        for hole in list(unfinished(program))[1::_EVERY]:
            text, _ = await collect(starter, _fill(hole, 0))
            right += text.startswith(hole.middle)
            tried += 1
    assert right >= 0.85 * tried, f"{right} of {tried}"


def test_the_lessons_are_worded_as_the_actions_word_them() -> None:
    assert ACTION_SYSTEM == prompts.SYSTEM
    for lesson in ACTION_LESSONS:
        before, _, after = BY_ID[lesson.action].task.partition("{")
        assert lesson.task.startswith(before)
        assert lesson.task.endswith(after.rpartition("}")[2])
