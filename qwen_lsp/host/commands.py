"""`qwen-lsp serve --stop` and `--status`: said to a running host, without loading the server."""

from __future__ import annotations

import asyncio
import sys

from qwen_lsp.host.control import ask_to_stop, status_of_running, wait_gone
from qwen_lsp.host.state_file import read_state
from qwen_lsp.sizes import span_in_words


def stop() -> int:
    """`qwen-lsp serve --stop`."""
    state = read_state()
    if state is None or status_of_running(state) is None:
        print("No host is running.")
        return 0
    ask_to_stop(state)
    if not wait_gone(state, 15.0):
        print(f"The host (process {state.pid}) does not stop. End it with: kill {state.pid}", file=sys.stderr)
        return 1
    print(f"The host (process {state.pid}) has stopped.")
    return 0


def status() -> int:
    """`qwen-lsp serve --status`; 1 when none runs."""
    sentence = _sentence()
    print(sentence or "No host is running. Start one with: qwen-lsp serve")
    return 0 if sentence else 1


async def running_sentence() -> str | None:
    """What the running host does, in one line, for `doctor`; None when none runs."""
    said = await asyncio.to_thread(_sentence)
    return said.replace("\n", " ") if said else None


def _sentence() -> str | None:
    state = read_state()
    told = status_of_running(state) if state is not None else None
    if state is None or told is None:
        return None
    engine = told["engine"]
    share = "" if engine.get("progress") in (None, 1.0) else f" {engine['progress']:.0%}"
    by = ", started by an editor" if state.from_editor else ""
    model = f"{engine['model']} is ready" if engine["state"] == "ready" else f"{engine['state']}{share}"
    return (
        f"qwen-lsp {state.version} runs at {state.url}/ (process {state.pid}{by}, for {span_in_words(told['up_s'])}).\n"
        f"Model: {model}. {engine['detail']}"
    ).rstrip()
