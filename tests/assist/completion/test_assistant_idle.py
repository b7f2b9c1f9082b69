"""Work for the pauses: fetched ahead, re-anchored, warmed, checked; dropped the moment somebody asks."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from qwen_lsp.assist.completion.anchor import LONG_TYPED_CHARS
from qwen_lsp.assist.completion.idle_worker import IdleWorker
from qwen_lsp.engine.request import ChatPrompt, EngineInfo, Lane, Marker, Request, TextPrompt, Usage
from qwen_lsp.engine.stubs.scripted import Gate, ScriptedEngine
from tests.support.assistant_user import Desk, quick

BODY = "def area(radius):\n    ¦\n\n\nprint(area(2))\n"
AHEAD = quick(prefetch=True)


def by_lane(request: Request) -> str:
    return "a = 1" if request.lane is Lane.INLINE else "\n    return a"


async def settled(desk: Desk) -> None:
    """Wait until the idle work is done."""
    await desk.assistant._idle_worker.wait()


async def test_the_next_suggestion_is_fetched_as_if_this_one_were_accepted() -> None:
    desk = Desk(BODY, by_lane, AHEAD)
    (first,) = (await desk.ask()).suggestions
    await settled(desk)
    ahead = desk.scripted.requests[-1]
    assert ahead.lane is Lane.WARM
    assert isinstance(ahead.prompt, TextPrompt)
    assert ahead.prompt.render().endswith("<|fim_middle|>    a = 1")
    desk.accept(first)
    asked = len(desk.scripted.requests)
    (second,) = (await desk.ask()).suggestions
    assert (second.text, second.source) == ("\n    return a", "prefetched")
    assert len(desk.scripted.requests) == asked


async def test_what_was_fetched_ahead_can_be_typed_through_too() -> None:
    desk = Desk(BODY, by_lane, AHEAD)
    (first,) = (await desk.ask()).suggestions
    await settled(desk)
    desk.accept(first)
    await desk.ask()
    desk.type("\n    re")
    assert await desk.text_of() == "turn a"


async def test_it_is_fetched_once_however_often_one_asks() -> None:
    desk = Desk(BODY, by_lane, AHEAD)
    await desk.ask()
    await settled(desk)
    asked = len(desk.scripted.requests)
    desk.type("a")
    await desk.ask()
    await settled(desk)
    assert len(desk.scripted.requests) == asked


async def test_idle_work_is_dropped_when_somebody_asks() -> None:
    gate = Gate()
    desk = Desk(BODY, ScriptedEngine(by_lane, gate=gate), AHEAD)
    await gate.step(20)
    await desk.ask()
    gate._steps = 0
    await desk.scripted.until(lambda e: e.in_flight == 1 and e.requests[-1].lane is Lane.WARM)
    await gate.open()
    desk.cursor = len(desk.text)
    asking = asyncio.create_task(desk.ask(manual=True))
    await asking
    warm = [r for r in desk.scripted.aborted if r.lane is Lane.WARM]
    assert len(warm) == 1
    assert desk.assistant.status().dropped_idle_work >= 1


async def test_nothing_is_fetched_ahead_when_switched_off() -> None:
    desk = Desk(BODY, by_lane, quick(prefetch=False))
    await desk.ask()
    await settled(desk)
    assert len(desk.scripted.requests) == 1


async def test_after_much_typing_a_new_anchor_is_warmed_and_then_used() -> None:
    desk = Desk("¦\n\nend = 1\n", "???", quick(alternatives=1))
    await desk.ask(manual=True)
    desk.type("value = 1\n" * (LONG_TYPED_CHARS // 10 + 1) + "x")
    await desk.ask(manual=True)
    assert desk.prompts[-1].render().endswith("x")
    await settled(desk)
    (warmed,) = desk.scripted.warmed
    assert warmed.lane is Lane.WARM
    assert isinstance(warmed.prompt, TextPrompt)
    assert warmed.prompt.parts[-1] == Marker("<|fim_middle|>")
    desk.type("y")
    await desk.ask(manual=True)
    assert desk.prompts[-1].parts[:-1] == warmed.prompt.parts
    assert desk.prompts[-1].render().endswith("<|fim_middle|>xy")


async def test_until_the_new_anchor_is_warm_the_old_one_serves() -> None:
    class Slow(ScriptedEngine):
        """Never gets warm."""

        async def warm(self, request: Request) -> Usage:
            self.warmed.append(request)
            self.changed.set()
            return await asyncio.Future[Usage]()

    desk = Desk("¦\n\nend = 1\n", Slow("???"), quick(alternatives=1))
    await desk.ask(manual=True)
    desk.type("value = 1\n" * (LONG_TYPED_CHARS // 10 + 1) + "x")
    await desk.ask(manual=True)
    await desk.scripted.until(lambda e: bool(e.warmed))
    desk.type("y")
    await desk.ask(manual=True)
    assert desk.prompts[-1].parts[:-1] == desk.prompts[-2].parts[:-1]
    await desk.assistant.close()


async def test_a_model_that_fills_the_known_hole_passes_the_check() -> None:
    told: list[str] = []
    info = EngineInfo("mlx", "good", "ready", fim="qwen", context_tokens=4096)
    desk = Desk(BODY, ScriptedEngine("    return previous\n", info=info), tell=told.append)
    await desk.assistant._prefetcher.self_check()
    assert desk.assistant.status().check == "passed"
    assert told == []


async def test_a_model_that_does_not_is_named_once() -> None:
    told: list[str] = []
    info = EngineInfo("mlx", "bad", "ready", fim="qwen", context_tokens=4096)
    desk = Desk(BODY, ScriptedEngine("Sure! Here is", info=info), tell=told.append)
    for _ in range(3):
        await desk.assistant._prefetcher.self_check()
    assert len(told) == 1
    assert "bad did not fill a simple test hole" in told[0]
    assert len(desk.scripted.requests) == 3  # each way once: nothing fills the hole


def _only_raw(request: Request) -> str:
    """A base model: goes on from text, says nothing of use in a chat."""
    return " previous\n" if isinstance(request.prompt, TextPrompt) else "I am a language model."


def _only_chat(request: Request) -> str:
    return " previous\n" if isinstance(request.prompt, ChatPrompt) else "<noise>"


@pytest.mark.parametrize(
    ("fim", "answer", "kind"),
    [(None, _only_raw, TextPrompt), (None, _only_chat, ChatPrompt), ("qwen", _only_chat, ChatPrompt)],
)
async def test_a_model_is_asked_the_way_that_filled_the_known_hole(
    fim: str | None, answer: Callable[[Request], str], kind: type
) -> None:
    told: list[str] = []
    desk = Desk(
        BODY, ScriptedEngine(answer, info=EngineInfo("mlx", "odd", "ready", fim=fim)), tell=told.append
    )
    await desk.assistant._prefetcher.self_check()
    assert "fill-in-the-middle" in told[0]
    await desk.ask()
    asked = desk.scripted.requests[-1].prompt
    assert isinstance(asked, kind)
    assert fim is None or "<|fim_prefix|>" not in str(asked)


async def test_only_the_newest_piece_of_idle_work_runs() -> None:
    idle, done = IdleWorker(), list[int]()

    def work(n: int) -> object:
        async def run() -> None:
            done.append(n)

        return run

    for n in range(5):
        idle.start(work(n), 0.0)  # type: ignore[arg-type]
    await idle.wait()
    assert done == [4]
    assert (idle.dropped, idle.finished) == (4, 1)


async def test_failing_idle_work_disturbs_nobody() -> None:
    idle = IdleWorker()

    async def broken() -> None:
        raise ValueError("no")

    idle.start(broken, 0.0)
    await idle.wait()
    assert idle.finished == 0
