"""The host on the real MLX engine: nothing changes over HTTP, and other people's plugins become fast unasked."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from qwen_lsp.engine.base import Engine, collect
from qwen_lsp.engine.remote.engine import RemoteEngine
from qwen_lsp.engine.request import ChatPrompt, Marker, Message, Request, Text, TextPrompt
from qwen_lsp.engine.supervised import Report, SupervisedEngine
from qwen_lsp.settings import EngineSettings
from tests.support.http.hosts import serving

pytestmark = pytest.mark.process


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from qwen_lsp.starter.model_files import write_random_model

    return write_random_model(tmp_path_factory.mktemp("model") / "random")


async def loaded(folder: Path) -> SupervisedEngine:
    async def load(name: str, report: Report) -> Engine:
        from qwen_lsp.engine.mlx.engine import MlxEngine

        engine = MlxEngine(
            folder, EngineSettings(), on_progress=lambda share, step: report(share, step, None)
        )
        await engine.ready()
        return engine

    engine = SupervisedEngine(load, model=str(folder))
    await collect(engine, Request(TextPrompt((Text("x"),)), max_tokens=1))  # waits for the model
    return engine


async def test_the_same_tokens_come_over_http_as_from_the_engine_itself(model: Path) -> None:
    hole = TextPrompt(
        (
            Marker("<|fim_prefix|>"),
            Text("def f(n):\n"),
            Marker("<|fim_suffix|>"),
            Text("\n"),
            Marker("<|fim_middle|>"),
            Text("    r"),
        )
    )
    chat = ChatPrompt((Message("user", "Write a Fibonacci function in Python."),), prefill="```python\n")
    engine = await loaded(model)
    async with serving(engine) as host:
        remote = RemoteEngine(host.url)
        for request in (
            Request(hole, max_tokens=12, heal=True, logprobs=2, experts=True),
            Request(chat, max_tokens=12),
        ):
            direct = [c async for c in engine.generate(request)]
            over = [c async for c in remote.generate(request)]
            assert [t for c in over for t in c.tokens] == [t for c in direct for t in c.tokens]
            assert "".join(c.text for c in over) == "".join(c.text for c in direct)
        info = await remote.info()
        await remote.close()
    await engine.close()
    assert info.kind == "mlx"
    assert info.shape is not None
    assert info.shape.experts == 4


async def test_a_plugin_that_sends_everything_with_each_key_pays_for_the_key_only(model: Path) -> None:
    before = "".join(f"value_{i} = compute({i})\n" for i in range(60))
    after = "\n" + "".join(f"print(value_{i})\n" for i in range(20))
    engine = await loaded(model)
    read: list[int] = []
    async with serving(engine) as host:
        for typed in ("r", "re", "ret", "retu", "retur", "return"):
            body = {"input_prefix": before, "prompt": typed, "input_suffix": after, "n_predict": 4}
            told = (await host.post("/infill", body)).json()
            read.append(told["timings"]["prompt_n"])
        remote = RemoteEngine(host.url)
        assert (await collect(remote, Request(ChatPrompt((Message("user", "x"),)), max_tokens=2)))[
            1
        ].generated_tokens > 0
        await remote.close()
    await engine.close()
    assert read[0] > 300
    assert max(read[1:]) <= 3, read


async def test_llama_vscodes_recorded_session_pays_for_its_keys_only(model: Path) -> None:
    recorded = json.loads((Path(__file__).parent / "recorded" / "llama_vscode.json").read_text("utf-8"))
    engine = await loaded(model)
    read: dict[str, list[int]] = {}
    async with serving(engine) as host:
        for body in (one["body"] for one in recorded["requests"]):
            told = (await host.post("/infill", body)).json()
            if body["n_predict"]:
                read.setdefault(body["input_prefix"], []).append(told[0]["timings"]["prompt_n"])
    await engine.close()
    first, *keys = next(iter(read.values()))
    assert len(keys) == 11
    assert first > 50, "the place itself is read once"
    assert max(keys) <= 10, keys  # a line it was once offered is asked for as if typed
    assert sum(keys) <= 30, keys
