"""Speaks to a running host by its state: is it there, what does it do, please stop. Standard library only."""

from __future__ import annotations

import http.client
import json
import time
from typing import Any
from urllib.parse import urlsplit

from qwen_lsp.host.state_file import HostState


def status_of_running(state: HostState, *, timeout_s: float = 3.0) -> dict[str, Any] | None:
    """What the host says of itself; None when it does not answer or another process has its port."""
    told = _ask(state, "GET", "/qwen/status", timeout_s)
    return told if told is not None and told.get("pid") == state.pid else None


def ask_to_stop(state: HostState) -> None:
    """Tell the host to end; harmless when it has."""
    _ask(state, "POST", "/qwen/stop", 5.0)


def wait_gone(state: HostState, timeout_s: float) -> bool:
    """Whether the host is gone within that time."""
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        if status_of_running(state, timeout_s=1.0) is None:
            return True
        time.sleep(0.05)
    return False


def _ask(state: HostState, method: str, path: str, timeout_s: float) -> dict[str, Any] | None:
    split = urlsplit(state.url)
    connection = http.client.HTTPConnection(split.hostname or "", split.port, timeout=timeout_s)
    try:
        connection.request(method, path, headers={"Authorization": f"Bearer {state.token}"})
        told = json.loads(connection.getresponse().read(5_000_000))
    except (OSError, http.client.HTTPException, ValueError):
        return None
    finally:
        connection.close()
    return told if isinstance(told, dict) else None
