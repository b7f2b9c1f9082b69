"""An editor window for benchmarks: the real language server over stdio, one question after each key."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.keystroke_script import Key, Script
from qwen_lsp.code.snapshot import Snapshot
from tests.support.lsp.client import LspClient, server_command

_READY_S = 120.0


@dataclass(slots=True)
class Asked:
    """One question: what the key was, how long the answer took, and the server's own record of it."""

    key: Key
    ms: float
    items: list[dict[str, Any]]
    trace: dict[str, Any] | None = None


class Window:
    """One language server with a document at a time."""

    def __init__(self, home: Path, engine: str, environment: Mapping[str, str]) -> None:
        self._trace_file = home / "bench-traces.jsonl"
        command = server_command("--engine", engine, "--trace", str(self._trace_file))
        self.client = LspClient(command, {**environment, "QWEN_LSP_HOME": str(home)})
        self.client.initialize("nvim")
        self._uri, self._version, self._number = "", 0, 0
        self._snapshot = Snapshot("", "python", 0, "")
        self.cursor = 0

    def wait_until_ready(self) -> None:
        """Until the model answers."""
        until = time.monotonic() + _READY_S
        while self.client.command("qwen_lsp.status")["engine"]["state"] != "ready":
            if time.monotonic() > until:
                raise TimeoutError(f"the model is not ready after {_READY_S:.0f} s:\n{self.client.stderr}")
            time.sleep(0.2)

    def open(self, text: str, cursor: int) -> None:
        """Open a new document."""
        if self._uri:
            self.client.notify("textDocument/didClose", {"textDocument": {"uri": self._uri}})
        self._number += 1
        self._uri, self._version = f"file:///bench/file_{self._number}.py", 1
        self._snapshot, self.cursor = Snapshot(self._uri, "python", 1, text), cursor
        self.client.open(self._uri, text)

    @property
    def snapshot(self) -> Snapshot:
        """The document now."""
        return self._snapshot

    def edit(self, start: int, end: int, text: str) -> None:
        """Change the document; the cursor stands behind the change."""
        before = self._snapshot
        self._version += 1
        self.client.change(self._uri, self._version, (self._at(start), self._at(end), text))
        whole = before.text[:start] + text + before.text[end:]
        starts = before.line_starts.after_edit(whole, start, end, len(text))
        self._snapshot = Snapshot(self._uri, "python", self._version, whole).with_line_starts(starts)
        self.cursor = start + len(text)

    def ask(self, key: Key) -> Asked:
        """Ask for ghost text as an editor does by itself."""
        began = time.perf_counter()
        request = self.start()
        answer = self.client.answer(request, _READY_S)
        ms = (time.perf_counter() - began) * 1000
        self.client.received.clear()
        return Asked(key, ms, list(answer["result"]["items"]))

    def start(self) -> int:
        """The same without waiting for the answer; the question's number."""
        line, column = self._at(self.cursor)
        return self.client.start_inline(self._uri, line, column, manual=False)

    def traces(self) -> list[dict[str, Any]]:
        """The server's record of every question so far, in order."""
        return [json.loads(line) for line in self._trace_file.read_text("utf-8").splitlines()]

    def close(self) -> None:
        """Leave as the protocol says."""
        self.client.leave()

    def _at(self, offset: int) -> tuple[int, int]:
        line = self._snapshot.line_of(offset)
        before = self._snapshot.text[self._snapshot.line_start(line) : offset]
        return line, len(before.encode("utf-16-le")) // 2


def play(window: Window, script: Script) -> list[Asked]:
    """Type a script into a new document, asking after each key."""
    window.open(script.text, script.cursor)
    asked: list[Asked] = [window.ask(Key("jump"))]
    home = window.cursor
    for key in script.keys:
        home = carry_out(window, key, home)
        if key.kind == "accept" and asked[-1].items:
            shown = str(asked[-1].items[0]["insertText"]).partition("\n")[0]
            window.edit(window.cursor, window.cursor, shown)
        asked.append(window.ask(key))
    return asked


def carry_out(window: Window, key: Key, home: int) -> int:
    """Do what a key does to text and cursor, accepting aside; where the cursor comes back to."""
    if key.kind in ("type", "slip"):
        window.edit(window.cursor, window.cursor, key.text)
    elif key.kind == "erase":
        window.edit(window.cursor - 1, window.cursor, "")
    elif key.kind == "jump":
        home, window.cursor = window.cursor, window.snapshot.line_start(3)
    elif key.kind == "return":
        window.cursor = home
    return home
