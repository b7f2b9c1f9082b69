"""What the engine's benchmarks share: asking with a stopwatch, the table, the models."""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from qwen_lsp.engine.mlx.engine import MlxEngine
from qwen_lsp.engine.request import Chunk, Lane, Marker, Request, Text, TextPrompt
from qwen_lsp.metrics import percentile

ANSWER_TOKENS = 96
SOURCE = Path(argparse.__file__).read_text("utf-8")


@dataclass(slots=True)
class Timed:
    """One answer and when its tokens came, in seconds from the asking."""

    tokens: list[int] = field(default_factory=list)
    at: list[float] = field(default_factory=list)
    chunks: list[Chunk] = field(default_factory=list)

    @property
    def first_ms(self) -> float:
        """Time to the first token."""
        return self.at[0] * 1000

    @property
    def rate(self) -> float:
        """Tokens per second after the first."""
        return (len(self.at) - 1) / (self.at[-1] - self.at[0]) if len(self.at) > 1 else 0.0

    @property
    def prefilled_tokens(self) -> int:
        """Tokens of the prompt that were read for it."""
        return next((c.usage.prefilled_tokens for c in self.chunks if c.usage is not None), 0)


def request(text: str, tokens: int = ANSWER_TOKENS, **options: Any) -> Request:
    """A plain completion."""
    return Request(TextPrompt((Text(text),)), max_tokens=tokens, **{"lane": Lane.CHAT, **options})


def hole(prefix: str, suffix: str, typed: str, tokens: int, **options: Any) -> Request:
    """An inline completion in the anchored layout."""
    parts = (
        Marker("<|fim_prefix|>"),
        Text(prefix),
        Marker("<|fim_suffix|>"),
        Text(suffix),
        Marker("<|fim_middle|>"),
        Text(typed),
    )
    return Request(TextPrompt(parts), max_tokens=tokens, lane=Lane.INLINE, **options)


async def ask(engine: MlxEngine, what: Request) -> Timed:
    """Ask and note when each token came."""
    timed, asked = Timed(), time.perf_counter()
    async for chunk in engine.generate(what):
        timed.chunks.append(chunk)
        for token in chunk.tokens:
            timed.tokens.append(token.id)
            timed.at.append(time.perf_counter() - asked)
    return timed


@dataclass(slots=True)
class Bench:
    """What every part works with."""

    folder: Path
    engine: MlxEngine
    rows: list[tuple[str, str, str]] = field(default_factory=list)

    def row(self, what: str, measured: str, wanted: str = "") -> None:
        """One line of the table."""
        self.rows.append((what, measured, wanted))
        print(f"  {what:62} {measured:>34}   {wanted}", flush=True)


def p50_p95(values: Sequence[float]) -> str:
    """Both, in milliseconds."""
    p50, p95 = percentile(values, 0.5), percentile(values, 0.95)
    return f"{p50:.1f} / {p95:.1f} ms" if p50 is not None and p95 is not None else "-"


def random_model(folder: Path) -> Path:
    """The model of the benchmarks: a decode step and a prefill in the real model's proportion."""
    from qwen_lsp.starter.model_files import write_random_model

    return write_random_model(folder, hidden=128, layers=4, experts=8, top_k=2, expert_width=128)
