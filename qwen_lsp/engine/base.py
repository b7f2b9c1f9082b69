"""The one seam between asking and answering: every engine wears this, and so do wrappers around engines."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from typing import Protocol, runtime_checkable

from qwen_lsp.engine.request import ChatPrompt, Chunk, EngineInfo, Request, TextPrompt, Usage
from qwen_lsp.errors import EngineError
from qwen_lsp.metrics import RequestTrace, Ring


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


@runtime_checkable
class Switchable(Protocol):
    """An engine whose model can be changed or let go of while it runs; the change is everyone's."""

    @property
    def model(self) -> str:
        """The model as it was asked for; empty for the default choice."""
        ...

    async def switch(self, model: str) -> EngineInfo:
        """Load another. Raises EngineError, with the old one back, when that is not possible."""
        ...

    async def unload(self) -> None:
        """Let go of the model until somebody asks again."""
        ...


@runtime_checkable
class Recording(Protocol):
    """An engine that keeps a record of each request."""

    requests: Ring[RequestTrace]


@runtime_checkable
class Addressed(Protocol):
    """An engine that is reached at an address which also serves the page."""

    @property
    def address(self) -> str:
        """The page's address; empty while there is none."""
        ...


@runtime_checkable
class Breakable(Protocol):
    """An engine that can say at no cost whether it has broken."""

    @property
    def failure(self) -> EngineError | None:
        """Why it answers no more; None while it lives."""
        ...


class Tokenizer(Protocol):
    """How a model cuts text into tokens. Each may wait for the model to be there and raise an EngineError."""

    async def encode(self, prompt: TextPrompt | ChatPrompt) -> list[int]:
        """The token ids the model would read for this prompt."""
        ...

    async def decode(self, tokens: Sequence[int]) -> str:
        """The text of token ids; an id beyond the vocabulary has none, broken UTF-8 becomes U+FFFD."""
        ...

    async def template(self, prompt: ChatPrompt) -> str:
        """The conversation as the model's chat template writes it."""
        ...


@runtime_checkable
class TokenizerSource(Protocol):
    """An engine that may show how its model reads text."""

    async def tokenizer(self) -> Tokenizer | None:
        """The model's tokenizer; None when this engine does not know it. May raise an EngineError."""
        ...


async def tokenizer_of(engine: Engine) -> Tokenizer | None:
    """The engine's tokenizer, when it knows one."""
    return await engine.tokenizer() if isinstance(engine, TokenizerSource) else None


def switchable(engine: Engine) -> Switchable | None:
    """The engine, when its model can be changed."""
    return engine if isinstance(engine, Switchable) else None


def address_of(engine: Engine | None) -> str:
    """Where the engine's page is; empty for an engine without one."""
    return engine.address if isinstance(engine, Addressed) else ""


async def failure_of(engine: Engine) -> str:
    """Why the engine answers no more; empty while it lives."""
    if isinstance(engine, Breakable):
        return "" if engine.failure is None else str(engine.failure)
    info = await engine.info()
    return info.detail if info.state == "failed" else ""


async def collect(engine: Engine, request: Request) -> tuple[str, Usage]:
    """The whole answer of index 0 at once, with what it cost."""
    pieces: list[str] = []
    usage = Usage()
    async for chunk in engine.generate(request):
        if chunk.index == 0:
            pieces.append(chunk.text)
        usage = chunk.usage or usage
    return "".join(pieces), usage
