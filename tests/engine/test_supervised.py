"""A managed engine loads behind the scenes, comes back after a failure, is switched and unloaded."""

from __future__ import annotations

import asyncio

import pytest

import qwen_lsp.engine.supervised as managed
from qwen_lsp.engine.base import Engine, collect
from qwen_lsp.engine.request import ChatPrompt, EngineInfo, Lane, Message, Request
from qwen_lsp.engine.stubs.demo import Gate, ScriptedEngine
from qwen_lsp.engine.supervised import Report, SupervisedEngine
from qwen_lsp.errors import EngineError, EngineUnavailable, GenerationFailed, ModelNotFound

CHAT = Request(ChatPrompt((Message("user", "x"),)), id="r")
INLINE = Request(ChatPrompt((Message("user", "x"),)), lane=Lane.INLINE)


class Loader:
    """Loads scripted engines when the test says so, and remembers them."""

    def __init__(self) -> None:
        self.go = asyncio.Event()
        self.go.set()
        self.report: Report = lambda share, what, left: None
        self.made: list[tuple[str, ScriptedEngine]] = []
        self.missing: set[str] = set()
        self.asked = asyncio.Event()

    async def __call__(self, model: str, report: Report) -> Engine:
        self.report = report
        self.asked.set()
        await self.go.wait()
        if model in self.missing:
            raise ModelNotFound(f"{model} is not on this machine")
        engine = ScriptedEngine(f"from {model}")
        engine.set_info(model=model)
        self.made.append((model, engine))
        return engine


class Counted(ScriptedEngine):
    """Counts how often it is asked how it does."""

    infos = 0

    async def info(self) -> EngineInfo:
        self.infos += 1
        return await super().info()

    @property
    def failure(self) -> EngineError | None:
        return None


async def test_an_answer_asks_the_engine_how_it_does_once() -> None:
    inner = Counted("text")

    async def load(model: str, report: Report) -> Engine:
        return inner

    engine = SupervisedEngine(load)
    await collect(engine, INLINE)
    assert inner.infos == 0
    assert (await engine.info()).state == "ready"
    assert inner.infos == 1


async def test_it_tells_how_far_loading_is_and_asks_wait_only_a_bounded_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(managed._WAIT_S, Lane.INLINE, 0.01)
    loader = Loader()
    loader.go.clear()
    engine = SupervisedEngine(loader, model="m")
    await loader.asked.wait()
    loader.report(0.4, "Reading weights", 7.0)
    info = await engine.info()
    assert (info.state, info.progress, info.seconds_left, info.detail) == (
        "loading",
        0.4,
        7.0,
        "Reading weights.",
    )
    with pytest.raises(EngineUnavailable, match=r"still loading: Reading weights \(40%\), about 7 s left"):
        await collect(engine, INLINE)
    waiting = asyncio.create_task(collect(engine, CHAT))
    loader.go.set()
    assert (await waiting)[0] == "from m"
    assert (await engine.info()).state == "ready"
    await engine.close()


async def test_a_model_that_is_not_there_is_said_so() -> None:
    loader = Loader()
    loader.missing = {"m"}
    engine = SupervisedEngine(loader, model="m")
    with pytest.raises(ModelNotFound):
        await collect(engine, CHAT)
    info = await engine.info()
    assert (info.state, info.detail) == ("failed", "m is not on this machine")
    await engine.close()


async def test_an_engine_that_died_is_rebuilt_and_its_failure_reported() -> None:
    loader = Loader()
    engine = SupervisedEngine(loader, model="m")
    await collect(engine, CHAT)
    first = loader.made[0][1]
    first.set_info(state="failed", detail="the thread died")
    first._script = [GenerationFailed("the thread died")]
    assert (await collect(engine, CHAT))[0] == "from m"
    assert len(loader.made) == 2
    assert first.closed
    await engine.close()


async def test_an_engine_that_keeps_dying_is_left_alone_in_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(managed, "_FIRST_BACK_OFF_S", 0.0)
    loader = Loader()
    engine = SupervisedEngine(loader, model="m")
    for _ in range(6):
        await collect(engine, CHAT)
        loader.made[-1][1].set_info(state="failed", detail="out of memory.")
    with pytest.raises(EngineUnavailable, match="broke 6 times"):
        await collect(engine, CHAT)
    assert len(loader.made) == 6
    assert (await engine.info()).state == "failed"
    await engine.close()


async def test_the_model_is_switched_while_it_runs() -> None:
    loader = Loader()
    engine = SupervisedEngine(loader, model="a")
    await collect(engine, CHAT)
    info = await engine.switch("b")
    assert info.model == "b"
    assert loader.made[0][1].closed
    assert (await collect(engine, CHAT))[0] == "from b"
    await engine.close()


async def test_a_model_that_cannot_be_found_does_not_cost_the_one_that_is_loaded() -> None:
    def find(model: str) -> None:
        if model != "a":
            raise ModelNotFound(f"There is no {model}.")

    loader = Loader()
    engine = SupervisedEngine(loader, find=find, model="a")
    await collect(engine, CHAT)
    with pytest.raises(ModelNotFound):
        await engine.switch("typo")
    assert (await collect(engine, CHAT))[0] == "from a"
    assert len(loader.made) == 1
    await engine.close()


async def test_a_switch_to_a_model_that_is_not_there_keeps_the_old_one() -> None:
    loader = Loader()
    loader.missing = {"b"}
    engine = SupervisedEngine(loader, model="a")
    await collect(engine, CHAT)
    with pytest.raises(ModelNotFound):
        await engine.switch("b")
    assert (await collect(engine, CHAT))[0] == "from a"
    await engine.close()


async def test_it_is_unloaded_when_idle_and_loaded_again_when_asked() -> None:
    loader = Loader()
    engine = SupervisedEngine(loader, model="m", keep_alive_s=0.05)
    await collect(engine, CHAT)

    await loader.made[0][1].until(lambda e: e.closed)
    info = await engine.info()
    assert info.state == "ready"
    assert "Unloaded" in info.detail
    assert (await collect(engine, CHAT))[0] == "from m"
    assert len(loader.made) == 2
    await engine.close()


async def test_a_model_in_use_is_not_unloaded() -> None:
    gate = Gate()
    inner = ScriptedEngine("a b", gate=gate)

    async def load(model: str, report: Report) -> Engine:
        return inner

    engine = SupervisedEngine(load, keep_alive_s=0.02)
    asking = asyncio.create_task(collect(engine, CHAT))
    await inner.until(lambda e: e.in_flight == 1)
    await asyncio.sleep(0.1)  # several times the idle time; nothing may happen in it
    assert not inner.closed
    await gate.open()
    assert (await asking)[0] == "a b"
    await engine.close()


async def test_every_request_leaves_one_record() -> None:
    loader = Loader()
    engine = SupervisedEngine(loader, model="m")
    await collect(engine, CHAT)
    stream = engine.generate(CHAT)
    await anext(stream)
    await stream.aclose()
    loader.made[0][1]._script = [GenerationFailed("broke")]
    with pytest.raises(GenerationFailed):
        await collect(engine, CHAT)
    records = engine.requests.last()
    assert [(r.finish, r.error, r.lane, r.id) for r in records] == [
        ("stop", "", "chat", "r"),
        ("abort", "", "chat", "r"),
        ("error", "broke", "chat", "r"),
    ]
    assert records[0].generated_tokens == 2
    await engine.close()


async def test_closing_while_loading_ends_the_loading() -> None:
    loader = Loader()
    loader.go.clear()
    engine = SupervisedEngine(loader, model="m")
    await loader.asked.wait()
    await engine.close()
    await engine.close()
    assert loader.made == []
    with pytest.raises(EngineUnavailable, match="closed"):
        await collect(engine, CHAT)
