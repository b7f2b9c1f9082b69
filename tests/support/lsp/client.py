"""A raw JSON-RPC client over stdio: small enough to send anything, right or wrong, at any moment."""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import queue
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Self

from qwen_lsp.lsp.jsonrpc.stdio import frame, frames

CAPS = Path(__file__).parent / "caps"
TIMEOUT_S = 30.0


class LspClient:
    """One server process and everything it has said."""

    def __init__(self, command: Sequence[str], environment: Mapping[str, str] | None = None) -> None:
        self.process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**os.environ, **(environment or {})},
        )
        self.received: list[dict[str, Any]] = []
        """Every message from the server, in order."""
        self.answer_with: dict[str, Callable[[Any], Any]] = {}
        """What to answer to the server's own requests, by method; others get null."""
        self._ids = itertools.count(1)
        self._news: queue.SimpleQueue[dict[str, Any] | None] = queue.SimpleQueue()
        self._stderr: list[bytes] = []
        threading.Thread(target=self._read, daemon=True).start()
        threading.Thread(target=self._read_stderr, daemon=True).start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.wait()

    # --- sending

    def send(self, message: object) -> None:
        """Send one JSON message, whatever it is."""
        self.send_bytes(frame(message))

    def send_bytes(self, data: bytes) -> None:
        """Send bytes as they are."""
        assert self.process.stdin
        self.process.stdin.write(data)
        self.process.stdin.flush()

    def notify(self, method: str, params: Any = None) -> None:
        """Send a notification."""
        self.send({"jsonrpc": "2.0", "method": method, "params": params})

    def start_request(self, method: str, params: Any = None) -> int:
        """Send a request; its id."""
        request_id = next(self._ids)
        self.send({"jsonrpc": "2.0", "id": request_id, "method": method, "params": params})
        return request_id

    def cancel(self, request_id: int) -> None:
        """Cancel a request."""
        self.notify("$/cancelRequest", {"id": request_id})

    # --- receiving

    def answer(self, request_id: int | None, timeout_s: float = TIMEOUT_S) -> dict[str, Any]:
        """The answer to a request: the message with `result` or `error`."""
        return self.wait_for(lambda m: "method" not in m and m.get("id") == request_id, timeout_s)

    def request(self, method: str, params: Any = None) -> Any:
        """Send a request and return its result; an error fails the test."""
        answer = self.answer(self.start_request(method, params))
        assert "error" not in answer, answer["error"]
        return answer["result"]

    def notification(self, method: str, where: Callable[[Any], bool] = lambda params: True) -> Any:
        """The parameters of a notification (past or coming) that fits."""
        return self.wait_for(lambda m: m.get("method") == method and where(m.get("params")))["params"]

    def wait_for(
        self, fits: Callable[[dict[str, Any]], bool], timeout_s: float = TIMEOUT_S
    ) -> dict[str, Any]:
        """The first message, past or coming, that fits."""
        for message in self.received:
            if fits(message):
                return message
        while True:
            try:
                message_or_end = self._news.get(timeout=timeout_s)
            except queue.Empty:
                raise AssertionError(
                    f"nothing came in {timeout_s} s; the server said:\n{self.stderr}"
                ) from None
            assert message_or_end is not None, f"the server left; it said:\n{self.stderr}"
            if fits(message_or_end):
                return message_or_end

    def answers(self, request_id: int | None) -> list[dict[str, Any]]:
        """Every answer seen to a request (there must be one)."""
        return [m for m in self.received if "method" not in m and m.get("id") == request_id]

    @property
    def stderr(self) -> str:
        """What the server wrote to its log."""
        return b"".join(self._stderr).decode(errors="replace")

    # --- a usual session

    def initialize(self, caps: str = "vscode", *, settings: Any = None, **params: Any) -> dict[str, Any]:
        """Shake hands as an editor whose capabilities were recorded; `settings` answer its configuration pull."""
        recorded = json.loads((CAPS / f"{caps}.json").read_text())
        self.answer_with.setdefault("workspace/configuration", lambda _: [settings])
        result = self.request("initialize", {"processId": None, "rootUri": None, **recorded, **params})
        self.notify("initialized", {})
        return dict(result)

    def open(self, uri: str, text: str, language: str = "python", version: int = 1) -> None:
        """Open a document."""
        item = {"uri": uri, "languageId": language, "version": version, "text": text}
        self.notify("textDocument/didOpen", {"textDocument": item})

    def change(self, uri: str, version: int, *changes: tuple[tuple[int, int], tuple[int, int], str]) -> None:
        """Change a document: (start line, column), (end line, column), text."""
        events = [
            {
                "range": {
                    "start": {"line": start[0], "character": start[1]},
                    "end": {"line": end[0], "character": end[1]},
                },
                "text": text,
            }
            for start, end, text in changes
        ]
        document = {"uri": uri, "version": version}
        self.notify("textDocument/didChange", {"textDocument": document, "contentChanges": events})

    def start_inline(self, uri: str, line: int, character: int, *, manual: bool = True) -> int:
        """Ask for ghost text; the request's id."""
        return self.start_request(
            "textDocument/inlineCompletion",
            {
                "textDocument": {"uri": uri},
                "position": {"line": line, "character": character},
                "context": {"triggerKind": 1 if manual else 2},
            },
        )

    def inline(self, uri: str, line: int, character: int, *, manual: bool = True) -> list[dict[str, Any]]:
        """The ghost text at a place."""
        answer = self.answer(self.start_inline(uri, line, character, manual=manual))
        assert "error" not in answer, answer["error"]
        return list(answer["result"]["items"])

    def command(self, name: str, *arguments: Any) -> Any:
        """Run one of the server's commands."""
        return self.request("workspace/executeCommand", {"command": name, "arguments": list(arguments)})

    def leave(self) -> int:
        """Shut down as the protocol says; the exit code."""
        self.request("shutdown")
        self.notify("exit")
        return self.process.wait(TIMEOUT_S)

    # --- threads

    def _read(self) -> None:
        assert self.process.stdout
        stdout = self.process.stdout
        for body in frames(lambda: os.read(stdout.fileno(), 65536)):
            message = json.loads(body)
            self.received.append(message)
            if "method" in message and "id" in message:
                answer = self.answer_with.get(message["method"])
                reply = answer(message.get("params")) if answer else None
                with contextlib.suppress(OSError, ValueError):  # the test closed our end
                    self.send({"jsonrpc": "2.0", "id": message["id"], "result": reply})
            self._news.put(message)
        self._news.put(None)

    def _read_stderr(self) -> None:
        assert self.process.stderr
        while data := os.read(self.process.stderr.fileno(), 65536):
            self._stderr.append(data)


def server_command(*arguments: str) -> list[str]:
    """The real `qwen-lsp lsp`."""
    return [sys.executable, "-m", "qwen_lsp", "lsp", *arguments]
