"""The life of the host: one per user, on one port, found by its state file, gone when nobody needs it."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
import time
from collections.abc import Callable
from contextlib import suppress

from filelock import BaseFileLock, Timeout

from qwen_lsp import __version__
from qwen_lsp.engine.base import Engine
from qwen_lsp.errors import HostError
from qwen_lsp.host.control import ask_to_stop
from qwen_lsp.host.state_file import HostState, host_lock, new_state, read_state, remove_state, write_state
from qwen_lsp.server.activity import Activity
from qwen_lsp.server.app import build_app
from qwen_lsp.server.gateway import MakePage
from qwen_lsp.server.http_server import HttpServer, listen
from qwen_lsp.settings import Settings

log = logging.getLogger(__name__)

_LOCK_S = 0.3
_LEAVE_S = 15.0
_LOOK_S = 1.0


async def serve(
    settings: Settings, engine: Engine, page: MakePage | None, *, from_editor: bool = False
) -> int:
    """Run the host until it is stopped; the exit code. Raises HostError when it cannot begin."""
    _log_to_stderr()
    lock = await _become_the_host(from_editor=from_editor)
    try:
        return await _run(settings, engine, page, from_editor=from_editor)
    finally:
        await engine.close()
        lock.release()


async def _run(settings: Settings, engine: Engine, page: MakePage | None, *, from_editor: bool) -> int:
    socket = listen(settings.host, or_any=from_editor)
    state = new_state(settings.host.address, socket.getsockname()[1], from_editor=from_editor)
    activity = Activity()
    server: HttpServer

    def stop() -> None:
        remove_state(os.getpid())  # first, so that windows see it leave and not die
        server.should_exit = True

    app = build_app(
        engine,
        settings,
        token=state.token,
        make_page=page,
        stop=stop,
        activity=activity,
        from_editor=from_editor,
    )
    watches: list[asyncio.Task[None]] = []

    def begun() -> None:
        _announce(state, page is not None)
        watches.append(asyncio.create_task(_tell_progress(engine)))

    server = HttpServer(app, on_started=begun)
    _stop_on_signals(stop)
    if from_editor:
        watches.append(asyncio.create_task(_leave_when_idle(activity, settings.host.idle_exit_s, stop)))
    try:
        await server.serve(sockets=[socket])
    finally:
        remove_state(os.getpid())
        for watch in watches:
            watch.cancel()
    log.info("The host has stopped")
    return 0


async def _become_the_host(*, from_editor: bool) -> BaseFileLock:
    """Take the host's lock; a host that an editor started makes room for one the user starts."""
    lock, asked = host_lock(), False
    deadline = time.monotonic() + _LEAVE_S
    while True:
        try:
            await asyncio.to_thread(lock.acquire, timeout=_LOCK_S)
            return lock
        except Timeout:
            state = read_state()  # None: another is just leaving, or just coming
            stays = state is not None and (from_editor or not state.from_editor)
            if stays or time.monotonic() > deadline:
                raise HostError(_already(state)) from None
            if state is not None and not asked:
                log.info("Taking over from the host that an editor started (process %d)", state.pid)
                ask_to_stop(state)
                asked = True


def _already(state: HostState | None) -> str:
    where = f" at {state.url} (process {state.pid})" if state else ""
    return f"A host already runs{where}. Use it, or stop it with: qwen-lsp serve --stop"


def _announce(state: HostState, page: bool) -> None:
    write_state(state)
    log.info("qwen-lsp %s listens at %s", __version__, state.url)
    if page:
        log.info("  page  %s/", state.url)
    log.info("  API   %s/v1, as OpenAI's; /infill, as llama.cpp's", state.url)
    if not state.from_editor:
        log.info("  stop  Ctrl-C, or: qwen-lsp serve --stop")


async def _leave_when_idle(activity: Activity, after_s: float, stop: Callable[[], None]) -> None:
    while True:
        left_s = after_s - activity.idle_s()
        if left_s <= 0:
            break
        await asyncio.sleep(min(_LOOK_S, max(0.05, left_s)))
    log.info("Nobody has used this host for %.0f s; leaving", after_s)
    stop()


async def _tell_progress(engine: Engine) -> None:
    """What the engine does while it loads, as lines of the log."""
    told = ""
    while True:
        info = await engine.info()
        tenth = "" if info.progress is None else f" {int(info.progress * 10) * 10} %"
        words = info.detail + (tenth if info.state == "loading" else "")
        if words != told:
            told = words
            log.log(logging.ERROR if info.state == "failed" else logging.INFO, "%s: %s", info.state, words)
        await asyncio.sleep(_LOOK_S)


def _stop_on_signals(stop: Callable[[], None]) -> None:
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        with suppress(NotImplementedError, RuntimeError, ValueError):  # Windows, or not the main thread
            loop.add_signal_handler(number, stop)


def _log_to_stderr() -> None:
    ours = logging.getLogger("qwen_lsp")
    if not ours.handlers:
        handler = logging.StreamHandler(sys.stderr)
        handler.setFormatter(logging.Formatter("%(asctime)s %(message)s", "%H:%M:%S"))
        ours.addHandler(handler)
        ours.setLevel(logging.INFO)
