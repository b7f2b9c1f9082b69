"""When the user's own code answers before the model, and when instead of it."""

from __future__ import annotations

import dataclasses
from typing import Any, Literal

import pytest

from qwen_lsp.assist.completion.recall_call import SLOW_MS, VERY_SURE, answers_well, least_confidence
from qwen_lsp.assist.recall import RecallState, Recollection
from qwen_lsp.assist.suggestion import SourceLocation
from qwen_lsp.code.snapshot import Snapshot
from qwen_lsp.engine.base import Engine
from qwen_lsp.engine.request import EngineInfo
from qwen_lsp.engine.stubs.none import NoEngine
from qwen_lsp.engine.stubs.scripted import ScriptedEngine
from qwen_lsp.errors import EngineUnavailable
from qwen_lsp.settings import Settings
from tests.support.assistant_user import Desk, quick

BODY = "def area(radius):\n    ¦\n\n\nprint(area(2))\n"
READY = EngineInfo("mlx", "m", "ready", fim="qwen")
WHERE = (SourceLocation("file:///work/b.py", 3),)


class Memory:
    """A recall that always says the same, as sure as the test wants."""

    def __init__(self, confidence: float) -> None:
        self.confidence = confidence
        self.asked = 0

    def suggest(self, snapshot: Snapshot, cursor: int, *, multiline: bool) -> Recollection:
        self.asked += 1
        return Recollection("return recalled", self.confidence, WHERE)

    def drafts(self, snapshot: Snapshot, cursor: int) -> tuple[str, ...]:
        return ("a draft",)

    def state(self) -> RecallState:
        return RecallState(True, 7, 100, True, 10)

    def opened(self, snapshot: Snapshot) -> None: ...
    def closed(self, uri: str) -> None: ...
    def close(self) -> None: ...


def with_mode(mode: Literal["off", "cautious", "eager"], **suggest: Any) -> Settings:
    settings = quick(**suggest)
    return dataclasses.replace(settings, recall=dataclasses.replace(settings.recall, mode=mode))


@pytest.mark.parametrize(
    ("info", "response_ms", "well"),
    [
        (READY, None, True),
        (dataclasses.replace(READY, is_starter=True), None, False),
        (dataclasses.replace(READY, state="loading"), None, False),
        (dataclasses.replace(READY, state="failed"), None, False),
        (dataclasses.replace(READY, kind="none", state="none"), None, False),
        (dataclasses.replace(READY, kind="remote"), SLOW_MS + 1, False),
        (dataclasses.replace(READY, kind="remote"), SLOW_MS - 1, True),
        (READY, SLOW_MS + 1, True),
    ],
)
def test_who_answers_well(info: EngineInfo, response_ms: float | None, well: bool) -> None:
    assert answers_well(info, response_ms) is well


def test_the_mode_says_how_sure_it_must_be() -> None:
    assert least_confidence("off", READY, None, 0.6) is None
    assert least_confidence("eager", READY, None, 0.6) == 0.0
    assert least_confidence("cautious", READY, None, 0.6) == VERY_SURE
    assert least_confidence("cautious", dataclasses.replace(READY, is_starter=True), None, 0.6) == 0.0


@pytest.mark.parametrize(
    ("mode", "confidence", "source"),
    [
        ("cautious", 0.7, "engine"),
        ("cautious", 0.95, "recall"),
        ("eager", 0.7, "recall"),
        ("off", 1.0, "engine"),
    ],
)
async def test_beside_a_good_engine(
    mode: Literal["off", "cautious", "eager"], confidence: float, source: str
) -> None:
    desk = Desk(
        BODY, ScriptedEngine("return modelled", info=READY), with_mode(mode), recall=Memory(confidence)
    )
    (made,) = (await desk.ask()).suggestions
    assert made.source == source
    assert len(desk.scripted.requests) == (source == "engine")


async def test_without_a_model_it_is_the_whole_answer_and_says_where_it_is_from() -> None:
    desk = Desk(BODY, NoEngine(), recall=Memory(0.7))
    (made,) = (await desk.ask()).suggestions
    assert (made.text, made.source, made.places) == ("return recalled", "recall", WHERE)
    assert desk.traces.last(1)[0].source == "recall"


async def test_while_the_model_loads_it_answers() -> None:
    info = dataclasses.replace(READY, state="loading")
    desk = Desk(BODY, ScriptedEngine("x", info=info), recall=Memory(0.7))
    assert (await desk.ask()).suggestions[0].source == "recall"
    assert desk.scripted.requests == []


NOT_READY = [
    NoEngine(),
    ScriptedEngine("x", info=dataclasses.replace(READY, state="loading")),
    ScriptedEngine("x", info=dataclasses.replace(READY, state="failed", detail="The host is down.")),
]


@pytest.mark.parametrize("engine", NOT_READY, ids=["none", "loading", "down"])
@pytest.mark.parametrize("manual", [True, False])
async def test_where_no_model_answers_it_does_however_one_asks(engine: Engine, manual: bool) -> None:
    desk = Desk(BODY, engine, recall=Memory(0.7))
    assert (await desk.ask(manual=manual)).suggestions[0].source == "recall"


async def test_asked_by_key_the_model_comes_first_and_recall_when_it_has_nothing() -> None:
    knows = Desk(BODY, ScriptedEngine("return modelled", info=READY), recall=Memory(1.0))
    assert (await knows.ask(manual=True)).suggestions[0].source == "engine"
    silent = Desk(BODY, ScriptedEngine("", info=READY), recall=Memory(0.7))
    (made,) = (await silent.ask(manual=True)).suggestions
    assert (made.text, made.source) == ("return recalled", "recall")


async def test_when_polishing_leaves_nothing_of_it_the_engine_is_asked() -> None:
    class Blank(Memory):
        def suggest(self, snapshot: Snapshot, cursor: int, *, multiline: bool) -> Recollection:
            return Recollection("   \n", 1.0, WHERE)

    desk = Desk(BODY, ScriptedEngine("return modelled", info=READY), recall=Blank(1.0))
    (made,) = (await desk.ask()).suggestions
    assert (made.text, made.source) == ("return modelled", "engine")


async def test_when_the_engine_breaks_off_it_answers_and_the_failure_is_told() -> None:
    desk = Desk(BODY, ScriptedEngine([EngineUnavailable("gone")], info=READY), recall=Memory(0.7))
    answer = await desk.ask()
    assert answer.suggestions[0].source == "recall"
    assert answer.failure == "gone"


async def test_what_was_recalled_can_be_typed_through_and_is_asked_once() -> None:
    memory = Memory(0.7)
    desk = Desk(BODY, NoEngine(), recall=memory)
    await desk.ask()
    desk.type("ret")
    answer = await desk.ask()
    assert (answer.suggestions[0].text, answer.suggestions[0].places) == ("urn recalled", WHERE)
    assert memory.asked == 1


async def test_what_is_right_of_the_cursor_is_not_said_again() -> None:
    class Known(Memory):
        def suggest(self, snapshot: Snapshot, cursor: int, *, multiline: bool) -> Recollection:
            return Recollection("a, b)", 0.9, WHERE)

    desk = Desk("print(¦)\n", NoEngine(), recall=Known(0.9))
    (made,) = (await desk.ask()).suggestions
    assert desk.text[: made.start] + made.text + desk.text[made.end :] == "print(a, b)\n"


async def test_our_own_engine_gets_drafts_to_copy_from() -> None:
    desk = Desk(BODY, ScriptedEngine("return 1", info=READY), recall=Memory(0.1))
    await desk.ask()
    assert desk.scripted.requests[0].drafts == ("a draft",)


async def test_the_starter_is_believed_only_when_it_is_sure() -> None:
    class Unsure(ScriptedEngine):
        """Says everything with even odds."""

    info = dataclasses.replace(READY, is_starter=True)
    desk = Desk(BODY, Unsure("return 1", info=info))
    asked: list[float] = []
    make = desk.assistant._engine_call._make_polisher

    def spy(snapshot: Snapshot, cursor: int, settings: Any, multiline: bool) -> Any:
        asked.append(settings.min_confidence)
        return make(snapshot, cursor, settings, multiline)

    desk.assistant._engine_call._make_polisher = spy
    await desk.ask()
    assert asked == [0.8]
