"""The real program, `qwen-lsp lsp`, as each editor starts it."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import psutil
import pytest

from tests.support.lsp.client import LspClient, server_command

pytestmark = pytest.mark.process

URI = "file:///work/fib.py"
TEXT = "# é😋\f\ndef fib(n):\n    \n"
HEAVY = ("mlx", "mlx_lm", "gradio", "transformers", "torch")
NOT_YET = (
    *HEAVY,
    "numpy",
    "httpx",
    "tree_sitter",
    "qwen_lsp.assist.completion.trigger",
    "qwen_lsp.assist.recall.recall",
)


@pytest.mark.parametrize("caps", ["vscode", "nvim", "helix", "eglot", "lspmode"])
def test_every_editor_is_answered_from_handshake_to_exit(caps: str) -> None:
    with LspClient(server_command("--stdio", "--engine", "demo", "--clientProcessId=1")) as client:
        capabilities = client.initialize(caps)["capabilities"]
        assert capabilities["inlineCompletionProvider"] == {}
        if caps == "vscode":  # it hears of items once they are wanted
            assert "completionProvider" not in capabilities
        else:
            assert capabilities["completionProvider"]["resolveProvider"] is True
        assert capabilities["textDocumentSync"]["change"] == 2
        client.open(URI, TEXT)
        assert isinstance(client.inline(URI, 2, 4), list)
        where = {"textDocument": {"uri": URI}, "position": {"line": 2, "character": 4}}
        client.request("textDocument/completion", where)
        everything = {"start": {"line": 0, "character": 0}, "end": {"line": 2, "character": 4}}
        about = {"textDocument": {"uri": URI}, "range": everything, "context": {"diagnostics": []}}
        client.request("textDocument/codeAction", about)
        status = client.command("qwen_lsp.status")
        assert (status["engine"]["kind"], status["state"]) == ("demo", "ready")
        assert client.leave() == 0
        assert "Traceback" not in client.stderr


def imported(client: LspClient) -> set[str]:
    """The modules imported so far, from `-X importtime`."""
    return set(re.findall(r"import time:.*\|\s*(\S+)$", client.stderr, re.MULTILINE))


def test_nothing_heavy_is_imported_before_initialize_is_answered_and_no_model_ever() -> None:
    command = [sys.executable, "-X", "importtime", *server_command("--engine", "none")[1:]]
    with LspClient(command) as client:
        client.request("initialize", {"processId": None, "rootUri": None, "capabilities": {}})
        at_first = imported(client)
        assert "qwen_lsp.lsp.session" in at_first
        assert at_first.isdisjoint(NOT_YET)
        client.notify("initialized", {})
        client.open(URI, TEXT)
        client.inline(URI, 2, 4)
        assert client.command("qwen_lsp.status")["state"] == "none"
        client.leave()
        in_the_end = imported(client)
        assert "qwen_lsp.assist.completion.trigger" in in_the_end
        assert in_the_end.isdisjoint(HEAVY)


def test_memory_stays_small_with_the_assistant_built() -> None:
    with LspClient(server_command("--engine", "none")) as client:
        client.initialize()
        client.open(URI, TEXT * 1000)
        client.inline(URI, 2, 4)
        assert psutil.Process(client.process.pid).memory_info().rss < 120_000_000


def test_a_settings_file_that_is_broken_does_not_stop_the_server(own_home: Path) -> None:
    (own_home / "config").mkdir(parents=True)
    (own_home / "config" / "config.toml").write_bytes(b"\xff\xfe[")
    with LspClient(server_command("--engine", "demo")) as client:
        client.initialize()
        client.open(URI, TEXT)
        client.inline(URI, 2, 4)
        assert "config.toml" in client.notification("window/showMessage")["message"]
        assert client.command("qwen_lsp.status")["state"] == "ready"


def test_an_unwritable_home_does_not_stop_the_server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    in_the_way = tmp_path / "a-file"
    in_the_way.write_text("not a folder")
    with LspClient(server_command("--engine", "demo"), {"QWEN_LSP_HOME": str(in_the_way)}) as client:
        client.initialize()
        client.open(URI, TEXT)
        assert isinstance(client.inline(URI, 2, 4), list)
        assert client.command("qwen_lsp.status")["state"] == "ready"
        assert client.leave() == 0


def test_each_suggestion_leaves_a_line_in_the_trace_file(tmp_path: Path) -> None:
    trace = tmp_path / "trace.jsonl"
    with LspClient(server_command("--engine", "demo", "--trace", str(trace))) as client:
        client.initialize()
        client.open(URI, TEXT)
        client.inline(URI, 2, 4)
        client.leave()
    assert trace.read_text().count("\n") == 1
