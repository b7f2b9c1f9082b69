"""mlx_lm.server on the same model: the ordinary layout and ours, as a plain client would send them."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from qwen_lsp.assist.completion.anchor import Anchors, Sizes
from qwen_lsp.assist.prompts.fim import Hole, template_of
from qwen_lsp.code.snapshot import Edit, Snapshot

ORDINARY_BEFORE_LINES, ORDINARY_AFTER_LINES = 256, 64
_START_S = 120.0


@contextmanager
def mlx_lm_server(model: Path) -> Iterator[str]:
    """The address of a running mlx_lm.server."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "mlx_lm", "server", "--model", str(model), "--host", "127.0.0.1"]
    process = subprocess.Popen(
        [*command, "--port", str(port)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        url = f"http://127.0.0.1:{port}"
        until = time.monotonic() + _START_S
        while not _answers(url):
            if process.poll() is not None or time.monotonic() > until:
                raise RuntimeError("mlx_lm.server did not start")
            time.sleep(0.2)
        yield url
    finally:
        process.terminate()
        process.wait(30)


def _answers(url: str) -> bool:
    try:
        return httpx.get(f"{url}/health", timeout=2).status_code == 200
    except httpx.HTTPError:
        return False


class Theirs:
    """Asks mlx_lm.server for a completion; knows latency and how many tokens it read."""

    def __init__(self, url: str, model: Path, max_tokens: int) -> None:
        self._client = httpx.Client(base_url=url, timeout=120)
        self._model, self._max_tokens = str(model), max_tokens

    def ask(self, prompt: str) -> tuple[float, int]:
        """Milliseconds to the whole answer, and prompt tokens that were not cached."""
        began = time.perf_counter()
        body = {"model": self._model, "prompt": prompt, "max_tokens": self._max_tokens, "temperature": 0.0}
        reply = self._client.post("/v1/completions", json=body)
        ms = (time.perf_counter() - began) * 1000
        usage = reply.raise_for_status().json()["usage"]
        cached = (usage.get("prompt_tokens_details") or {}).get("cached_tokens", 0)
        return ms, usage["prompt_tokens"] - cached


def ordinary(snapshot: Snapshot, cursor: int) -> str:
    """Prefix, suffix, middle; the windows slide with the cursor."""
    line = snapshot.line_of(cursor)
    start = snapshot.line_start(max(0, line - ORDINARY_BEFORE_LINES))
    end = snapshot.line_start(line + 1 + ORDINARY_AFTER_LINES)
    return _rendered(Hole(snapshot.text[start:cursor], snapshot.text[cursor:end]))


class Anchored:
    """Our layout, for a server that knows nothing of it."""

    def __init__(self) -> None:
        self._anchors = Anchors()
        self._sizes = Sizes.of(ORDINARY_BEFORE_LINES, ORDINARY_AFTER_LINES)

    def edited(self, edit: Edit) -> None:
        """The document changed."""
        self._anchors.edited(edit)

    def prompt(self, snapshot: Snapshot, cursor: int) -> str:
        """The prompt here and now."""
        placed = self._anchors.place(snapshot, cursor, lambda: self._sizes)
        self._anchors.keep(placed.anchor)
        return _rendered(Hole(placed.anchor.prefix, placed.anchor.suffix, placed.typed))


def _rendered(hole: Hole) -> str:
    template = template_of("qwen")
    assert template is not None
    return template.render(hole).render()
