"""The starter's files are the real model's files: keys, tokens, template and quantisation."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from qwen_lsp.assist.prompts.chat import DEFAULT_SYSTEM
from qwen_lsp.engine.special_tokens import QWEN_TOKENS, STARTER_MARK
from qwen_lsp.samples import LANGUAGE_NAMES, PROGRAMS
from qwen_lsp.starter.lessons import all_texts, holes
from qwen_lsp.starter.model_files import starter_tokenizer, write_random_model

pytestmark = pytest.mark.model

# config.json of Qwen3-Coder-30B-A3B-Instruct, and what mlx-lm adds when it quantises.
_REAL_KEYS = {
    "architectures", "attention_bias", "attention_dropout", "decoder_sparse_step", "eos_token_id", "head_dim",
    "hidden_act", "hidden_size", "initializer_range", "intermediate_size", "max_position_embeddings",
    "max_window_layers", "mlp_only_layers", "model_type", "moe_intermediate_size", "norm_topk_prob",
    "num_attention_heads", "num_experts", "num_experts_per_tok", "num_hidden_layers", "num_key_value_heads",
    "output_router_logits", "qkv_bias", "rms_norm_eps", "rope_scaling", "rope_theta", "router_aux_loss_coef",
    "shared_expert_intermediate_size", "sliding_window", "tie_word_embeddings", "torch_dtype",
    "transformers_version", "use_cache", "use_qk_norm", "use_sliding_window", "vocab_size",
    "quantization", "quantization_config",
}  # fmt: skip


@pytest.fixture(scope="module")
def random_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_random_model(tmp_path_factory.mktemp("random") / "model", starter=True)


@pytest.fixture(scope="module")
def loaded(random_folder: Path) -> tuple[Any, Any]:
    from mlx_lm.utils import load

    model, tokenizer = load(str(random_folder))[:2]
    return model, tokenizer


def _config(folder: Path) -> dict[str, Any]:
    config: dict[str, Any] = json.loads((folder / "config.json").read_text("utf-8"))
    return config


def test_config_has_the_real_keys_and_our_mark(random_folder: Path) -> None:
    config = _config(random_folder)
    assert set(config) == _REAL_KEYS | {STARTER_MARK}
    assert config["model_type"] == "qwen3_moe"
    assert config["rope_theta"] == 10_000_000


def test_a_model_that_is_no_starter_has_no_mark(tmp_path: Path) -> None:
    assert set(_config(write_random_model(tmp_path / "plain"))) == _REAL_KEYS


def test_all_weights_are_4_bit_and_routers_8(random_folder: Path, loaded: tuple[Any, Any]) -> None:
    said = _config(random_folder)["quantization"]
    assert (said["bits"], said["group_size"]) == (4, 64)
    routers = {path: how for path, how in said.items() if isinstance(how, dict)}
    assert routers == {f"model.layers.{n}.mlp.gate": {"group_size": 64, "bits": 8} for n in range(2)}
    layer = loaded[0].model.layers[0]
    assert layer.mlp.gate.bits == 8
    assert layer.self_attn.q_proj.bits == layer.mlp.switch_mlp.up_proj.bits == loaded[0].lm_head.bits == 4


def test_the_index_names_every_weight(random_folder: Path) -> None:
    import mlx.core as mx

    weights = mx.load(str(random_folder / "model.safetensors"))
    assert isinstance(weights, dict)
    index = json.loads((random_folder / "model.safetensors.index.json").read_text("utf-8"))
    assert index["weight_map"] == dict.fromkeys(sorted(weights), "model.safetensors")
    assert index["metadata"]["total_size"] == sum(w.nbytes for w in weights.values())


def test_special_tokens_follow_the_ordinary_ones_in_the_real_order(loaded: tuple[Any, Any]) -> None:
    tokenizer = loaded[1]
    ids = tokenizer.convert_tokens_to_ids([spelling for spelling, _ in QWEN_TOKENS])
    assert ids == list(range(ids[0], ids[0] + len(QWEN_TOKENS)))
    assert ids[0] == len(tokenizer.get_vocab()) - len(QWEN_TOKENS)
    assert tokenizer.eos_token_ids == {ids[2], ids[0]}  # <|im_end|>, <|endoftext|>
    assert ids[16:22] == [
        tokenizer.encode(marker)[0]
        for marker in (
            "<|fim_prefix|>", "<|fim_middle|>", "<|fim_suffix|>", "<|fim_pad|>", "<|repo_name|>", "<|file_sep|>",
        )
    ]  # fmt: skip


def test_a_conversation_is_chatml(loaded: tuple[Any, Any]) -> None:
    turns = [
        {"role": "system", "content": DEFAULT_SYSTEM},
        {"role": "user", "content": "hi"},
        {"role": "assistant", "content": "ho"},
        {"role": "user", "content": "more"},
    ]
    text = loaded[1].apply_chat_template(turns, add_generation_prompt=True, tokenize=False)
    assert text == (
        f"<|im_start|>system\n{DEFAULT_SYSTEM}<|im_end|>\n<|im_start|>user\nhi<|im_end|>\n"
        "<|im_start|>assistant\nho<|im_end|>\n<|im_start|>user\nmore<|im_end|>\n<|im_start|>assistant\n"
    )


def test_tools_are_written_so_that_mlx_lm_reads_them(loaded: tuple[Any, Any]) -> None:
    tokenizer = loaded[1]
    field = {"type": "integer", "description": "how many"}
    tool = {
        "type": "function",
        "function": {"name": "roll", "parameters": {"type": "object", "properties": {"dice": field}}},
    }
    call = {"type": "function", "function": {"name": "roll", "arguments": {"dice": 3}}}
    turns = [
        {"role": "user", "content": "roll"},
        {"role": "assistant", "content": "", "tool_calls": [call]},
        {"role": "tool", "content": "11"},
    ]
    text = tokenizer.apply_chat_template(turns, tools=[tool], add_generation_prompt=True, tokenize=False)
    assert "<name>dice</name>\n<type>integer</type>\n<description>how many</description>" in text
    assert "<|im_start|>user\n<tool_response>\n11\n</tool_response>\n<|im_end|>\n" in text
    written = text.split("<|im_start|>assistant\n")[1].split(tokenizer.tool_call_start)[1]
    parsed = tokenizer.tool_parser(written.split(tokenizer.tool_call_end)[0], [tool])
    assert parsed == {"name": "roll", "arguments": {"dice": 3}}


def test_text_comes_back_from_its_tokens(loaded: tuple[Any, Any]) -> None:
    for text in [p.code for p in PROGRAMS] + ["für 日志 🦀\t\r\n  x"]:
        assert loaded[1].decode(loaded[1].encode(text)) == text


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda p: p.name)
def test_wherever_typing_stops_only_the_last_word_is_tokenised_otherwise(program: Any) -> None:
    tokenizer = starter_tokenizer(all_texts())
    for hole in holes(program):
        whole = tokenizer.encode(hole.middle, add_special_tokens=False).ids
        for typed in range(1, len(hole.middle)):
            encoding = tokenizer.encode(hole.middle[:typed], add_special_tokens=False)
            safe = [
                i
                for i, word in zip(encoding.ids, encoding.word_ids, strict=True)
                if word != encoding.word_ids[-1]
            ]
            assert safe == whole[: len(safe)]


def test_there_are_programs_in_all_four_languages() -> None:
    assert len(PROGRAMS) >= 8
    assert {p.language for p in PROGRAMS} == set(LANGUAGE_NAMES)
    assert len({p.name for p in PROGRAMS}) == len({p.file_name for p in PROGRAMS}) == len(PROGRAMS)
    for language in ("python", "cpp", "java", "go"):
        assert any(p.language == language and "fibonacci" in p.name for p in PROGRAMS)
    for program in PROGRAMS:
        assert program.code.endswith("\n")
        assert LANGUAGE_NAMES[program.language] in program.request
        assert LANGUAGE_NAMES[program.language] in program.request_zh
