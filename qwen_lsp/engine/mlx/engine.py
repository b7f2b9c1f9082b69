"""The MLX engine as everyone sees it: an Engine whose work is done in one thread of its own."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from qwen_lsp.engine.mlx.worker import Outcome, Result, Worker, WorkerFacts
from qwen_lsp.engine.models.local import model_name
from qwen_lsp.engine.request import ChatPrompt, Chunk, EngineInfo, Finish, Request, State, TextPrompt, Usage
from qwen_lsp.engine.scheduler import Ended
from qwen_lsp.errors import EngineError, GenerationFailed
from qwen_lsp.settings import EngineSettings

if TYPE_CHECKING:
    from qwen_lsp.engine.mlx.engine_state import EngineState

_Item = Chunk | Outcome


class MlxEngine:
    """One model on this machine. Loading begins at once; `ready` waits for it."""

    def __init__(
        self,
        folder: Path,
        settings: EngineSettings,
        *,
        on_progress: Callable[[float | None, str], None] | None = None,
    ) -> None:
        self._name = model_name(folder)
        self._on_progress = on_progress
        self._doing = f"Loading {self._name}"
        self._post: _LoopBridge | None = None
        self._worker = Worker(folder, settings, self._progressed)

    async def ready(self) -> None:
        """Wait until the model answers. Raises ModelNotFound, EngineMissing or NotEnoughMemory."""
        await asyncio.shield(asyncio.wrap_future(self._worker.ready))

    async def generate(self, request: Request) -> AsyncGenerator[Chunk, None]:
        """Stream the answer (engine/base.py says what ends it)."""
        await self.ready()
        stream = self._stream()
        job = self._worker.submit(request, stream.deliver)
        open_answers = set(range(max(1, request.n)))
        try:
            while True:
                item = await stream.items.get()
                if isinstance(item, Chunk):
                    if item.finish is not None:
                        open_answers.discard(item.index)
                    yield item
                    continue
                for chunk in _ending(item, sorted(open_answers)):
                    yield chunk
                return
        finally:
            self._worker.scheduler.abort(job)

    async def warm(self, request: Request) -> Usage:
        """Read the prompt and keep it; generates nothing."""
        await self.ready()
        stream = self._stream()
        job = self._worker.submit(request, stream.deliver, warm=True)
        try:
            while True:
                item = await stream.items.get()
                if not isinstance(item, Chunk):
                    _raise_failure(item.ended)
                    return item.usage
        finally:
            self._worker.scheduler.abort(job)

    async def tokenizer(self) -> MlxTokenizer:
        """The loaded model's."""
        await self.ready()
        return MlxTokenizer(self._worker)

    async def info(self) -> EngineInfo:
        """What it is and how it is doing."""
        ready, failure = self._worker.ready, self._worker.failure
        if failure is not None:
            return self._info("failed", str(failure))
        if not ready.done():
            return replace(self._info("loading", self._doing), progress=None)
        return self._loaded_info(ready.result())

    @property
    def failure(self) -> EngineError | None:
        """Why it answers no more; None while it lives."""
        return self._worker.failure

    async def close(self) -> None:
        """Abort everything and let go of the model."""
        await asyncio.to_thread(self._worker.close)

    def _stream(self) -> _Stream:
        loop = asyncio.get_running_loop()
        if self._post is None or self._post.loop is not loop:
            self._post = _LoopBridge(loop)
        return _Stream(self._post)

    def _loaded_info(self, facts: WorkerFacts) -> EngineInfo:
        depths = self._worker.scheduler.depths()
        load = {f"queue_{lane.name.lower()}": float(n) for lane, n in depths.items()}
        return replace(
            self._info("ready", _described(facts)),
            model=facts.name,
            progress=1.0,
            is_starter=facts.is_starter,
            fim=facts.fim,
            context_tokens=facts.context_tokens,
            shape=facts.shape,
            load=tuple({**load, **self._worker.gauges}.items()),
        )

    def _info(self, state: State, detail: str) -> EngineInfo:
        return EngineInfo(kind="mlx", model=self._name, state=state, detail=detail)

    def _progressed(self, share: float | None, what: str) -> None:
        self._doing = what
        if self._on_progress is not None:
            self._on_progress(share, what)


class MlxTokenizer:
    """The loaded model's tokenizer, used in the worker's thread."""

    def __init__(self, worker: Worker) -> None:
        self._worker = worker

    async def encode(self, prompt: TextPrompt | ChatPrompt) -> list[int]:
        """The token ids the model would read."""
        return await self._in_thread(lambda machine: machine.reader.read(prompt).tokens)

    async def decode(self, tokens: Sequence[int]) -> str:
        """The text of token ids."""
        return await self._in_thread(lambda machine: machine.reader.text(tokens))

    async def template(self, prompt: ChatPrompt) -> str:
        """The conversation as the chat template writes it."""
        return await self._in_thread(lambda machine: machine.reader.template(prompt))

    async def _in_thread(self, work: Callable[[EngineState], Result]) -> Result:
        return await asyncio.wrap_future(self._worker.compute(work))


class _LoopBridge:
    """Carries items from the worker thread into one asyncio loop; rings once for all that lies there."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self._bag: deque[tuple[asyncio.Queue[_Item], list[_Item]]] = deque()
        self._rung = False

    def drop(self, reader: asyncio.Queue[_Item], items: list[_Item]) -> None:
        """Called in the worker thread; a loop that is gone has nobody waiting."""
        self._bag.append((reader, items))
        if self._rung:
            return
        self._rung = True
        try:
            self.loop.call_soon_threadsafe(self._hand_out)
        except RuntimeError:
            if not self.loop.is_closed():
                raise

    def _hand_out(self) -> None:
        # Before looking into the bag: what is put in from now on rings again.
        self._rung = False
        while self._bag:
            reader, items = self._bag.popleft()
            for item in items:
                reader.put_nowait(item)


class _Stream:
    """What one reader is sent."""

    def __init__(self, post: _LoopBridge) -> None:
        self.items: asyncio.Queue[_Item] = asyncio.Queue()
        self._post = post

    def deliver(self, items: list[_Item]) -> None:
        """Called in the worker thread."""
        self._post.drop(self.items, items)


def _ending(outcome: Outcome, open_answers: list[int]) -> list[Chunk]:
    """The last chunk of each answer that has none yet."""
    _raise_failure(outcome.ended)
    finish = Finish("abort", outcome.ended.detail)
    last = max(open_answers, default=-1)
    return [Chunk(index=i, finish=finish, usage=outcome.usage if i == last else None) for i in open_answers]


def _raise_failure(ended: Ended) -> None:
    if ended.how != "failed":
        return
    if isinstance(ended.error, EngineError):
        raise ended.error
    raise GenerationFailed(
        f"The generation broke off: {ended.error}. Ask again; if this repeats, run qwen-lsp doctor."
    ) from ended.error


def _described(facts: WorkerFacts) -> str:
    if facts.is_starter:
        return (
            "This is the starter model: it knows a handful of sample programs and nothing else. "
            "Get the real model with: qwen-lsp pull"
        )
    if not facts.can_trim:
        return (
            f"{facts.name}, on this machine. Its cache cannot go back, so a prefix is used again only from "
            "points that were kept"
        )
    return f"{facts.name}, on this machine"
