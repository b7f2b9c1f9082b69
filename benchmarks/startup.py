"""How soon the language server answers, and how much memory it takes, beside a bare pygls server.

`python -m benchmarks.startup [--runs 5] [--keystrokes 50000]`. Both servers are started in turns, so that a
busy machine slows them alike. Memory is the resident set of the process.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil

from tests.support.lsp.client import LspClient

_BARE = """
from lsprotocol import types
from pygls.lsp.server import LanguageServer
server = LanguageServer("bare", "1")
@server.feature(types.TEXT_DOCUMENT_COMPLETION)
async def completion(params):
    return []
server.start_io()
"""
BARE = [sys.executable, "-c", _BARE]
OURS = [sys.executable, "-m", "qwen_lsp", "lsp", "--engine", "none"]
URI = "file:///work/bench.py"
_LINES = 2000
_MB = 1_000_000


@dataclass(frozen=True)
class Report:
    """What was measured."""

    runs: int
    bare_ms: float
    ours_ms: float
    ratio: float
    bare_mb: float
    ours_mb: float
    """Just after `initialize`."""
    ours_ready_mb: float
    """With the assistant built and a document open."""
    keystrokes: int
    ours_typed_mb: float
    """After so many keystrokes, each with a question for a suggestion at every tenth."""
    keystroke_ms: float
    """Mean time from one keystroke to the next being taken, while typing without a pause."""


def measure(runs: int, keystrokes: int) -> Report:
    """Measure both servers, in turns."""
    home = tempfile.mkdtemp()
    times: dict[str, list[float]] = {"bare": [], "ours": []}
    memory: dict[str, list[float]] = {"bare": [], "ours": []}
    for _ in range(runs):
        for name, command in (("bare", BARE), ("ours", OURS)):
            began = time.perf_counter()
            with LspClient(command, {"QWEN_LSP_HOME": home}) as client:
                client.initialize("vscode")
                times[name].append((time.perf_counter() - began) * 1000)
                memory[name].append(_resident_mb(client))
    ready_mb, typed_mb, keystroke_ms = _typing(home, keystrokes)
    bare_ms, ours_ms = statistics.median(times["bare"]), statistics.median(times["ours"])
    return Report(
        runs,
        round(bare_ms, 1),
        round(ours_ms, 1),
        round(ours_ms / bare_ms, 3),
        round(statistics.median(memory["bare"]), 1),
        round(statistics.median(memory["ours"]), 1),
        ready_mb,
        keystrokes,
        typed_mb,
        keystroke_ms,
    )


def _typing(home: str, keystrokes: int) -> tuple[float, float, float]:
    """Memory when ready and after many keystrokes, and the time of one."""
    with LspClient(OURS, {"QWEN_LSP_HOME": home}) as client:
        client.initialize("vscode")
        client.open(URI, "value = compute(1)\n" * _LINES)
        client.command("qwen_lsp.status")
        ready_mb = _resident_mb(client)
        began = time.perf_counter()
        for number in range(keystrokes):
            line, column = divmod(number, 60)
            client.change(URI, number + 2, ((line % _LINES, column), (line % _LINES, column), "x"))
            if number % 10 == 0:
                client.cancel(client.start_inline(URI, line % _LINES, column + 1, manual=False))
            if number % 1000 == 0:
                client.command("qwen_lsp.status")
        client.command("qwen_lsp.status")
        keystroke_ms = (time.perf_counter() - began) * 1000 / max(1, keystrokes)
        return round(ready_mb, 1), round(_resident_mb(client), 1), round(keystroke_ms, 3)


def _resident_mb(client: LspClient) -> float:
    return float(psutil.Process(client.process.pid).memory_info().rss) / _MB


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the report as JSON."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--keystrokes", type=int, default=50_000)
    parser.add_argument("--json", type=Path, help="write the report here too")
    given = parser.parse_args(arguments)
    text = json.dumps(asdict(measure(given.runs, given.keystrokes)), indent=2)
    print(text)
    if given.json:
        given.json.write_text(text + "\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
