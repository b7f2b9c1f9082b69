"""An engine that is loaded behind the scenes, watched, rebuilt when it breaks, switched, and unloaded when idle."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing, suppress
from dataclasses import replace

from qwen_lsp.engine.base import Engine, Tokenizer, failure_of, tokenizer_of
from qwen_lsp.engine.recording import KEPT, Recorder
from qwen_lsp.engine.request import Chunk, EngineInfo, Lane, Request, Usage
from qwen_lsp.errors import EngineError, EngineUnavailable
from qwen_lsp.metrics import RequestTrace, Ring

log = logging.getLogger(__name__)

Report = Callable[[float | None, str, float | None], None]
"""(share 0..1 or None, what is being done, seconds left or None); may be called in any thread."""
Load = Callable[[str, Report], Awaitable[Engine]]

_WAIT_S = {Lane.INLINE: 0.5, Lane.WARM: 0.5, Lane.ACTION: 15.0, Lane.CHAT: 15.0}
"""How long a request waits for a model that is still loading."""
_MOST_REBUILDS = 5
_CALM_S = 600.0
"""A rebuild longer ago than this no longer counts against the limit."""
_FIRST_BACK_OFF_S = 0.5


class SupervisedEngine:
    """Wraps whatever `load` makes. Loading starts with the first use inside a running loop, or at once in one."""

    def __init__(
        self,
        load: Load,
        *,
        find: Callable[[str], object] = lambda model: None,
        model: str = "",
        keep_alive_s: float = 0.0,
        requests: Ring[RequestTrace] | None = None,
    ) -> None:
        """`find` raises when a model is not here: asked before the old one is let go of, in a thread of its own."""
        self._load = load
        self._find = find
        self._model = model
        self._keep_alive_s = keep_alive_s
        self._engine: Engine | None = None
        self._loading: asyncio.Task[None] | None = None
        self._idle_watch: asyncio.Task[None] | None = None
        self._failure: EngineError | None = None
        self._progress: tuple[float | None, str, float | None] = (None, "Starting", None)
        self._rebuilds: list[float] = []
        self._last_info: EngineInfo | None = None
        self._unloaded = False
        self._closed = False
        self._last_used = time.monotonic()
        self._busy = 0
        self._changing = asyncio.Lock()
        self.requests: Ring[RequestTrace] = requests or Ring(KEPT)
        with suppress(RuntimeError):
            asyncio.get_running_loop()
            self.start()

    @property
    def model(self) -> str:
        """The model as it was asked for, so that it can be switched back to; empty for the default choice."""
        return self._model

    def start(self) -> None:
        """Begin to load, unless that is done or under way."""
        if self._engine is None and self._loading is None and not self._closed:
            self._failure, self._unloaded = None, False
            self._progress = (None, f"Loading {self._model or 'the model'}", None)
            self._loading = asyncio.create_task(self._bring_up(self._model, 0.0))
        if self._keep_alive_s > 0 and self._idle_watch is None:
            self._idle_watch = asyncio.create_task(self._watch_idle())

    async def generate(self, request: Request) -> AsyncGenerator[Chunk, None]:
        """Stream the answer; waits a little for a model that is still loading."""
        recorder = Recorder(request, self.requests, self._name())
        self._busy += 1
        try:
            engine = await self._ready(_WAIT_S[request.lane])
            async with aclosing(engine.generate(request)) as stream:
                async for chunk in stream:
                    recorder.saw(chunk)
                    yield chunk
        except EngineError as error:
            recorder.failed(error)
            await self._look_after_failure()
            raise
        finally:
            self._busy -= 1
            self._last_used = time.monotonic()
            recorder.close()

    async def warm(self, request: Request) -> Usage:
        """Prefill and keep."""
        self._busy += 1
        try:
            engine = await self._ready(_WAIT_S[Lane.WARM])
            return await engine.warm(request)
        except EngineError:
            await self._look_after_failure()
            raise
        finally:
            self._busy -= 1
            self._last_used = time.monotonic()

    async def tokenizer(self) -> Tokenizer | None:
        """The loaded model's; waits a little for a model that is still loading."""
        return await tokenizer_of(await self._ready(_WAIT_S[Lane.ACTION]))

    async def info(self) -> EngineInfo:
        """What it is and how it is doing, also while there is no engine yet."""
        if (engine := self._engine) is not None:
            info = await engine.info()
            if info.state != "failed":
                self._last_info = info
                return info
            await self._replace(engine, info.detail)
        if self._failure is not None:
            return EngineInfo(kind="mlx", model=self._model, state="failed", detail=str(self._failure))
        if self._unloaded and self._last_info is not None:
            said = "Unloaded because nobody used it; it loads again with the next request."
            return replace(self._last_info, detail=said, load=())
        share, what, left = self._progress
        return EngineInfo(
            kind="mlx",
            model=self._model,
            state="loading",
            detail=f"{what}.",
            progress=share,
            seconds_left=left,
        )

    async def switch(self, model: str) -> EngineInfo:
        """Load another model instead. When that fails the old one comes back, and the error is raised."""
        async with self._changing:
            await asyncio.to_thread(self._find, model)
            old = self._model
            await self._drop()
            self._model, self._rebuilds = model, []
            self.start()
            await self._wait_loaded()
            if self._failure is None:
                return await self.info()
            failure = self._failure
            await self._drop()
            self._model = old
            self.start()
            raise failure

    async def unload(self) -> None:
        """Let go of the model until somebody asks again."""
        async with self._changing:
            if self._engine is not None:
                self._last_info = await self._engine.info()
                self._unloaded = True
                await self._drop()

    async def close(self) -> None:
        """Abort everything and let go of the model; may be called twice."""
        self._closed = True
        if self._idle_watch is not None:
            self._idle_watch.cancel()
        await self._drop()

    # -- coming up -----------------------------------------------------------------------------------------

    async def _bring_up(self, model: str, wait_s: float) -> None:
        try:
            await asyncio.sleep(wait_s)
            self._engine = await self._load(model, self._report)
            self._failure = None
        except EngineError as error:
            self._failure = error
        except Exception as error:
            log.exception("Loading failed")
            self._failure = EngineUnavailable(
                f"The engine could not be started: {error}. Run qwen-lsp doctor."
            )
        finally:
            self._loading = None

    def _report(self, share: float | None, what: str, seconds_left: float | None) -> None:
        self._progress = (share, what.rstrip("."), seconds_left)

    async def _ready(self, wait_s: float) -> Engine:
        if self._closed:
            raise EngineUnavailable("The engine was closed.")
        await self._look_after_failure()
        if self._failure is None:
            self.start()
        if self._loading is not None:
            await asyncio.wait({self._loading}, timeout=wait_s)
        if self._engine is not None:
            return self._engine
        if self._failure is not None:
            raise self._failure
        share, what, left = self._progress
        done = "" if share is None else f" ({share:.0%})"
        soon = "" if left is None else f", about {left:.0f} s left"
        raise EngineUnavailable(f"The model is still loading: {what}{done}{soon}. Try again then.")

    async def _wait_loaded(self) -> None:
        while self._loading is not None:
            await asyncio.wait({self._loading})

    # -- breaking and going --------------------------------------------------------------------------------

    async def _look_after_failure(self) -> None:
        """When the engine has died, put a new one in its place, later each time and not for ever."""
        engine = self._engine
        if engine is not None and self._loading is None and (failure := await failure_of(engine)):
            await self._replace(engine, failure)

    async def _replace(self, broken: Engine, failure: str) -> None:
        if self._engine is not broken or self._loading is not None:
            return
        now = time.monotonic()
        self._rebuilds = [at for at in self._rebuilds if now - at < _CALM_S]
        self._engine = None
        if len(self._rebuilds) >= _MOST_REBUILDS:
            self._failure = EngineUnavailable(
                f"The engine broke {len(self._rebuilds) + 1} times and is left alone now. Last: {failure} "
                "Choose another model, or restart with: qwen-lsp serve --stop, then qwen-lsp serve"
            )
        else:
            wait_s = 0.0 if not self._rebuilds else _FIRST_BACK_OFF_S * 2 ** len(self._rebuilds)
            self._rebuilds.append(now)
            self._progress = (None, f"Starting again after a failure ({failure.rstrip('.')})", None)
            self._loading = asyncio.create_task(self._bring_up(self._model, wait_s))
        with suppress(Exception):
            await broken.close()

    async def _drop(self) -> None:
        loading, self._loading = self._loading, None
        if loading is not None:
            loading.cancel()
            await asyncio.wait({loading})
        engine, self._engine = self._engine, None
        self._failure = None
        if engine is not None:
            await engine.close()

    async def _watch_idle(self) -> None:
        while True:
            idle_s = time.monotonic() - self._last_used
            if self._busy == 0 and idle_s >= self._keep_alive_s:
                await self.unload()
                idle_s = 0.0
            await asyncio.sleep(max(0.05, self._keep_alive_s - idle_s))

    def _name(self) -> str:
        return self._last_info.model if self._last_info is not None else self._model
