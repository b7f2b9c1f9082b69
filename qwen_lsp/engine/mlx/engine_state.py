"""What the worker thread owns around a loaded model, and how it is set up."""

from __future__ import annotations

from dataclasses import dataclass

import mlx.core as mx
from mlx_lm.models.cache import make_prompt_cache

from qwen_lsp.engine.mlx.batch import Batch
from qwen_lsp.engine.mlx.delivery import DeliveryQueue
from qwen_lsp.engine.mlx.expert_routing import ExpertTap
from qwen_lsp.engine.mlx.gpu_keepalive import KeepWarm, has_gpu
from qwen_lsp.engine.mlx.kv_disk import KvFolder, model_key
from qwen_lsp.engine.mlx.kv_store import KvStore
from qwen_lsp.engine.mlx.loader import LoadedModel
from qwen_lsp.engine.mlx.memory_guard import machine_bytes
from qwen_lsp.engine.mlx.model_runner import ModelRunner, PrefillPacer
from qwen_lsp.engine.mlx.sampling import HealingMask
from qwen_lsp.engine.mlx.tokenizer import PromptReader
from qwen_lsp.engine.prefix_cache.plan import Budget
from qwen_lsp.engine.request import Lane
from qwen_lsp.engine.token_healing import HealingVocabulary
from qwen_lsp.paths import paths
from qwen_lsp.settings import EngineSettings

_KV_SHARE = 8
"""Part of the machine's memory for kept prefixes: one in this many."""


@dataclass(slots=True)
class EngineState:
    """The model with everything a generation needs. Worker thread only."""

    reader: PromptReader
    forward: ModelRunner
    store: KvStore
    pace: PrefillPacer
    vocabulary: HealingVocabulary
    healing: HealingMask
    experts: ExpertTap
    batches: dict[Lane, Batch]
    """Those who may decode together, by lane: one lane's company is not broken up by another's turn."""
    outbox: DeliveryQueue
    warmth: KeepWarm | None
    context_tokens: int
    prompt_lookup: bool


def build_machine(loaded: LoadedModel, settings: EngineSettings) -> EngineState:
    """Set everything up, and read a little nonsense to learn the machine's pace."""
    reader = PromptReader(loaded.tokenizer)
    forward, pace, outbox = ModelRunner(loaded.model), PrefillPacer(), DeliveryQueue()
    pace.learn(forward, make_prompt_cache(loaded.model), loaded.shape.vocabulary)
    mx.clear_cache()
    return EngineState(
        reader=reader,
        forward=forward,
        store=_store(loaded, settings),
        pace=pace,
        vocabulary=reader.vocabulary,
        healing=HealingMask(reader.vocabulary),
        experts=ExpertTap(loaded.model),
        batches={lane: Batch(forward, outbox) for lane in (Lane.ACTION, Lane.CHAT)},
        outbox=outbox,
        warmth=KeepWarm() if settings.keep_warm and has_gpu() else None,
        context_tokens=min(settings.context_tokens, loaded.shape.context_tokens or settings.context_tokens),
        prompt_lookup=settings.prompt_lookup == "auto",
    )


def _store(loaded: LoadedModel, settings: EngineSettings) -> KvStore:
    folder = None
    if settings.kv_save:
        arithmetic = f"{mx.default_device().type} {loaded.shape.kv_bytes_per_token}"
        folder = KvFolder(paths().cache / "kv", model_key=model_key(loaded.folder, arithmetic))
    store = KvStore(loaded.model, _budget(loaded, settings), folder=folder)
    store.find_saved()
    return store


def _budget(loaded: LoadedModel, settings: EngineSettings) -> Budget:
    return Budget(settings.kv_bytes or machine_bytes() // _KV_SHARE, max(1, loaded.shape.kv_bytes_per_token))
