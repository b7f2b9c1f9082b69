"""Malformed HTTP and malformed JSON-RPC against real processes: an error each, no crash, no hang. (benchmarks/fuzz.py: 10,000.)"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from benchmarks.plain_host import plain_host
from tests.support.http.fuzz import Fuzzed, fuzz_bodies, fuzz_raw, still_well
from tests.support.lsp.client import LspClient, server_command
from tests.support.lsp.fuzz import FuzzedServer

pytestmark = pytest.mark.process


def test_broken_http_gets_an_error_and_the_host_stays_well(own_home: Path) -> None:
    fuzzed = Fuzzed()
    with plain_host(own_home) as host:
        fuzz_bodies(host, 150, fuzzed)
        fuzz_raw(host, 150, fuzzed)
        assert still_well(host)
    assert fuzzed.bad == []
    assert fuzzed.statuses[400] > 100, fuzzed.statuses
    assert -1 not in fuzzed.statuses


def test_broken_json_rpc_gets_one_answer_each_and_the_server_leaves_properly(own_home: Path) -> None:
    assert os.environ["QWEN_LSP_HOME"] == str(own_home)
    with LspClient(server_command("--engine", "none")) as client:
        client.initialize("vscode")
        server = FuzzedServer(client)
        server.fire(300)
        assert server.bad == []
        assert server.answers["-32602"] + server.answers["-32600"] > 20, server.answers
        assert client.leave() == 0
