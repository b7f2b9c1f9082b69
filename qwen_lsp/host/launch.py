"""Starts a host for the editor windows: one, however many ask at once."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from pathlib import Path

from qwen_lsp import __version__
from qwen_lsp.errors import HostMismatch, HostUnreachable
from qwen_lsp.host.control import ask_to_stop, status_of_running, wait_gone
from qwen_lsp.host.state_file import HostState, log_file, read_state, somebody_is_host, start_lock
from qwen_lsp.settings import EngineSettings, HostSettings, Settings

_START_S = 60.0
_POLL_S = 0.05
_MAIN = "import sys; sys.path.append(sys.argv.pop(1)); from qwen_lsp.cli.main import main; sys.exit(main())"


def running() -> HostState | None:
    """The host of this user that answers, whatever its version."""
    state = read_state()
    return state if state is not None and status_of_running(state) is not None else None


def find_or_start(settings: Settings) -> HostState:
    """The running host, or a new one. Blocks. Raises HostUnreachable or HostMismatch."""
    found = _usable(running())
    if found is not None:
        return found
    with start_lock().acquire(timeout=2 * _START_S):
        found = _usable(running() or _slow_one())
        return found if found is not None else _start(settings)


def still_lives(pid: int) -> bool:
    """Whether this process is the host, be it too busy to answer."""
    state = read_state()
    return state is not None and state.pid == pid and somebody_is_host()


def _slow_one() -> HostState | None:
    """A host that lives and does not answer in time, because the machine is busy: it is waited for, not doubled."""
    deadline = time.monotonic() + _START_S
    while (state := read_state()) is not None and somebody_is_host():
        if status_of_running(state) is not None:
            return state
        if time.monotonic() > deadline:
            raise HostUnreachable(
                f"The host (process {state.pid}) lives and does not answer. End it with: kill {state.pid}"
            )
        time.sleep(_POLL_S)
    return None


def _usable(state: HostState | None) -> HostState | None:
    """The host if this version may use it; an older one that an editor started makes room."""
    if state is None or state.version == __version__:
        return state
    from packaging.version import Version  # only where two versions meet

    if Version(state.version) > Version(__version__):
        raise HostMismatch(
            f"The running host is newer ({state.version}) than this window ({__version__}). Restart the editor."
        )
    if not state.from_editor:
        raise HostMismatch(
            f"The running host is older ({state.version}) than this window ({__version__}). "
            "Restart it with: qwen-lsp serve --stop, then qwen-lsp serve"
        )
    ask_to_stop(state)
    wait_gone(state, 15.0)
    return None


def _start(settings: Settings) -> HostState:
    file = log_file()
    with file.open("ab") as out:
        begins = out.tell()
        process = subprocess.Popen(
            command(settings),
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            cwd=file.parent,
            env={**os.environ, **environment(settings)},
            start_new_session=True,
        )
    threading.Thread(target=process.wait, daemon=True, name="qwen-lsp reaper").start()
    deadline = time.monotonic() + _START_S
    while time.monotonic() < deadline:
        state = running()
        if state is not None:
            return state
        if process.poll() is not None:
            raise HostUnreachable(f"The host could not be started: {_last_line(file, begins)} (log: {file})")
        time.sleep(_POLL_S)
    with contextlib.suppress(OSError):
        process.kill()
    raise HostUnreachable(f"The host did not answer within {_START_S:.0f} s of its start; see {file}")


def command(settings: Settings) -> list[str]:
    """How a host is started: without the current folder on the module path."""
    ours = str(Path(__file__).resolve().parents[2])
    made = [
        sys.executable,
        "-P",
        "-c",
        _MAIN,
        ours,
        "serve",
        "--from-editor",
        "--port",
        str(settings.host.port),
    ]
    return made + (["--model", settings.engine.model] if settings.engine.model else [])


def environment(settings: Settings) -> dict[str, str]:
    """The window's own engine and host options, for the host to see."""
    given: dict[str, str] = {}
    sections: Mapping[str, tuple[object, object]] = {
        "ENGINE": (settings.engine, EngineSettings()),
        "HOST": (settings.host, HostSettings()),
    }
    for name, (ours, default) in sections.items():
        for option in dataclasses.fields(ours):  # type: ignore[arg-type]
            value = getattr(ours, option.name)
            if value != getattr(default, option.name):
                text = str(value).lower() if isinstance(value, bool) else str(value)
                given[f"QWEN_LSP_{name}_{option.name.upper()}"] = text
    return given


def _last_line(file: Path, begins: int) -> str:
    with file.open("rb") as log:
        log.seek(begins)
        lines = log.read().decode("utf-8", "replace").strip().splitlines()
    return lines[-1] if lines else "it said nothing."
