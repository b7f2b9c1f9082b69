"""The one seam between asking and answering: every engine wears this, and so do wrappers around engines."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import Protocol, runtime_checkable

from qwen_lsp.engine.request import Chunk, EngineInfo, Request, Usage


@runtime_checkable
class Engine(Protocol):
    """Prompts in, text out.

    Called from one asyncio loop. `generate` raises an EngineError before or between chunks when it cannot
    go on; otherwise each answer index ends with exactly one chunk that has `finish`. Closing the generator
    (`aclose`, or the task being cancelled) aborts: the engine stops before its next step and keeps what it
    prefilled.
    """

    def generate(self, request: Request) -> AsyncGenerator[Chunk, None]:
        """Stream the answer."""
        ...

    async def warm(self, request: Request) -> Usage:
        """Prefill the prompt and keep it, generating nothing; gives way to anything else."""
        ...

    async def info(self) -> EngineInfo:
        """What it is and how it is doing; quick, never raises."""
        ...

    async def close(self) -> None:
        """Abort everything and let go of memory; may be called twice."""
        ...


async def collect(engine: Engine, request: Request) -> tuple[str, Usage]:
    """The whole answer of index 0 at once, with what it cost."""
    pieces: list[str] = []
    usage = Usage()
    async for chunk in engine.generate(request):
        if chunk.index == 0:
            pieces.append(chunk.text)
        usage = chunk.usage or usage
    return "".join(pieces), usage
