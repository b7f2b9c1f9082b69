"""The language server as a process: its wire, its ends, and strangers on the line."""

from __future__ import annotations

import json
import random
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.lsp.client import LspClient
from tests.support.lsp.scripted_server import scripted_command
from tests.support.repository import REPOSITORY
from tests.support.scripted_assistant import Line, write_script

pytestmark = pytest.mark.process

URI = "file:///work/a.py"
Start = Callable[..., LspClient]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    started: list[LspClient] = []

    def begin(*lines: Line, environment: dict[str, str] | None = None) -> LspClient:
        write_script(tmp_path / "script.json", lines)
        command = scripted_command(tmp_path / "script.json", tmp_path / "diary.jsonl")
        started.append(LspClient(command, environment))
        return started[-1]

    yield begin
    for client in started:
        client.__exit__()


def test_a_session_from_beginning_to_end(start: Start) -> None:
    client = start(Line("x = ", ("1",)))
    result = client.initialize("vscode")
    assert result["serverInfo"]["name"] == "qwen_lsp"
    client.open(URI, "é\f\nx = \n")
    assert [i["insertText"] for i in client.inline(URI, 1, 4)] == ["1"]
    client.change(URI, 2, ((1, 4), (1, 4), "1"))
    assert client.inline(URI, 1, 5) == []
    assert client.leave() == 0
    assert "Traceback" not in client.stderr


def test_leaving_without_shutdown_is_exit_code_1(start: Start) -> None:
    client = start()
    client.initialize()
    client.notify("exit")
    assert client.process.wait(20) == 1


def test_the_end_of_input_ends_the_server(start: Start) -> None:
    client = start()
    client.initialize()
    assert client.process.stdin
    client.process.stdin.close()
    assert client.process.wait(20) == 0


def test_the_end_of_input_before_anything_was_said_ends_the_server(start: Start) -> None:
    client = start()
    assert client.process.stdin
    client.process.stdin.close()
    assert client.process.wait(20) == 0


def test_nothing_but_messages_goes_to_stdout(tmp_path: Path) -> None:
    code = (
        "import os, subprocess, sys\n"
        "from qwen_lsp.engine.stubs.none import NoEngine\n"
        "from qwen_lsp.lsp.server import run_parts\n"
        "from qwen_lsp.lsp.session import SessionParts\n"
        "from tests.support.scripted_assistant import ScriptedAssistant\n"
        "def chatter(*_):\n"
        "    print('printed'); sys.stdout.write('written\\n'); sys.stdout.flush()\n"
        "    os.write(1, b'by a library\\n')\n"
        "    subprocess.run(['echo', 'by a child'], check=True)\n"
        "    assert sys.stdin.read() == '' or True\n"
        "    return ScriptedAssistant()\n"
        "raise SystemExit(run_parts(SessionParts(lambda s: NoEngine(), chatter)))\n"
    )
    root = str(REPOSITORY)
    with LspClient([sys.executable, "-c", code], {"PYTHONPATH": root}) as client:
        client.initialize()
        client.open(URI, "x")
        assert client.inline(URI, 0, 1) == []
        assert client.leave() == 0
        for said in ("printed", "written", "by a library", "by a child"):
            assert said in client.stderr


def test_a_request_cancelled_while_it_waits_in_line_is_never_started(start: Start, tmp_path: Path) -> None:
    client = start(Line("x", hang=True))
    client.initialize()
    client.open(URI, "x")
    client.command("qwen_lsp.status")
    request = {
        "jsonrpc": "2.0",
        "method": "textDocument/inlineCompletion",
        "params": {
            "textDocument": {"uri": URI},
            "position": {"line": 0, "character": 1},
            "context": {"triggerKind": 2},
        },
    }
    cancel = {"jsonrpc": "2.0", "method": "$/cancelRequest"}
    from qwen_lsp.lsp.jsonrpc.stdio import frame

    ids = range(1000, 1050)
    client.send_bytes(
        b"".join(frame({**request, "id": i}) + frame({**cancel, "params": {"id": i}}) for i in ids)
    )
    for i in ids:
        assert client.answer(i)["error"]["code"] == -32800
    client.command("qwen_lsp.status")
    assert all(len(client.answers(i)) == 1 for i in ids)


def test_a_thousand_malformed_messages_leave_a_working_server(start: Start) -> None:
    client = start(Line("x = ", ("1",)))
    client.initialize()
    client.open(URI, "x = ")
    dice = random.Random(20261124)
    requests = [0]
    for _ in range(1000):
        data, request_id = _malformed(dice, requests)
        client.send_bytes(data)
        if request_id is not None:
            assert client.answer(request_id)
    assert [i["insertText"] for i in client.inline(URI, 0, 4)] == ["1"]
    assert all(len(client.answers(i)) == 1 for i in range(10_001, 10_001 + requests[0]))
    assert [m for m in client.received if m.get("method") == "window/showMessage"] == []
    assert client.leave() == 0


_METHODS = [
    "initialize",
    "textDocument/didOpen",
    "textDocument/didChange",
    "textDocument/didClose",
    "textDocument/inlineCompletion",
    "textDocument/completion",
    "completionItem/resolve",
    "textDocument/codeAction",
    "codeAction/resolve",
    "workspace/executeCommand",
    "workspace/didChangeWorkspaceFolders",
    "$/setTrace",
    "$/progress",
    "no/such",
    "",
]
_JUNK: list[Any] = [
    None,
    True,
    -1,
    10**30,
    1.5,
    "",
    "é😋\u2028",
    [],
    {},
    [[]],
    {"uri": 3},
    {"jsonrpc": "2.0", "id": 1},
]


def _malformed(dice: random.Random, requests: list[int]) -> tuple[bytes, int | None]:
    """Bytes no editor should send, and the id of the request in them that must be answered, if any."""
    way = dice.randrange(4)
    if way == 0:  # bytes that are no JSON
        body = bytes(dice.randrange(256) for _ in range(dice.randrange(1, 40)))
        return b"Content-Length: %d\r\n\r\n%s" % (len(body), body), None
    if way == 1:  # JSON that is no message
        body = json.dumps(dice.choice(_JUNK)).encode()
        return b"Content-Length: %d\r\n\r\n%s" % (len(body), body), None
    message: dict[str, Any] = {"jsonrpc": "2.0", "method": dice.choice(_METHODS), "params": _params(dice)}
    if way == 2:  # a request
        requests[0] += 1
        message["id"] = 10_000 + requests[0]
    body = json.dumps(message).encode()
    return b"Content-Length: %d\r\n\r\n%s" % (len(body), body), message.get("id")


def _params(dice: random.Random) -> Any:
    if dice.random() < 0.3:
        return dice.choice(_JUNK)
    names = [
        "textDocument",
        "position",
        "context",
        "range",
        "contentChanges",
        "command",
        "arguments",
        "event",
        "data",
    ]
    return {name: dice.choice(_JUNK) for name in dice.sample(names, dice.randrange(len(names)))}


def test_a_deeply_nested_message_is_refused(start: Start) -> None:
    client = start(Line("x = ", ("1",)))
    client.initialize()
    body = b"[" * 200_000 + b"]" * 200_000
    client.send_bytes(b"Content-Length: %d\r\n\r\n%s" % (len(body), body))
    assert client.answer(None)["error"]["code"] in (-32700, -32600)
    client.open(URI, "x = ")
    assert client.inline(URI, 0, 4)
