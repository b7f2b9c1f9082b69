"""An engine that comes and goes: loads behind the scenes, reports how far it is, is rebuilt after a crash, switched
and unloaded."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncGenerator, Awaitable, Callable

from qwen_lsp.engine.base import Engine
from qwen_lsp.engine.request import Chunk, EngineInfo, Request, Usage
from qwen_lsp.errors import EngineUnavailable, GenerationFailed, QwenLspError

log = logging.getLogger(__name__)

Report = Callable[[float | None, str, float | None], None]
"""(share 0..1 or None, sentence, seconds left or None); may be called from any thread"""
Load = Callable[[str, Report], Awaitable[Engine]]
"""Opens the named model ("" for the default), reporting on the way"""

_REBUILD_PAUSES_S = (0.0, 0.5, 2.0, 5.0)
_IDLE_LOOK_S = 1.0


class ManagedEngine:
    """Wears the Engine seam around whichever engine is loaded now. Lives on one asyncio loop."""

    def __init__(self, load: Load, *, model: str = "", keep_alive_s: float = 0.0) -> None:
        self._load = load
        self._model = model
        self._keep_alive_s = keep_alive_s
        self._engine: Engine | None = None
        self._loading: asyncio.Task[None] | None = None
        self._idle: asyncio.Task[None] | None = None
        self._progress: tuple[float | None, str, float | None] = (None, "Starting", None)
        self._error: QwenLspError | None = None
        self._crashes = 0
        self._in_flight = 0
        self._used_at_s = time.monotonic()
        self._unloaded = False
        self._closed = False

    # The Engine seam

    async def generate(self, request: Request) -> AsyncGenerator[Chunk, None]:
        """Stream from the loaded engine. Raises EngineUnavailable while it loads, the load's own error when it failed."""
        engine = self._ready_engine()
        self._in_flight += 1
        try:
            stream = engine.generate(request)
            async with contextlib.aclosing(stream):
                async for chunk in stream:
                    yield chunk
            self._crashes = 0
        except GenerationFailed:
            await self._look_for_crash(engine)
            raise
        finally:
            self._in_flight -= 1
            self._used_at_s = time.monotonic()

    async def warm(self, request: Request) -> Usage:
        """Prefill when an engine is loaded; otherwise nothing."""
        return await self._engine.warm(request) if self._engine is not None else Usage()

    async def info(self) -> EngineInfo:
        """The loaded engine's, or how far loading is, or why it failed."""
        self.start()
        if self._engine is not None:
            info = await self._engine.info()
            if info.state == "failed":
                await self._look_for_crash(self._engine)
            return info
        share, sentence, left = self._progress
        if self._error is not None:
            return EngineInfo("mlx", self._model, "failed", str(self._error))
        if self._unloaded:
            return EngineInfo(
                "mlx", self._model, "none", "Unloaded while idle; the next request loads it again."
            )
        return EngineInfo("mlx", self._model, "loading", sentence, share, left)

    async def close(self) -> None:
        """Stop loading, close the engine."""
        self._closed = True
        await self._drop()
        if self._idle is not None:
            self._idle.cancel()

    # Control

    def start(self) -> None:
        """Begin to load, unless that is done, under way, or failed for good."""
        if self._engine is None and self._loading is None and self._error is None and not self._unloaded:
            self._begin()

    async def ready(self) -> None:
        """Wait until it is loaded. Raises what loading raised."""
        self.start()
        if self._loading is not None:
            await asyncio.shield(self._loading)
        if self._error is not None:
            raise self._error

    async def switch(self, model: str) -> None:
        """Load another model in place of this one; whoever is being answered is aborted."""
        await self._drop()
        self._model = model
        self._begin()

    async def unload(self) -> None:
        """Let go of the model's memory until the next request."""
        await self._drop()
        self._unloaded = True

    # Inside

    def _ready_engine(self) -> Engine:
        if self._closed:
            raise EngineUnavailable("The engine is shutting down.")
        if self._unloaded:
            self._unloaded = False
            self._begin()
        self.start()
        if self._engine is not None:
            return self._engine
        if self._error is not None:
            raise self._error
        share, sentence, left = self._progress
        how_far = "" if share is None else f" ({share:.0%} done)"
        wait = "" if left is None else f", about {left:.0f} s left"
        raise EngineUnavailable(f"The model is not ready yet: {sentence}{how_far}{wait}.")

    def _begin(self, pause_s: float = 0.0) -> None:
        self._error, self._unloaded = None, False
        self._progress = (None, "Starting", None)
        self._loading = asyncio.create_task(self._load_now(pause_s))
        if self._keep_alive_s > 0 and self._idle is None:
            self._idle = asyncio.create_task(self._watch_idle())

    async def _load_now(self, pause_s: float) -> None:
        try:
            await asyncio.sleep(pause_s)
            self._engine = await self._load(self._model, self._report)
        except QwenLspError as error:
            self._error = error
        except asyncio.CancelledError:
            raise
        except Exception as error:  # a library's own error: the user still gets a sentence
            log.exception("loading failed")
            self._error = EngineUnavailable(
                f"The model could not be loaded: {type(error).__name__}: {error}."
            )
        finally:
            self._loading = None
            self._used_at_s = time.monotonic()

    def _report(self, share: float | None, sentence: str, seconds_left: float | None) -> None:
        self._progress = (share, sentence, seconds_left)

    async def _look_for_crash(self, engine: Engine) -> None:
        """Build a new engine when this one has died; after too many deaths say so instead."""
        if engine is not self._engine or (await engine.info()).state != "failed":
            return
        detail = (await engine.info()).detail
        await self._drop()
        if self._crashes >= len(_REBUILD_PAUSES_S):
            self._error = EngineUnavailable(
                f"The engine died {self._crashes} times in a row ({detail}). Restart it with: qwen-lsp serve"
            )
            return
        self._begin(_REBUILD_PAUSES_S[self._crashes])
        self._crashes += 1

    async def _drop(self) -> None:
        loading, self._loading = self._loading, None
        if loading is not None:
            loading.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await loading
        engine, self._engine = self._engine, None
        if engine is not None:
            await engine.close()

    async def _watch_idle(self) -> None:
        while not self._closed:
            await asyncio.sleep(min(_IDLE_LOOK_S, self._keep_alive_s))
            idle_s = time.monotonic() - self._used_at_s
            if self._engine is not None and not self._in_flight and idle_s >= self._keep_alive_s:
                await self.unload()
