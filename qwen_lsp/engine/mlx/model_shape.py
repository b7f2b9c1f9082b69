"""The true numbers of a loaded model, counted from its own arrays and config."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import mlx.core as mx
from mlx.utils import tree_flatten

from qwen_lsp.engine.request import ModelShape


def shape_of(model: Any, config: dict[str, Any], weights: list[Path]) -> ModelShape:
    """What the architecture picture and the memory guard need to know."""
    numbers = config.get("text_config") or config
    heads = int(numbers.get("num_attention_heads", 0))
    hidden = int(numbers.get("hidden_size", 0))
    experts = int(numbers.get("num_experts") or numbers.get("num_local_experts") or 0)
    chosen = int(numbers.get("num_experts_per_tok") or 0) if experts else 0
    kv_heads = int(numbers.get("num_key_value_heads") or heads)
    head_dim = int(numbers.get("head_dim") or (hidden // heads if heads else 0))
    layers = len(model.layers)
    total, in_experts, embedding = _count(model)
    idle = in_experts * (experts - chosen) // experts if experts else 0
    tied = bool(numbers.get("tie_word_embeddings"))
    return ModelShape(
        architecture=str(config["model_type"]),
        layers=layers,
        hidden=hidden,
        heads=heads,
        kv_heads=kv_heads,
        head_dim=head_dim,
        experts=experts,
        experts_per_token=chosen,
        vocabulary=int(numbers.get("vocab_size", 0)),
        context_tokens=int(numbers.get("max_position_embeddings") or 0),
        parameters=total,
        # The embedding is a look-up, not a product, unless it is also the head.
        active_parameters=total - idle - (0 if tied else embedding),
        weight_bytes=sum(f.stat().st_size for f in weights),
        kv_bytes_per_token=2 * layers * kv_heads * head_dim * _element_bytes(model),
        quantisation=_quantisation(model),
    )


def _count(model: Any) -> tuple[int, int, int]:
    """Parameters in all, in the experts, and in the embedding; packed weights are counted unpacked."""
    total = in_experts = embedding = 0
    for path, module in model.named_modules():
        size = sum(_unpacked(module, name, a) for name, a in module.items() if isinstance(a, mx.array))
        total += size
        if "switch_mlp" in path or ".experts." in path:
            in_experts += size
        if path.endswith("embed_tokens"):
            embedding += size
    return total, in_experts, embedding


def _unpacked(module: Any, name: str, array: mx.array) -> int:
    bits = getattr(module, "bits", None)
    if bits is None or "scales" not in module:
        return int(array.size)
    if name == "weight":
        return int(array.size) * 32 // int(bits)
    return 0 if name in ("scales", "biases") else int(array.size)


def _element_bytes(model: Any) -> int:
    """Bytes of one KV element: the type the activations have (that of the norms)."""
    parameters: list[tuple[str, mx.array]] = tree_flatten(model.parameters())  # type: ignore[assignment]
    for path, array in parameters:
        if "norm" in path:
            return int(array.dtype.size)
    return 2


def _quantisation(model: Any) -> tuple[tuple[str, str], ...]:
    found: dict[str, str] = {}
    for path, module in model.named_modules():
        part = _part(path)
        if part is None or part in found:
            continue
        bits = getattr(module, "bits", None)
        if bits is not None:
            found[part] = f"{bits} bits, groups of {module.group_size}"
        elif "weight" in module:
            found[part] = f"{module['weight'].dtype.size * 8} bits, not quantised"
    order = ("embedding", "attention", "router", "experts", "feed-forward", "head")
    return tuple((part, found[part]) for part in order if part in found)


def _part(path: str) -> str | None:
    last = path.rsplit(".", 1)[-1]
    if last == "embed_tokens":
        return "embedding"
    if last == "lm_head":
        return "head"
    if "self_attn" in path and last.endswith("_proj"):
        return "attention"
    if last == "gate":
        return "router"
    if "switch_mlp" in path and last.endswith("_proj"):
        return "experts"
    if "mlp" in path and last.endswith("_proj"):
        return "feed-forward"
    return None
