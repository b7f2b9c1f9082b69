"""Listing code actions in a 10,000-line file with 500 diagnostics, over real stdio: p50 and p95, and engine calls.

python -m benchmarks.actions [--lists 200]
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import tempfile
import time
from pathlib import Path
from typing import Any

from qwen_lsp.metrics import percentile
from tests.support.lsp.action_bench import Bench

LINES, DIAGNOSTICS, LIMIT_MS = 10_000, 500, 20.0


def main() -> int:
    """Measure, print one line of JSON; exit code 1 when the limit is passed or an engine was asked."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lists", type=int, default=200)
    lists = parser.parse_args().lists
    with tempfile.TemporaryDirectory() as folder:
        times_ms, offered, calls = measure(Path(folder), lists)
    p95 = percentile(times_ms, 0.95) or 0.0
    print(
        json.dumps(
            {
                "what": f"textDocument/codeAction, {LINES} lines, {DIAGNOSTICS} diagnostics in the request",
                "machine": f"{platform.machine()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}",
                "lists": lists,
                "offered": offered,
                "p50_ms": round(percentile(times_ms, 0.5) or 0.0, 2),
                "p95_ms": round(p95, 2),
                "limit_ms": LIMIT_MS,
                "engine_calls": calls,
            }
        )
    )
    return 0 if p95 < LIMIT_MS and calls == 0 else 1


def measure(folder: Path, lists: int) -> tuple[list[float], int, int]:
    """Times of many lists at different places, how many actions one has, and how often the engine was asked."""
    bench = Bench(folder)
    try:
        uri = (folder / "long.py").as_uri()
        rows = [
            f"def function_{n // 5}(value):" if n % 5 == 0 else f"    value += {n}  # é" for n in range(LINES)
        ]
        bench.client.open(uri, "\n".join(rows))
        asked = len([event for event in bench.events() if event["event"] == "asked"])
        times_ms, offered = [], 0
        for number in range(lists):
            params = _params(uri, (number * 47) % (LINES - 50))
            started = time.perf_counter()
            actions = bench.client.request("textDocument/codeAction", params)
            times_ms.append((time.perf_counter() - started) * 1000)
            offered = len(actions)
        calls = len([event for event in bench.events() if event["event"] == "asked"]) - asked
        return times_ms, offered, calls
    finally:
        bench.client.__exit__()


def _params(uri: str, line: int) -> dict[str, Any]:
    def span(first: int, last: int) -> dict[str, Any]:
        return {"start": {"line": first, "character": 4}, "end": {"line": last, "character": 9}}

    found = [
        {
            "range": span(n * (LINES // DIAGNOSTICS), n * (LINES // DIAGNOSTICS)),
            "message": f"problem {n}",
            "severity": 2,
        }
        for n in range(DIAGNOSTICS)
    ]
    context = {"diagnostics": found, "triggerKind": 2}
    return {"textDocument": {"uri": uri}, "range": span(line, line + 3), "context": context}


if __name__ == "__main__":
    raise SystemExit(main())
