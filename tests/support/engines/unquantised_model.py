"""A model folder of ours with its weights unquantised, so that other engines can read them or share them out."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import mlx.core as mx


def plain_weights(folder: Path) -> dict[str, mx.array]:
    """All weights in float32, by their names without `.weight`."""
    stored: dict[str, mx.array] = dict(mx.load(str(folder / "model.safetensors")))  # type: ignore[arg-type]
    said = json.loads((folder / "config.json").read_text("utf-8"))["quantization"]
    paths = sorted(name.removesuffix(".weight") for name in stored if name.endswith(".weight"))
    return {path: _plain(stored, path, said.get(path, said)).astype(mx.float32) for path in paths}


def write_shareable(folder: Path, to: Path) -> Path:
    """The same model in a form that mlx_lm.server can share between two processes, head by head.

    Each head of keys and values stands there twice, which changes nothing in what attention computes.
    """
    shutil.copytree(folder, to)
    config = json.loads((to / "config.json").read_text("utf-8"))
    weights = plain_weights(folder)
    for path, weight in weights.items():
        if path.endswith(("k_proj", "v_proj")):
            heads = weight.reshape(config["num_key_value_heads"], config["head_dim"], -1)
            weights[path] = mx.repeat(heads, 2, axis=0).reshape(-1, weight.shape[-1])
    config["num_key_value_heads"] *= 2
    del config["quantization"], config["quantization_config"]
    (to / "config.json").write_text(json.dumps(config), "utf-8")
    named = {f"{path}.weight": weight for path, weight in weights.items()}
    mx.save_safetensors(str(to / "model.safetensors"), named, {"format": "mlx"})
    index = {"metadata": {}, "weight_map": dict.fromkeys(named, "model.safetensors")}
    (to / "model.safetensors.index.json").write_text(json.dumps(index), "utf-8")
    return to


def _plain(stored: dict[str, mx.array], path: str, said: dict[str, Any]) -> mx.array:
    weight, scales = stored[f"{path}.weight"], stored.get(f"{path}.scales")
    if scales is None:
        return weight
    biases = stored[f"{path}.biases"]
    return mx.dequantize(weight, scales, biases, group_size=said["group_size"], bits=said["bits"])
