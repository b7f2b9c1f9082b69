"""A tiny random model for tests, made once per test run."""

from __future__ import annotations

import functools
import tempfile
from pathlib import Path
from typing import Any

from qwen_lsp.engine.request import Chunk, Lane, Marker, Request, Text, TextPrompt, Usage


@functools.cache
def random_model() -> Path:
    """A folder with a random 4-bit Qwen3-MoE; the same in the whole run."""
    from qwen_lsp.starter.model_files import write_random_model

    return write_random_model(Path(tempfile.mkdtemp(prefix="qwen-lsp-test-model-")), hidden=64, layers=2)


@functools.cache
def reference() -> tuple[Any, Any]:
    """The same model as mlx-lm loads it, in the arithmetic our engine uses here."""
    import mlx.core as mx
    from mlx_lm import load

    model, tokenizer = load(str(random_model()))[:2]
    if mx.default_device().type == mx.DeviceType.cpu:
        model.set_dtype(mx.float32)
    mx.eval(model.parameters())
    return model, tokenizer


@functools.cache
def _reader() -> Any:
    from qwen_lsp.engine.mlx.tokenizer import PromptReader

    return PromptReader(reference()[1])


def fim(prefix: str, suffix: str, typed: str) -> TextPrompt:
    """The anchored layout: what has been typed comes after the middle marker."""
    return TextPrompt(
        (
            Marker("<|fim_prefix|>"),
            Text(prefix),
            Marker("<|fim_suffix|>"),
            Text(suffix),
            Marker("<|fim_middle|>"),
            Text(typed),
        )
    )


def plain(text: str, **options: Any) -> Request:
    """A completion of plain text."""
    return Request(TextPrompt((Text(text),)), **{"lane": Lane.CHAT, **options})


class Reply:
    """An answer, gathered."""

    def __init__(self) -> None:
        self.chunks: list[Chunk] = []

    @property
    def text(self) -> str:
        """The text of answer 0."""
        return self.text_of(0)

    def text_of(self, index: int) -> str:
        """The text of one answer."""
        return "".join(c.text for c in self.chunks if c.index == index)

    def ids_of(self, index: int = 0) -> list[int]:
        """The token ids of one answer."""
        return [t.id for c in self.chunks if c.index == index for t in c.tokens]

    @property
    def usage(self) -> Usage:
        """What it cost."""
        return [c.usage for c in self.chunks if c.usage is not None][-1]


async def ask(engine: Any, request: Request) -> Reply:
    """The whole reply; checks that each answer ends exactly once."""
    reply = Reply()
    async for chunk in engine.generate(request):
        reply.chunks.append(chunk)
    ends = [c.index for c in reply.chunks if c.finish is not None]
    assert sorted(ends) == list(range(max(1, request.n)))
    return reply


def theirs(text: str, count: int) -> list[int]:
    """Greedy tokens by mlx_lm.stream_generate, without the one that ends it."""
    from mlx_lm import stream_generate

    model, tokenizer = reference()
    # A random model also writes markers' spellings, which are plain letters when they come back as a prompt.
    prompt = _reader().plain(text)
    ids = [r.token for r in stream_generate(model, tokenizer, prompt, max_tokens=count)]
    return [i for i in ids if i not in tokenizer.eos_token_ids]
