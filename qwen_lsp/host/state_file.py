"""The file by which windows find the host, and the locks that keep it one."""

from __future__ import annotations

import dataclasses
import json
import os
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from qwen_lsp import __version__
from qwen_lsp.paths import own_file, own_folder, paths, write_atomically

if TYPE_CHECKING:
    from filelock import BaseFileLock


@dataclass(frozen=True, slots=True)
class HostState:
    """A running host. The token opens its control routes."""

    address: str
    port: int
    pid: int
    version: str
    from_editor: bool
    token: str = dataclasses.field(repr=False)

    @property
    def url(self) -> str:
        """Where it answers, seen from this machine."""
        name = {"0.0.0.0": "127.0.0.1", "::": "[::1]", "": "127.0.0.1"}.get(self.address, self.address)
        return f"http://{f'[{name}]' if ':' in name and name[0] != '[' else name}:{self.port}"


def new_state(address: str, port: int, *, from_editor: bool) -> HostState:
    """The state of this process; its token is new unless QWEN_LSP_TOKEN names one."""
    token = os.environ.get("QWEN_LSP_TOKEN") or secrets.token_urlsafe(24)
    return HostState(address, port, os.getpid(), __version__, from_editor, token)


def read_state() -> HostState | None:
    """What the state file says; None when there is none or it is damaged. It may be of a host that died."""
    try:
        given = json.loads(_file().read_text("utf-8"))
        state = HostState(**{f.name: given[f.name] for f in dataclasses.fields(HostState)})
    except (OSError, ValueError, KeyError, TypeError):
        return None
    fits = isinstance(state.port, int) and isinstance(state.pid, int) and isinstance(state.address, str)
    return state if fits else None


def write_state(state: HostState) -> None:
    """Put the file in place, whole, readable by this user only."""
    _folder()
    write_atomically(_file(), json.dumps(dataclasses.asdict(state)))


def remove_state(pid: int) -> None:
    """Take the file away if it is still of this process."""
    state = read_state()
    if state is not None and state.pid == pid:
        _file().unlink(missing_ok=True)


def host_lock() -> BaseFileLock:
    """Held by the host as long as it lives; the system frees it when the process dies."""
    from filelock import FileLock

    return FileLock(_folder() / "host.lock")


def somebody_is_host() -> bool:
    """Whether a host lives, be it too busy to answer: only a living process holds that lock."""
    from filelock import Timeout

    lock = host_lock()
    try:
        lock.acquire(timeout=0)
    except Timeout:
        return True
    lock.release()
    return False


def start_lock() -> BaseFileLock:
    """Held by a window while it starts a host, so that others wait instead of starting one too."""
    from filelock import FileLock

    return FileLock(_folder() / "start.lock", thread_local=False)


def log_file() -> Path:
    """Where a host started by an editor writes."""
    return own_file(paths().cache / "host.log")


def _file() -> Path:
    return paths().runtime / "host.json"


def _folder() -> Path:
    return own_folder(paths().runtime)
