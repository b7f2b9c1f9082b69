"""Other kinds of models and machines: caches that cannot go back, a GPU to keep warm, memory running short."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import mlx.core as mx
import pytest
from mlx.utils import tree_flatten

from qwen_lsp.engine.mlx import memory_guard
from qwen_lsp.engine.mlx.engine import MlxEngine
from qwen_lsp.engine.mlx.gpu_keepalive import KeepWarm
from qwen_lsp.engine.request import Lane, Request
from qwen_lsp.errors import NotEnoughMemory
from qwen_lsp.settings import EngineSettings
from tests.support.engines.random_model import ask, fim, plain, random_model

pytestmark = pytest.mark.model

CODE = "def add(left, right):\n    return left + right\n\n\n" * 8


@pytest.fixture
def recurrent(tmp_path: Path) -> Path:
    """A tiny Mamba: its state cannot be trimmed."""
    from mlx_lm.models.mamba import Model, ModelArgs

    folder = Path(shutil.copytree(random_model(), tmp_path / "mamba"))
    (folder / "model.safetensors.index.json").unlink()
    vocabulary = json.loads((folder / "config.json").read_text())["vocab_size"]
    config: dict[str, Any] = {
        "model_type": "mamba", "vocab_size": vocabulary, "hidden_size": 32, "intermediate_size": 64,
        "state_size": 8, "num_hidden_layers": 2, "conv_kernel": 4, "use_bias": False, "use_conv_bias": True,
        "time_step_rank": 4, "eos_token_id": 0,
    }  # fmt: skip
    mx.random.seed(1)
    model = Model(ModelArgs.from_dict(config))
    mx.save_safetensors(str(folder / "model.safetensors"), dict(tree_flatten(model.parameters())))
    (folder / "config.json").write_text(json.dumps(config))
    return folder


async def test_a_model_that_cannot_go_back_reuses_snapshots_and_says_so(recurrent: Path) -> None:
    engine = MlxEngine(recurrent, EngineSettings())
    await engine.ready()
    cold = MlxEngine(recurrent, EngineSettings(kv_bytes=1))
    costs: list[int] = []
    for typed in ("", "re", "ret", "r", "return x"):
        request = Request(fim(CODE, "\n", typed), max_tokens=6, lane=Lane.INLINE)
        warm, fresh = await ask(engine, request), await ask(cold, request)
        assert warm.ids_of() == fresh.ids_of()
        assert fresh.usage.cached_tokens == 0
        costs.append(warm.usage.prefilled_tokens)
    assert costs[0] > 100
    assert all(cost <= 8 for cost in costs[1:]), costs
    assert "cannot go back" in (await engine.info()).detail
    await engine.close()
    await cold.close()


def test_the_gpu_is_kept_warm_only_while_somebody_types_and_is_plugged_in() -> None:
    plugged = KeepWarm(on_battery=lambda: False)
    assert plugged.is_wanted(0.5)
    assert not plugged.is_wanted(plugged.QUIET_S)
    assert not KeepWarm(on_battery=lambda: True).is_wanted(0.5)
    plugged.tick()
    assert plugged.ticks == 1


async def test_idle_prefixes_give_way_before_a_request_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    engine = MlxEngine(random_model(), EngineSettings())
    await ask(engine, plain(CODE, max_tokens=2))
    machine: Any = engine._worker._machine
    monkeypatch.setattr(memory_guard, "_ALWAYS_FINE_BYTES", 0)
    held = machine.store.gauges()["kv_bytes"]
    # As much is free as the reserve and what the store holds idle: enough once that has gone.
    monkeypatch.setattr(
        memory_guard,
        "free_bytes",
        lambda: memory_guard._RESERVE_BYTES + held - machine.store.gauges()["kv_bytes"],
    )
    reply = await ask(engine, plain("x = 1", max_tokens=2))
    assert reply.usage.generated_tokens == 2
    monkeypatch.setattr(memory_guard, "free_bytes", lambda: memory_guard._RESERVE_BYTES)
    with pytest.raises(NotEnoughMemory, match="more memory for their KV"):
        await ask(engine, plain("y = 1", max_tokens=2))
    await engine.close()
