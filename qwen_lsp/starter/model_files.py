"""Writes a model folder just as the real one lies on disk: tokenizer, template, config, 4-bit weights and their index."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import mlx.core as mx
from mlx.nn.layers.base import Module
from mlx.nn.layers.quantized import quantize
from mlx.utils import tree_flatten
from tokenizers import AddedToken, Tokenizer

from qwen_lsp.engine.special_tokens import QWEN_TOKENS, STARTER_MARK
from qwen_lsp.samples import PROGRAMS
from qwen_lsp.starter.chat_template import CHAT_TEMPLATE
from qwen_lsp.starter.vocabulary import build_tokenizer

GROUP_SIZE = 64
BITS = 4
ROUTER_BITS = 8


@dataclass(frozen=True, slots=True)
class StarterShape:
    """The free numbers of a small Qwen3-MoE; widths are multiples of the quantisation group."""

    hidden: int = 64
    layers: int = 2
    experts: int = 4
    top_k: int = 2
    expert_width: int = 64
    heads: int = 4
    kv_heads: int = 2
    head_dim: int = 32
    context_tokens: int = 32_768
    dtype: str = "float32"
    """of scales, norms and the KV cache; the real model has bfloat16, which CPUs compute 3 to 7 times slower"""


def starter_tokenizer(texts: Sequence[str] = ()) -> Tokenizer:
    """The tokenizer for the sample programs (and `texts`), special tokens included."""
    known = [t for p in PROGRAMS for t in (p.code, p.answer, p.request)]
    tokenizer = build_tokenizer([*known, *texts])
    tokenizer.add_special_tokens([AddedToken(t, normalized=False) for t, hidden in QWEN_TOKENS if hidden])
    tokenizer.add_tokens([AddedToken(t, normalized=False) for t, hidden in QWEN_TOKENS if not hidden])
    return tokenizer


def vocabulary_size(tokenizer: Tokenizer) -> int:
    """Rows of the embedding: the tokens, rounded up as in the real model."""
    return -(-tokenizer.get_vocab_size() // GROUP_SIZE) * GROUP_SIZE


def model_config(shape: StarterShape, tokenizer: Tokenizer, *, starter: bool) -> dict[str, Any]:
    """config.json of Qwen3-Coder-30B-A3B-Instruct with this shape's numbers."""
    config: dict[str, Any] = {
        "architectures": ["Qwen3MoeForCausalLM"],
        "attention_bias": False,
        "attention_dropout": 0.0,
        "decoder_sparse_step": 1,
        "eos_token_id": tokenizer.token_to_id("<|im_end|>"),
        "head_dim": shape.head_dim,
        "hidden_act": "silu",
        "hidden_size": shape.hidden,
        "initializer_range": 0.02,
        "intermediate_size": 2 * shape.expert_width,
        "max_position_embeddings": shape.context_tokens,
        "max_window_layers": shape.layers,
        "mlp_only_layers": [],
        "model_type": "qwen3_moe",
        "moe_intermediate_size": shape.expert_width,
        "norm_topk_prob": True,
        "num_attention_heads": shape.heads,
        "num_experts": shape.experts,
        "num_experts_per_tok": shape.top_k,
        "num_hidden_layers": shape.layers,
        "num_key_value_heads": shape.kv_heads,
        "output_router_logits": False,
        "qkv_bias": False,
        "rms_norm_eps": 1e-06,
        "rope_scaling": None,
        "rope_theta": 10_000_000,
        "router_aux_loss_coef": 0.0,
        "shared_expert_intermediate_size": 0,
        "sliding_window": None,
        "tie_word_embeddings": False,
        "torch_dtype": shape.dtype,
        "transformers_version": "4.52.3",
        "use_cache": True,
        "use_qk_norm": True,
        "use_sliding_window": False,
        "vocab_size": vocabulary_size(tokenizer),
    }
    return config | ({STARTER_MARK: True} if starter else {})


def new_model(config: Mapping[str, Any]) -> Any:
    """mlx-lm's Qwen3-MoE with fresh weights."""
    from mlx_lm.models import qwen3_moe

    return qwen3_moe.Model(qwen3_moe.ModelArgs.from_dict(dict(config)))


def write_model(folder: Path, model: Any, tokenizer: Tokenizer, config: Mapping[str, Any]) -> Path:
    """Quantise a float32 model (it is used up) and write the whole folder."""
    folder.mkdir(parents=True, exist_ok=True)
    quantised = dict(config) | {"quantization": _quantise(model, getattr(mx, config["torch_dtype"]))}
    quantised["quantization_config"] = quantised["quantization"]
    _write_weights(folder, model)
    _write_json(folder / "config.json", dict(sorted(quantised.items())))
    _write_tokenizer(folder, tokenizer, config)
    return folder


def write_random_model(
    folder: Path,
    *,
    hidden: int = 64,
    layers: int = 2,
    experts: int = 4,
    top_k: int = 2,
    expert_width: int = 64,
    heads: int = 4,
    kv_heads: int = 2,
    head_dim: int = 32,
    context_tokens: int = 32_768,
    dtype: str = "float32",
    starter: bool = False,
    seed: int = 0,
) -> Path:
    """A model with random weights in the real layout, for tests and benchmarks; takes about a second."""
    shape = StarterShape(
        hidden, layers, experts, top_k, expert_width, heads, kv_heads, head_dim, context_tokens, dtype
    )
    tokenizer = starter_tokenizer()
    config = model_config(shape, tokenizer, starter=starter)
    mx.random.seed(seed)
    model = new_model(config)
    # Wide enough that the likeliest token stands out: near-ties would make equal outputs a matter of luck.
    model.lm_head.weight = mx.random.normal(model.lm_head.weight.shape) * hidden**-0.5 * 4
    return write_model(folder, model, tokenizer, config)


def _quantise(model: Any, dtype: mx.Dtype) -> dict[str, Any]:
    """4 bits everywhere but the router, which mlx-lm keeps at 8; returns what config.json says about it."""
    said: dict[str, Any] = {"group_size": GROUP_SIZE, "bits": BITS, "mode": "affine"}

    def how(path: str, module: Module) -> bool | dict[str, Any]:
        if not hasattr(module, "to_quantized"):
            return False
        wish: bool | dict[str, Any] = model.quant_predicate(path, module)
        if isinstance(wish, dict):
            said[path] = wish
        return wish

    model.set_dtype(dtype)
    quantize(model, group_size=GROUP_SIZE, bits=BITS, class_predicate=how)
    return said


def _write_weights(folder: Path, model: Any) -> None:
    weights: dict[str, mx.array] = dict(tree_flatten(model.parameters()))
    mx.eval(weights)
    mx.save_safetensors(str(folder / "model.safetensors"), weights, metadata={"format": "mlx"})
    index = {
        "metadata": {
            "total_size": sum(w.nbytes for w in weights.values()),
            "total_parameters": parameter_count(model),
        },
        "weight_map": dict.fromkeys(sorted(weights), "model.safetensors"),
    }
    _write_json(folder / "model.safetensors.index.json", index)


def parameter_count(model: Any) -> int:
    """Numbers in the model, counted as if not quantised."""
    from mlx_lm.utils import get_total_parameters

    return int(get_total_parameters(model))


def _write_tokenizer(folder: Path, tokenizer: Tokenizer, config: Mapping[str, Any]) -> None:
    tokenizer.save(str(folder / "tokenizer.json"))
    saved = json.loads(tokenizer.to_str())
    _write_json(folder / "vocab.json", saved["model"]["vocab"])
    merges = [m if isinstance(m, str) else " ".join(m) for m in saved["model"]["merges"]]
    (folder / "merges.txt").write_text("#version: 0.2\n" + "\n".join(merges) + "\n", "utf-8")
    (folder / "chat_template.jinja").write_text(CHAT_TEMPLATE, "utf-8")
    added = {str(tokenizer.token_to_id(t)): _added(t, hidden) for t, hidden in QWEN_TOKENS}
    _write_json(
        folder / "added_tokens.json", {t: int(n) for n, t in ((n, a["content"]) for n, a in added.items())}
    )
    _write_json(
        folder / "special_tokens_map.json",
        {
            "additional_special_tokens": [t for t, hidden in QWEN_TOKENS if hidden][1:],
            "eos_token": _added("<|im_end|>", True),
            "pad_token": _added("<|endoftext|>", True),
        },
    )
    _write_json(
        folder / "tokenizer_config.json",
        {
            "add_bos_token": False,
            "add_prefix_space": False,
            "added_tokens_decoder": added,
            "additional_special_tokens": [t for t, hidden in QWEN_TOKENS if hidden][1:],
            "bos_token": None,
            "chat_template": CHAT_TEMPLATE,
            "clean_up_tokenization_spaces": False,
            "eos_token": "<|im_end|>",
            "errors": "replace",
            "model_max_length": config["max_position_embeddings"],
            "pad_token": "<|endoftext|>",
            "split_special_tokens": False,
            "tokenizer_class": "Qwen2Tokenizer",
            "unk_token": None,
        },
    )
    _write_json(
        folder / "generation_config.json",
        {
            "do_sample": True,
            "eos_token_id": [tokenizer.token_to_id("<|im_end|>"), tokenizer.token_to_id("<|endoftext|>")],
            "pad_token_id": tokenizer.token_to_id("<|endoftext|>"),
            "repetition_penalty": 1.05,
            "temperature": 0.7,
            "top_k": 20,
            "top_p": 0.8,
            "transformers_version": "4.52.3",
        },
    )


def _added(token: str, special: bool) -> dict[str, Any]:
    return {
        "content": token, "lstrip": False, "normalized": False, "rstrip": False, "single_word": False,
        "special": special,
    }  # fmt: skip


def _write_json(file: Path, value: Any) -> None:
    file.write_text(json.dumps(value, indent=2, ensure_ascii=False) + "\n", "utf-8")
