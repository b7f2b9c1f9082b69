"""Fires malformed HTTP at a real host and malformed JSON-RPC at a real language server; prints what came of it.

python -m benchmarks.fuzz [how many of each]
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.plain_host import plain_host
from tests.support.http.fuzz import Fuzzed, fuzz_bodies, fuzz_raw, still_well
from tests.support.lsp.client import LspClient, server_command
from tests.support.lsp.fuzz import FuzzedServer


def main(count: int) -> int:
    """Both; 1 when anything went wrong."""
    with tempfile.TemporaryDirectory(prefix="qwen-lsp-fuzz-") as home:
        os.environ["QWEN_LSP_HOME"] = home
        return max(_http(count, Path(home)), _rpc(count))


def _http(count: int, home: Path) -> int:
    fuzzed, began = Fuzzed(), time.monotonic()
    with plain_host(home) as host:
        fuzz_bodies(host, count // 2, fuzzed)
        fuzz_raw(host, count - fuzzed.sent, fuzzed)
        well = still_well(host)
    print(
        f"HTTP      {fuzzed.sent} in {time.monotonic() - began:.0f} s; the host is {'well' if well else 'DEAD'}"
    )
    print(f"          by status: {dict(sorted(fuzzed.statuses.items()))} (0: closed, -1: not sendable)")
    return _report(fuzzed.bad, well)


def _rpc(count: int) -> int:
    began = time.monotonic()
    with LspClient(server_command("--engine", "none")) as client:
        client.initialize("vscode")
        server = FuzzedServer(client)
        server.fire(count)
        well = client.process.poll() is None and client.leave() == 0
    print(
        f"JSON-RPC  {server.sent} in {time.monotonic() - began:.0f} s; the server is {'well' if well else 'DEAD'}"
    )
    print(f"          answers: {dict(server.answers.most_common())}")
    return _report(server.bad, well)


def _report(bad: list[str], well: bool) -> int:
    for line in bad[:20]:
        print(f"  WRONG   {line[:500]}")
    return int(bool(bad) or not well)


if __name__ == "__main__":
    raise SystemExit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 10_000))
