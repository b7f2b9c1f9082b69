"""A model folder of ours as the one GGUF file that llama.cpp reads: the same weights, unquantised, and the same tokens."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import gguf
import numpy as np

from tests.support.engines.unquantised_model import plain_weights

_WHOLE = {
    "model.embed_tokens": "token_embd",
    "model.norm": "output_norm",
    "lm_head": "output",
}
_IN_LAYER = {
    "input_layernorm": "attn_norm",
    "self_attn.q_proj": "attn_q",
    "self_attn.k_proj": "attn_k",
    "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output",
    "self_attn.q_norm": "attn_q_norm",
    "self_attn.k_norm": "attn_k_norm",
    "post_attention_layernorm": "ffn_norm",
    "mlp.gate": "ffn_gate_inp",
    "mlp.switch_mlp.gate_proj": "ffn_gate_exps",
    "mlp.switch_mlp.up_proj": "ffn_up_exps",
    "mlp.switch_mlp.down_proj": "ffn_down_exps",
}
_FIM = {"pre": "prefix", "suf": "suffix", "mid": "middle", "pad": "pad"}


def write_gguf(folder: Path, file: Path) -> Path:
    """Write the model in `folder` to `file`."""
    config = json.loads((folder / "config.json").read_text("utf-8"))
    writer = gguf.GGUFWriter(file, "qwen3moe")
    _say_shape(writer, config)
    _add_tokens(writer, folder, config)
    _add_weights(writer, folder)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return file


def _say_shape(writer: Any, config: dict[str, Any]) -> None:
    writer.add_name("starter" if config.get("qwen_lsp_starter") else "random")
    writer.add_file_type(gguf.LlamaFileType.ALL_F32)
    writer.add_context_length(config["max_position_embeddings"])
    writer.add_embedding_length(config["hidden_size"])
    writer.add_block_count(config["num_hidden_layers"])
    writer.add_feed_forward_length(config["intermediate_size"])
    writer.add_head_count(config["num_attention_heads"])
    writer.add_head_count_kv(config["num_key_value_heads"])
    writer.add_key_length(config["head_dim"])
    writer.add_value_length(config["head_dim"])
    writer.add_rope_freq_base(config["rope_theta"])
    writer.add_layer_norm_rms_eps(config["rms_norm_eps"])
    writer.add_expert_count(config["num_experts"])
    writer.add_expert_used_count(config["num_experts_per_tok"])
    writer.add_expert_feed_forward_length(config["moe_intermediate_size"])


def _add_tokens(writer: Any, folder: Path, config: dict[str, Any]) -> None:
    tokenizer = json.loads((folder / "tokenizer.json").read_text("utf-8"))
    added = {token["id"]: token for token in tokenizer["added_tokens"]}
    names = {number: name for name, number in tokenizer["model"]["vocab"].items()}
    names |= {number: token["content"] for number, token in added.items()}
    numbers = range(config["vocab_size"])  # the embedding has some rows more than there are tokens
    merges = tokenizer["model"]["merges"]
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("qwen2")
    writer.add_token_list([names.get(number, f"[PAD{number}]") for number in numbers])
    writer.add_token_types([_kind(number, names, added) for number in numbers])
    writer.add_token_merges([m if isinstance(m, str) else " ".join(m) for m in merges])
    ids = {name: number for number, name in names.items()}
    writer.add_eos_token_id(ids["<|im_end|>"])
    writer.add_pad_token_id(ids["<|endoftext|>"])
    writer.add_add_bos_token(False)
    for short, long in _FIM.items():
        writer.add_uint32(f"tokenizer.ggml.fim_{short}_token_id", ids[f"<|fim_{long}|>"])
    writer.add_uint32("tokenizer.ggml.fim_rep_token_id", ids["<|repo_name|>"])
    writer.add_uint32("tokenizer.ggml.fim_sep_token_id", ids["<|file_sep|>"])
    writer.add_chat_template((folder / "chat_template.jinja").read_text("utf-8"))


def _kind(number: int, names: dict[int, str], added: dict[int, Any]) -> int:
    if number in added:
        return int(gguf.TokenType.CONTROL if added[number]["special"] else gguf.TokenType.USER_DEFINED)
    return int(gguf.TokenType.NORMAL if number in names else gguf.TokenType.UNUSED)


def _add_weights(writer: Any, folder: Path) -> None:
    for path, weight in plain_weights(folder).items():
        writer.add_tensor(_their_name(path) + ".weight", np.array(weight))


def _their_name(path: str) -> str:
    if path in _WHOLE:
        return _WHOLE[path]
    _, _, layer, rest = path.split(".", 3)
    return f"blk.{layer}.{_IN_LAYER[rest]}"
