"""A model to measure on: random weights in the real layout, with a vocabulary that cuts code as a real one does."""

from __future__ import annotations

from pathlib import Path

import mlx.core as mx
from tokenizers import AddedToken, Tokenizer, models, pre_tokenizers, trainers
from tokenizers.decoders import ByteLevel

from qwen_lsp.engine.special_tokens import QWEN_TOKENS
from qwen_lsp.starter.model_files import StarterShape, model_config, new_model, write_model
from qwen_lsp.starter.vocabulary import cutter

VOCABULARY = 8_192
_SHAPE = StarterShape(128, 4, 8, 2, 128, 4, 2, 32, 32_768)


def write_benchmark_model(folder: Path, texts: list[str], seed: int = 0) -> Path:
    """4-bit Qwen3-MoE, 128 wide, 4 layers, 8 experts, top-2, its vocabulary learnt from these texts."""
    tokenizer = _learnt(texts)
    config = model_config(_SHAPE, tokenizer, starter=False)
    mx.random.seed(seed)
    model = new_model(config)
    model.lm_head.weight = mx.random.normal(model.lm_head.weight.shape) * _SHAPE.hidden**-0.5 * 4
    return write_model(folder, model, tokenizer, config)


def _learnt(texts: list[str]) -> Tokenizer:
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = cutter()
    tokenizer.decoder = ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=VOCABULARY, initial_alphabet=alphabet, show_progress=False)
    tokenizer.train_from_iterator(texts, trainer)
    tokenizer.add_special_tokens([AddedToken(t, special=True) for t, hidden in QWEN_TOKENS if hidden])
    tokenizer.add_tokens([AddedToken(t, special=False) for t, hidden in QWEN_TOKENS if not hidden])
    return tokenizer
