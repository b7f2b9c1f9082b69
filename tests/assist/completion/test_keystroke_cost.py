"""What a keystroke costs the MLX engine, counted in tokens on a fixed trace; random weights, real code."""

from __future__ import annotations

import asyncio
import inspect
import json.decoder
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing

import pytest

from qwen_lsp.assist.suggestion import SuggestionTrace
from qwen_lsp.engine.mlx.engine import MlxEngine
from qwen_lsp.engine.request import Chunk, Request
from qwen_lsp.metrics import percentile
from qwen_lsp.settings import EngineSettings
from tests.support.assistant_user import Desk, quick
from tests.support.engines.random_model import random_model

pytestmark = pytest.mark.model

LINES = inspect.getsource(json.decoder).splitlines(keepends=True)
ABOVE, WRITTEN, BELOW = "".join(LINES[:60]), "".join(LINES[60:68]), "".join(LINES[68:140])
ANSWER = quick(max_tokens=4, min_confidence=0.0, alternatives=1)


@pytest.fixture
async def engine() -> AsyncIterator[MlxEngine]:
    engine = MlxEngine(random_model(), EngineSettings())
    await engine.ready()
    yield engine
    await engine.close()


async def typed(desk: Desk, text: str) -> list[SuggestionTrace]:
    """The traces of the asks that reached the engine while this was typed."""
    before = len(desk.traces.last(10_000))
    for char in text:
        desk.type(char)
        await desk.ask(manual=True)
    return [t for t in desk.traces.last(10_000)[before:] if t.prompt_tokens]


async def test_a_key_costs_two_tokens_at_most_on_average(engine: MlxEngine) -> None:
    desk = Desk(ABOVE + "¦\n" + BELOW, engine, ANSWER)
    await desk.ask(manual=True)
    (cold,) = desk.traces.last()
    assert (cold.cached_tokens, cold.prefilled_tokens) == (0, cold.prompt_tokens)
    costs = [t.prefilled_tokens for t in await typed(desk, WRITTEN)]
    assert len(costs) > len(WRITTEN) * 0.6
    assert sum(costs) / len(costs) <= 2.0
    assert (percentile(costs, 0.95) or 0) <= 4
    assert max(costs) < 16
    await desk.assistant.close()


async def test_taking_back_and_going_on_costs_no_more(engine: MlxEngine) -> None:
    desk = Desk(ABOVE + "¦\n" + BELOW, engine, ANSWER)
    await desk.ask(manual=True)
    await typed(desk, "value = old")
    desk.backspace(3)
    costs = [t.prefilled_tokens for t in await typed(desk, "new_value(1)")]
    assert costs
    assert sum(costs) / len(costs) <= 2.0
    await desk.assistant.close()


async def test_jumping_away_costs_the_suffix_and_coming_back_almost_nothing(engine: MlxEngine) -> None:
    desk = Desk(ABOVE + "¦\n" + BELOW, engine, ANSWER)
    await typed(desk, "value = 1")
    home, desk.cursor = desk.cursor, desk.snapshot.line_start(30)
    await desk.ask(manual=True)
    away = desk.traces.last(1)[0]
    assert 0 < away.cached_tokens < away.prompt_tokens
    desk.cursor = home
    back = (await typed(desk, " + 2"))[0]
    assert back.prefilled_tokens <= 4
    await desk.assistant.close()


class Watched:
    """An engine whose reader hears how far the first prompt was read, and then waits instead of going on."""

    def __init__(self, engine: MlxEngine) -> None:
        self.info, self.warm, self.close = engine.info, engine.warm, engine.close
        self._engine = engine
        self.read: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    async def generate(self, request: Request) -> AsyncGenerator[Chunk, None]:
        async with aclosing(self._engine.generate(request)) as chunks:
            async for chunk in chunks:
                if not self.read.done() and chunk.progress is not None and chunk.progress.done_tokens:
                    self.read.set_result(chunk.progress.done_tokens)
                    await asyncio.get_running_loop().create_future()
                yield chunk


async def test_a_cancelled_prefill_is_not_done_again(engine: MlxEngine) -> None:
    watched = Watched(engine)
    desk = Desk(ABOVE + "¦\n" + BELOW, watched, ANSWER)
    asking = asyncio.create_task(desk.ask(manual=True))
    async with asyncio.timeout(60):
        read_tokens = await watched.read
    asking.cancel()
    await asyncio.gather(asking, return_exceptions=True)
    await desk.ask(manual=True)
    first = desk.traces.last(1)[0]
    assert first.cached_tokens >= read_tokens > 0
    assert first.cached_tokens + first.prefilled_tokens == first.prompt_tokens
    await desk.assistant.close()
