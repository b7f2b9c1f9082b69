"""The whole way from the editor to the engine and back: real server, real assistant, scripted engine."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from qwen_lsp.assist.completion.assistant import Assistant
from qwen_lsp.engine.base import Engine
from qwen_lsp.engine.stubs.scripted import Gate, ScriptedEngine
from qwen_lsp.errors import EngineUnavailable
from qwen_lsp.settings import Settings
from tests.support.lsp.in_process import Inside
from tests.support.lsp.window import Window

TEXT = "def add(a, b):\n    é = 1\n    \n\n\nprint(add(1, 2))\n"


class EngineWindow(Window):
    """A window whose assistant is real and whose engine is scripted."""

    def __init__(self, engine: ScriptedEngine) -> None:
        super().__init__()
        self.engine = engine
        Inside.__init__(self, lambda _: engine, self._real)

    def _real(self, settings: Settings, engine: Engine, roots: Sequence[Path], _: Any) -> Assistant:
        return Assistant(engine, settings)


@pytest.fixture
async def closing() -> AsyncIterator[list[EngineWindow]]:
    windows: list[EngineWindow] = []
    yield windows
    for window in windows:
        await window.session.close()


async def opened(
    closing: list[EngineWindow], engine: ScriptedEngine, text: str = TEXT, **more: Any
) -> EngineWindow:
    window = EngineWindow(engine)
    closing.append(window)
    settings = {"suggest": {"debounce_ms": 0, "prefetch": False, "alternatives": 1}}
    await window.start(text, settings=settings, **more)
    return window


async def test_the_engines_text_reaches_the_editor(closing: list[EngineWindow]) -> None:
    window = await opened(closing, ScriptedEngine("return a + b"))
    (item,) = await window.items(2, 4, kind=1)
    assert item["insertText"] == "return a + b"
    assert item["range"] == {"start": {"line": 2, "character": 4}, "end": {"line": 2, "character": 4}}
    last = (await window.status())["last"]
    assert (last["source"], last["suggestions"]) == ("engine", 1)
    assert last["generatedTokens"] > 0


async def test_a_cancel_aborts_the_engine(closing: list[EngineWindow]) -> None:
    engine = ScriptedEngine("return a + b", gate=Gate())
    window = await opened(closing, engine)
    asked = window.ask(2, 4, kind=1)
    await engine.until(lambda e: e.in_flight == 1)
    window.notify("$/cancelRequest", {"id": asked})
    assert (await window.answer(asked))["error"]["code"] == -32800
    await engine.until(lambda e: e.in_flight == 0)
    assert len(engine.aborted) == 1


async def test_a_newer_question_supersedes_the_older_in_server_and_engine(
    closing: list[EngineWindow],
) -> None:
    gate = Gate()
    engine = ScriptedEngine("return a + b", gate=gate)
    window = await opened(closing, engine)
    first = window.ask(2, 4, kind=1)
    await engine.until(lambda e: e.in_flight == 1)
    window.type(2, 2, 4, "x = ")
    second = window.ask(2, 8, kind=1)
    assert (await window.answer(first))["result"] == {"items": []}  # though nothing was let through yet
    await gate.open()
    assert (await window.answer(second))["result"]["items"]
    await engine.until(lambda e: e.in_flight == 0)
    assert engine.most_in_flight <= 2
    assert len(engine.aborted) == 1
    assert all(len(window.answers(request)) == 1 for request in (first, second))


async def test_a_suggestion_typed_into_is_answered_without_the_engine(closing: list[EngineWindow]) -> None:
    engine = ScriptedEngine("return a + b")
    window = await opened(closing, engine)
    await window.items(2, 4, kind=2)
    asked = len(engine.requests)
    assert asked == 1
    for version, (column, letter) in enumerate(enumerate("return", start=4), start=2):
        window.type(version, 2, column, letter)
        (item,) = await window.items(2, column + 1)
        assert item["insertText"] == "return a + b"[column - 3 :]
    assert len(engine.requests) == asked
    assert (await window.status())["last"]["source"] == "typed-through"


@pytest.mark.parametrize("storm", [40])
async def test_in_a_storm_of_keys_and_cancels_every_request_gets_one_answer(
    closing: list[EngineWindow], storm: int
) -> None:
    engine = ScriptedEngine("return a + b")
    window = await opened(closing, engine)
    requests: list[int] = []
    for number in range(storm):
        if requests and number % 2:
            window.notify("$/cancelRequest", {"id": requests[-1]})
        window.type(2 + number, 2, 4 + number, "x")
        requests.append(window.ask(2, 5 + number))
        await asyncio.sleep(0)
    for request in requests:
        await window.answer(request)
    assert all(len(window.answers(request)) == 1 for request in requests)
    await engine.until(lambda e: e.in_flight == 0)


async def test_an_engine_that_is_down_is_silent_and_the_next_question_works(
    closing: list[EngineWindow],
) -> None:
    answers: list[Any] = [[EngineUnavailable("The host does not answer.")], "return a + b"]
    engine = ScriptedEngine(lambda request: answers.pop(0))
    window = await opened(closing, engine)
    assert await window.items(2, 4, kind=1) == []
    assert "does not answer" in (await window.status())["last"]["reason"]
    assert window.notifications("window/showMessage") == []
    assert len(await window.items(2, 4, kind=1)) == 1


async def test_shutting_down_in_the_middle_answers_what_is_open(closing: list[EngineWindow]) -> None:
    engine = ScriptedEngine("return a + b", gate=Gate())
    window = await opened(closing, engine)
    asked = window.ask(2, 4, kind=1)
    await engine.until(lambda e: e.in_flight == 1)
    await window.request("shutdown")
    await window.answer(asked)
    assert len(window.answers(asked)) == 1
    assert engine.closed
