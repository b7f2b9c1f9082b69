"""The one thread that touches MLX: loads the model, then takes step after step of what is asked."""

from __future__ import annotations

import logging
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from qwen_lsp.engine.mlx.delivery import Deliver
from qwen_lsp.engine.models.local import model_name
from qwen_lsp.engine.request import Lane, ModelShape, Request, Usage
from qwen_lsp.engine.scheduler import Ended, ScheduledJob, Scheduler, Steps
from qwen_lsp.errors import EngineError, EngineMissing, EngineUnavailable, GenerationFailed
from qwen_lsp.settings import EngineSettings

if TYPE_CHECKING:
    from qwen_lsp.engine.mlx.engine_state import EngineState
    from qwen_lsp.engine.mlx.loader import LoadedModel

log = logging.getLogger(__name__)
Result = TypeVar("Result")

_TICK_S = 0.5
_SWITCH_S = 2e-5
_TIDY_AFTER_S = 2.0
CLOSED = "The engine was closed."


@dataclass(frozen=True, slots=True)
class WorkerFacts:
    """What is known of the model once it is loaded; plain values, for any thread."""

    name: str
    fim: str | None
    is_starter: bool
    context_tokens: int
    shape: ModelShape
    can_trim: bool


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a request ended and what it cost; delivered last."""

    ended: Ended
    usage: Usage


class Worker:
    """Owns the thread, and through it the model, the KV store and every array."""

    def __init__(
        self, folder: Path, settings: EngineSettings, progress: Callable[[float | None, str], None]
    ) -> None:
        self._folder = folder
        self._settings = settings
        self._progress = progress
        self._awake = threading.Event()
        self._closing = False
        self._machine: EngineState | None = None
        self._last_work = time.monotonic()
        self.scheduler = Scheduler(wake=self._awake.set)
        self.ready: Future[WorkerFacts] = Future()
        self.failure: EngineError | None = None
        self.gauges: dict[str, float] = {}
        self._thread = threading.Thread(target=self._run, name="qwen-lsp mlx", daemon=True)
        self._thread.start()

    def submit(self, request: Request, deliver: Deliver, *, warm: bool = False) -> ScheduledJob:
        """Queue a request. `deliver` is called in the worker's thread with chunks and at last an Outcome."""
        from qwen_lsp.engine.mlx.generation import MlxGeneration

        machine = self._machine
        if machine is None:
            raise self.failure or EngineUnavailable("The model is not loaded; try again in a moment.")
        generation = MlxGeneration(machine, request, deliver, warm=warm)
        return self.scheduler.submit(
            generation.steps(),
            lane=Lane.WARM if warm else request.lane,
            on_end=lambda ended: machine.outbox.put(deliver, Outcome(ended, generation.usage()), now=True),
            supersedes=request.supersedes,
        )

    def compute(self, work: Callable[[EngineState], Result]) -> Future[Result]:
        """Run `work` in the thread, as one step before everything but suggestions that came earlier."""
        done: Future[Result] = Future()

        def steps() -> Steps:
            assert self._machine is not None
            done.set_result(work(self._machine))
            return
            yield None  # makes this a generator

        def ended(how: Ended) -> None:
            if not done.done():
                done.set_exception(how.error or EngineUnavailable(how.detail or CLOSED))

        self.scheduler.submit(steps(), lane=Lane.INLINE, on_end=ended)
        return done

    def close(self) -> None:
        """Abort everything and let go of the model; returns when the thread is gone. May be called twice."""
        self._closing = True
        self._awake.set()
        self._thread.join()

    # -- in the thread ------------------------------------------------------------------------------------

    def _run(self) -> None:
        # Whoever reads the tokens holds Python when a forward ends; the default lets that be 5 ms.
        sys.setswitchinterval(_SWITCH_S)
        try:
            facts = self._load()
        except BaseException as error:
            self._fail_to_load(error)
        else:
            self.ready.set_result(facts)
            self._live()
        finally:
            _forget_thread()

    def _live(self) -> None:
        try:
            self._serve()
        except BaseException as error:
            log.exception("The engine's thread failed")
            self.failure = GenerationFailed(
                f"The engine stopped after an internal error ({type(error).__name__}: {error}). "
                "It is started again by itself; if this repeats, run qwen-lsp doctor."
            )
            self.scheduler.fail(self.failure, str(self.failure))
        finally:
            self._let_go()

    def _load(self) -> WorkerFacts:
        from qwen_lsp.engine.mlx.loader import load

        self._progress(None, f"Loading {self._folder.name}")
        loaded = load(self._folder)
        from qwen_lsp.engine.mlx.engine_state import build_machine

        self._machine = build_machine(loaded, self._settings)
        self._measure()
        self._progress(1.0, f"{self._folder.name} is ready")
        return _facts(loaded, self._machine)

    def _fail_to_load(self, error: BaseException) -> None:
        if isinstance(error, ModuleNotFoundError):
            self.failure = EngineMissing(
                f"{error.name} is not installed or does not run here. Install it (pip install mlx-lm), or set engine.kind "
                "to demo, remote or none."
            )
        else:
            self.failure = (
                error
                if isinstance(error, EngineError)
                else GenerationFailed(f"The model in {self._folder} could not be started: {error}")
            )
        self.scheduler.fail(self.failure, str(self.failure))
        self.ready.set_exception(self.failure)

    def _serve(self) -> None:
        assert self._machine is not None
        tidy = True
        while not self._closing:
            if self.scheduler.step():
                self._last_work, tidy = time.monotonic(), False
                continue
            self._machine.outbox.flush()
            if not tidy and time.monotonic() - self._last_work > _TIDY_AFTER_S:
                self._tidy_up()
                tidy = True
            self._measure()
            self._awake.wait(self._pause_s(tidy))
            self._awake.clear()
        self.scheduler.close(CLOSED)

    def _pause_s(self, tidy: bool) -> float | None:
        """How long to sleep when nothing is asked; keeps the GPU awake meanwhile if that is wanted."""
        assert self._machine is not None
        warmth = self._machine.warmth
        idle_s = time.monotonic() - self._last_work
        if warmth is not None and warmth.is_wanted(idle_s):
            warmth.tick()
            return warmth.PERIOD_S
        return None if tidy else _TICK_S

    def _tidy_up(self) -> None:
        from qwen_lsp.engine.mlx.memory_guard import short_bytes

        assert self._machine is not None
        self._machine.store.check()
        self._machine.store.save()
        short = short_bytes()
        if short:
            self._machine.store.relieve(short)

    def _measure(self) -> None:
        import mlx.core as mx

        assert self._machine is not None
        self.gauges = {
            **self._machine.store.gauges(),
            "memory_active_bytes": float(mx.get_active_memory()),
            "memory_peak_bytes": float(mx.get_peak_memory()),
            "memory_cache_bytes": float(mx.get_cache_memory()),
            "prefill_chunk_tokens": float(self._machine.pace.chunk_tokens),
            "on_gpu": float(mx.default_device().type == mx.DeviceType.gpu),
        }

    def _let_go(self) -> None:
        import mlx.core as mx

        if self._machine is not None:
            if self.failure is None:
                self._machine.store.save()
            self._machine.store.clear()
        self._machine = None
        mx.clear_cache()


def _forget_thread() -> None:
    """Drop what MLX keeps for this thread.

    What is left is dropped by the system once Python holds the thread for ended, needs Python for it, and aborts
    the process ("terminate called without an active exception") when Python is just leaving.
    """
    mlx = sys.modules.get("mlx.core")  # not there when it could not be loaded
    if mlx is not None:
        mlx.clear_streams()


def _facts(loaded: LoadedModel, machine: EngineState) -> WorkerFacts:
    return WorkerFacts(
        "starter" if loaded.is_starter else model_name(loaded.folder),
        loaded.fim,
        loaded.is_starter,
        machine.context_tokens,
        loaded.shape,
        machine.store.can_trim,
    )
