"""Builds what the worker thread owns around a loaded model: budget, window, first measurements."""

from __future__ import annotations

import mlx.core as mx
from mlx_lm.models.cache import make_prompt_cache

from qwen_lsp.engine.healing import Vocabulary
from qwen_lsp.engine.mlx.choose import HealingMask
from qwen_lsp.engine.mlx.forward import Forward, Pace
from qwen_lsp.engine.mlx.generation import Machine
from qwen_lsp.engine.mlx.loader import Loaded
from qwen_lsp.engine.mlx.memory import machine_bytes
from qwen_lsp.engine.mlx.store import KvStore
from qwen_lsp.engine.mlx.tokens import PromptReader
from qwen_lsp.engine.prefix.plan import Budget
from qwen_lsp.settings import EngineSettings

_KV_SHARE = 8
"""Part of the machine's memory for kept prefixes: one in this many."""


def build_machine(loaded: Loaded, settings: EngineSettings) -> Machine:
    """Everything a generation needs. Worker thread only."""
    reader = PromptReader(loaded.tokenizer)
    vocabulary = Vocabulary(reader.bytes_of, never=reader.marker_ids)
    forward, pace = Forward(loaded.model), Pace()
    pace.learn(forward, make_prompt_cache(loaded.model), loaded.shape.vocabulary)
    mx.clear_cache()
    return Machine(
        reader=reader,
        forward=forward,
        store=KvStore(loaded.model, _budget(loaded, settings)),
        pace=pace,
        vocabulary=vocabulary,
        healing=HealingMask(vocabulary),
        context_tokens=min(settings.context_tokens, loaded.shape.context_tokens or settings.context_tokens),
    )


def _budget(loaded: Loaded, settings: EngineSettings) -> Budget:
    return Budget(settings.kv_bytes or machine_bytes() // _KV_SHARE, max(1, loaded.shape.kv_bytes_per_token))
