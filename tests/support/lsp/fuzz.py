"""Malformed JSON-RPC for a running language server, and the rule that each request read gets exactly one answer."""

from __future__ import annotations

import itertools
from collections import Counter
from typing import Any

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from qwen_lsp.lsp.jsonrpc.stdio import frame
from tests.support.lsp.client import LspClient

ANSWER_S = 30.0
_BATCH = 50
_URI = "file:///fuzz/a.py"
_METHODS = (
    "initialize", "initialized", "textDocument/didOpen", "textDocument/didChange", "textDocument/didSave",
    "textDocument/didClose", "textDocument/completion", "textDocument/inlineCompletion", "textDocument/codeAction",
    "codeAction/resolve", "completionItem/resolve", "workspace/executeCommand", "workspace/didChangeConfiguration",
    "workspace/didChangeWorkspaceFolders", "workspace/didChangeWatchedFiles", "window/workDoneProgress/cancel",
    "$/setTrace", "$/cancelRequest", "$/progress", "no/such", "", "textDocument/",
)  # fmt: skip
_FIELDS = (
    "textDocument", "position", "contentChanges", "range", "context", "uri", "text", "version", "languageId", "line",
    "character", "start", "end", "triggerKind", "settings", "command", "arguments", "id", "value", "event", "diagnostics",
)  # fmt: skip

_SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**70), 2**70),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=20),
    st.sampled_from(
        [_URI, "file:///../../etc/passwd", "untitled:x", "\ud800", "qwen_lsp.status", "http://x/"]
    ),
)
_JSON = st.recursive(
    _SCALARS,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(_FIELDS) | st.text(max_size=8), inner, max_size=5)
    ),
    max_leaves=15,
)
_MESSAGES = st.one_of(
    st.fixed_dictionaries(
        {
            "jsonrpc": st.just("2.0"),
            "id": st.just("ours"),
            "method": st.sampled_from(_METHODS),
            "params": _JSON,
        }
    ),
    st.fixed_dictionaries(
        {"jsonrpc": st.just("2.0"), "method": st.sampled_from(_METHODS), "params": _JSON},
        optional={"more": _JSON},
    ),
    st.fixed_dictionaries(
        {},
        optional={
            "jsonrpc": _SCALARS,
            "id": _JSON,
            "method": _SCALARS,
            "params": _JSON,
            "result": _JSON,
            "error": _JSON,
        },
    ),
    _JSON,
)
_BYTES = st.one_of(
    st.binary(max_size=60).map(lambda body: b"Content-Length: %d\r\n\r\n%s" % (len(body), body)),
    st.sampled_from(
        [b"Content-Length: -4\r\n\r\n", b"Content-Length: x\r\n\r\n", b"X: y\r\n\r\n", frame([]), frame(7)]
    ),
    st.sampled_from([b"[" * 5_000, b'{"jsonrpc":"2.0","id":1', b"\xff\xfe{}", b"NaN"]).map(
        lambda body: b"Content-Length: %d\r\n\r\n%s" % (len(body), body)
    ),
)


class FuzzedServer:
    """One server under fire."""

    def __init__(self, client: LspClient) -> None:
        self._client = client
        self._numbers = itertools.count(1)
        self._open: list[tuple[str, Any]] = []
        self.sent = 0
        self.answers: Counter[str] = Counter()
        self.bad: list[str] = []

    def fire(self, count: int, *, number: int = 0) -> None:
        """Send so many, and after each few ask something proper."""

        @settings(
            max_examples=count,
            database=None,
            deadline=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @seed(number)
        @given(st.one_of(_MESSAGES, _MESSAGES, _MESSAGES, _BYTES.map(_Raw)))
        def run(message: Any) -> None:
            self._send(message)
            if self.sent % _BATCH == 0:
                self.check()

        run()
        self.check()

    def _send(self, message: Any) -> None:
        self.sent += 1
        if isinstance(message, _Raw):
            self._client.send_bytes(message.data)
            return
        if isinstance(message, dict) and message.get("method") in ("exit", "shutdown"):
            return
        if isinstance(message, dict) and message.get("id") == "ours":
            message = {**message, "id": f"ours-{next(self._numbers)}"}
            self._open.append((message["id"], message))
        self._client.send(message)

    def check(self) -> None:
        """Each request so far has one answer, and the server still answers a proper question."""
        client = self._client
        fence = f"fence-{next(self._numbers)}"
        status = {"command": "qwen_lsp.status", "arguments": []}
        client.send({"jsonrpc": "2.0", "id": fence, "method": "workspace/executeCommand", "params": status})
        answer = client.wait_for(lambda m: "method" not in m and m.get("id") == fence, ANSWER_S)
        if "state" not in (answer.get("result") or {}):
            self.bad.append(f"the proper question was answered {answer}")
        for request_id, message in self._open:
            client.wait_for(lambda m, of=request_id: "method" not in m and m.get("id") == of, ANSWER_S)  # type: ignore[misc]
            answers = [m for m in client.received if "method" not in m and m.get("id") == request_id]
            if len(answers) != 1:
                self.bad.append(f"{len(answers)} answers to {message}")
            error = answers[0].get("error")
            self.answers["result" if error is None else str(error["code"])] += 1
            if error is not None and (not error["message"] or error["code"] == -32603):
                self.bad.append(f"{error} to {message}")
        self.answers["without id"] += sum(
            m.get("id", 0) is None for m in client.received if "method" not in m
        )
        self._open.clear()
        client.received.clear()


class _Raw:
    """Bytes to send as they are."""

    def __init__(self, data: bytes) -> None:
        self.data = data
