"""The starter is taught the very words that actions use, and the answers it is taught end in the right outcome."""

from __future__ import annotations

from pathlib import Path

import pytest

from qwen_lsp.assist.actions import (
    ActionRequest,
    Actions,
    EditOutcome,
    Outcome,
    Problem,
    ShowOutcome,
    applied,
)
from qwen_lsp.code.snapshot import Snapshot
from qwen_lsp.engine.request import ChatPrompt
from qwen_lsp.engine.stubs.demo import ScriptedEngine
from qwen_lsp.samples import PROGRAMS
from qwen_lsp.settings import Settings
from qwen_lsp.starter.action_lessons import ACTION_LESSONS, ACTION_SYSTEM, ActionLesson

pytestmark = pytest.mark.model

FILES = {program.name: program for program in PROGRAMS}


def ask_for(lesson: ActionLesson, folder: Path) -> ActionRequest:
    """The lesson's file, opened, with the whole of it selected and its problem where it is."""
    path = folder / FILES[lesson.program].file_name
    snapshot = Snapshot(path.as_uri(), FILES[lesson.program].language, 1, lesson.code)
    problems: tuple[Problem, ...] = ()
    if lesson.action == "fix":
        place, _, message = lesson.task.splitlines()[1].partition("`: ")
        start = lesson.code.index(place.partition("`")[2])
        problems = (Problem(start, start + 3, message),)
    return ActionRequest(snapshot, 0, len(lesson.code), problems, (folder,))


async def performed(actions: Actions, lesson: ActionLesson, ask: ActionRequest) -> Outcome:
    offer = next(offer for offer in actions.offers(ask) if offer.id == lesson.action)
    return await actions.perform(offer, ask)


def check(lesson: ActionLesson, ask: ActionRequest, outcome: Outcome) -> None:
    if lesson.action == "explain":
        assert isinstance(outcome, ShowOutcome)
        assert outcome.markdown == lesson.answer
        return
    assert isinstance(outcome, EditOutcome)
    assert not outcome.needs_confirmation
    [file] = outcome.files
    if lesson.action == "tests":
        assert file.base is None
        assert file.uri.endswith(f"/test_{FILES[lesson.program].file_name}")
        assert f"```python\n{file.edits[0].text}```" == lesson.answer
    else:
        assert applied(ask.snapshot.text, file.edits) == FILES[lesson.program].code


@pytest.mark.parametrize("lesson", ACTION_LESSONS, ids=lambda lesson: f"{lesson.action}-{lesson.program}")
async def test_the_lesson_is_what_the_action_asks(lesson: ActionLesson, tmp_path: Path) -> None:
    engine = ScriptedEngine(lesson.answer)
    ask = ask_for(lesson, tmp_path)
    check(lesson, ask, await performed(Actions(engine, Settings()), lesson, ask))
    prompt = engine.requests[0].prompt
    assert isinstance(prompt, ChatPrompt)
    assert [message.content for message in prompt.messages] == [ACTION_SYSTEM, lesson.request]


@pytest.mark.process
async def test_the_starter_performs_its_lessons(starter_folder: Path, tmp_path: Path) -> None:
    from qwen_lsp.engine.mlx.engine import MlxEngine

    engine = MlxEngine(starter_folder, Settings().engine)
    try:
        await engine.ready()
        actions = Actions(engine, Settings())
        for lesson in ACTION_LESSONS:
            ask = ask_for(lesson, tmp_path)
            check(lesson, ask, await performed(actions, lesson, ask))
    finally:
        await engine.close()
