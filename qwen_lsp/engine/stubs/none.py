"""The engine that is none: a supported way to live, with suggestions from the user's own code only."""

from __future__ import annotations

from collections.abc import AsyncGenerator

from qwen_lsp.engine.request import Chunk, EngineInfo, Request, Usage
from qwen_lsp.errors import EngineUnavailable


class NoEngine:
    """Answers nothing and says why."""

    def __init__(self, why: str = "No model is used (engine.kind = none).") -> None:
        self._why = why

    async def generate(self, request: Request) -> AsyncGenerator[Chunk, None]:
        """Always raises EngineUnavailable."""
        raise EngineUnavailable(self._why)
        yield Chunk()  # what makes this a generator

    async def warm(self, request: Request) -> Usage:
        """Nothing to warm."""
        return Usage()

    async def info(self) -> EngineInfo:
        """State `none`, with the reason."""
        return EngineInfo(kind="none", model="", state="none", detail=self._why)

    async def close(self) -> None:
        """Nothing to let go of."""
