"""Loading: what is missing or broken is said in a sentence; nothing is downloaded; numbers are true."""

from __future__ import annotations

import json
import resource
import shutil
import socket
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from qwen_lsp.engine.mlx import memory_guard
from qwen_lsp.engine.mlx.engine import MlxEngine
from qwen_lsp.engine.mlx.loader import load
from qwen_lsp.errors import EngineMissing, ModelNotFound, NotEnoughMemory
from qwen_lsp.settings import EngineSettings
from tests.support.engines.random_model import random_model

pytestmark = pytest.mark.model


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return Path(shutil.copytree(random_model(), tmp_path / "model"))


def remove(name: str) -> Callable[[Path], None]:
    def do(folder: Path) -> None:
        for file in folder.glob(name):
            file.unlink()

    return do


def write(name: str, text: str) -> Callable[[Path], None]:
    def do(folder: Path) -> None:
        (folder / name).write_text(text)

    return do


def change(**config: object) -> Callable[[Path], None]:
    def do(folder: Path) -> None:
        file = folder / "config.json"
        file.write_text(json.dumps(json.loads(file.read_text()) | config))

    return do


def no_tokenizer(folder: Path) -> None:
    for name in ("tokenizer.json", "vocab.json"):
        (folder / name).unlink()


@pytest.mark.parametrize(
    ("harm", "says"),
    [
        (shutil.rmtree, "no model folder at"),
        (remove("config.json"), "has no config.json"),
        (write("config.json", "{broken"), "cannot be read"),
        (write("config.json", "[]"), "does not name a model_type"),
        (remove("*.safetensors"), "lacks weight files: model.safetensors"),
        (remove("model*"), "has no weights"),
        (write("model.safetensors.index.json", "{}"), "cannot be read"),
        (write("model.safetensors", "rubbish"), "does not load"),
        (no_tokenizer, "has no tokenizer"),
        (write("tokenizer.json", "{broken"), "does not load"),
        (change(model_type="magic"), "cannot run models of type 'magic'"),
        (change(hidden_size=128), "does not load"),
    ],
    ids=lambda v: v if isinstance(v, str) else "",
)
def test_a_broken_folder_is_explained(folder: Path, harm: Callable[[Path], None], says: str) -> None:
    harm(folder)
    with pytest.raises(ModelNotFound, match=says) as caught:
        load(folder)
    assert str(caught.value).endswith(".")


def test_a_model_too_big_for_the_machine_is_refused_with_numbers(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(memory_guard, "free_bytes", lambda: 600_000_000)
    monkeypatch.setattr(memory_guard, "machine_bytes", lambda: 16_000_000_000)
    with pytest.raises(NotEnoughMemory, match=r"16\.0 GiB .* 572\.2 MiB free of 14\.9 GiB"):
        memory_guard.refuse_if_too_big(17_200_000_000)
    memory_guard.refuse_if_too_big(1_000_000)
    with pytest.raises(NotEnoughMemory, match=r"4000 tokens need 3\d\d\.\d MiB"):
        memory_guard.refuse_kv(400_000_000, 4000)


def test_memory_is_measured() -> None:
    assert 0 < memory_guard.free_bytes() <= memory_guard.machine_bytes() <= psutil.virtual_memory().total


def test_no_mlx_names_what_to_install(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "mlx_lm.utils", None)
    with pytest.raises(EngineMissing, match="pip install"):
        load(folder)


def test_loading_looks_nothing_up_and_keeps_the_limit_of_open_files(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*args: object, **options: object) -> None:
        raise AssertionError("looked up a name")

    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    load(folder)
    assert resource.getrlimit(resource.RLIMIT_NOFILE) == before


def test_the_limit_of_open_files_survives_the_first_import() -> None:
    import subprocess
    import sys

    code = (
        "import resource; before = resource.getrlimit(resource.RLIMIT_NOFILE)\n"
        "from qwen_lsp.engine.mlx.loader import _import_mlx_lm; _import_mlx_lm()\n"
        "assert resource.getrlimit(resource.RLIMIT_NOFILE) == before"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def test_the_shape_has_the_models_true_numbers(folder: Path) -> None:
    loaded = load(folder)
    config = json.loads((folder / "config.json").read_text())
    index = json.loads((folder / "model.safetensors.index.json").read_text())
    shape = loaded.shape
    assert shape.parameters == index["metadata"]["total_parameters"]
    assert (shape.layers, shape.heads, shape.kv_heads) == (
        config["num_hidden_layers"], config["num_attention_heads"], config["num_key_value_heads"],
    )  # fmt: skip
    expert = 3 * config["hidden_size"] * config["moe_intermediate_size"]
    idle = shape.layers * (shape.experts - shape.experts_per_token) * expert
    embedding = config["vocab_size"] * config["hidden_size"]
    assert shape.active_parameters == shape.parameters - idle - embedding
    assert dict(shape.quantisation)["experts"] == "4 bits, groups of 64"
    assert dict(shape.quantisation)["router"] == "8 bits, groups of 64"
    assert loaded.fim == "qwen"
    assert not loaded.is_starter


def test_a_starter_is_known_by_its_mark(folder: Path) -> None:
    change(qwen_lsp_starter=True)(folder)
    assert load(folder).is_starter


async def test_an_engine_that_cannot_load_says_so_to_everyone(folder: Path) -> None:
    (folder / "config.json").unlink()
    engine = MlxEngine(folder, EngineSettings())
    for _ in range(2):
        with pytest.raises(ModelNotFound, match=r"no config\.json"):
            await engine.ready()
    info = await engine.info()
    assert (info.state, "no config.json" in info.detail) == ("failed", True)
    await engine.close()
