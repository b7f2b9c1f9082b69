"""A server process over an engine that answers from a file, for many code action tests in a row."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.support.diary import read_diary
from tests.support.lsp.action_server import action_command
from tests.support.lsp.apply_edits import apply_workspace_edit
from tests.support.lsp.client import LspClient


class Bench:
    """One server for all cases, and the file its engine answers from."""

    def __init__(
        self, folder: Path, caps: str = "vscode", settings: dict[str, Any] | None = None, **more: Any
    ) -> None:
        self.folder = folder
        self.script, self.diary = folder / "script.json", folder / "diary.jsonl"
        self.address = ""
        """Where the engine says its page is."""
        self.say("")
        self.diary.touch()
        self.client = LspClient(
            action_command(self.script, self.diary), {"QWEN_LSP_HOME": str(folder / "home")}
        )
        self.client.initialize(caps, initializationOptions={"qwen_lsp": settings}, settings=settings, **more)
        self.client.open("file:///ready.py", "x\n")
        self.client.inline("file:///ready.py", 0, 1)  # answered once the settings are in force
        self.numbers = itertools.count()

    def say(self, answer: str | list[str], finish: str = "stop", wait: bool = False, fail: str = "") -> None:
        part = self.script.with_suffix(".part")
        told = {"answer": answer, "finish": finish, "wait": wait, "fail": fail, "address": self.address}
        part.write_text(json.dumps(told), "utf-8")
        part.replace(self.script)

    def events(self) -> list[dict[str, Any]]:
        return read_diary(self.diary)

    def wait_for_event(self, event: str, since: int = 0) -> None:
        """Wait until the engine noted something (each message from the server is a reason to look again)."""
        self.client.wait_for(lambda _: any(e["event"] == event for e in self.events()[since:]))


def utf16(text: str, offset: int) -> dict[str, int]:
    before = text[:offset].split("\n")
    return {"line": len(before) - 1, "character": len(before[-1].encode("utf-16-le")) // 2}


Benches = Callable[..., Bench]
"""Name of recorded capabilities, and capabilities of one's own -> a started bench."""


class Page:
    """One open document with a selection («...» in the marked text), seen from the editor."""

    def __init__(
        self, bench: Bench, marked: str, path: Path, language: str = "python", *, newline: str = "\n"
    ) -> None:
        bare = marked.replace("«", "").replace("»", "")
        start = marked.index("«") if "«" in marked else 0
        end = marked.replace("«", "").index("»") if "»" in marked else start
        self.bench, self.uri, self.path = bench, path.as_uri(), path
        self.range = {"start": utf16(bare, start), "end": utf16(bare, end)}
        self.text = bare.replace("\n", newline)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(self.text, "utf-8", newline="")
        bench.client.open(self.uri, self.text, language)

    def actions(self, *problems: str, only: list[str] | None = None) -> list[dict[str, Any]]:
        """What is offered; `problems` are messages of diagnostics at the selection."""
        found = [{"range": self.range, "message": message, "severity": 1} for message in problems]
        context = {"diagnostics": found, "triggerKind": 1, **({"only": only} if only else {})}
        params = {"textDocument": {"uri": self.uri}, "range": self.range, "context": context}
        return list(self.bench.client.request("textDocument/codeAction", params))

    def action(self, title: str, *problems: str) -> dict[str, Any]:
        """The action whose title begins so."""
        return next(action for action in self.actions(*problems) if action["title"].startswith(title))

    def resolved(self, title: str, answer: str, *problems: str) -> dict[str, Any]:
        """The action, resolved with this answer of the model."""
        action = self.action(title, *problems)
        self.bench.say(answer)
        return dict(self.bench.client.request("codeAction/resolve", action))

    def run(self, title: str, answer: str | list[str]) -> Any:
        """Run an action that carries a command."""
        command = self.action(title)["command"]
        self.bench.say(answer)
        return self.bench.client.command(command["command"], *command["arguments"])

    def edit(self, title: str, answer: str, *problems: str) -> dict[str, Any] | None:
        """What the editor is given to apply, at resolve or by a command; None when the user was asked and declined."""
        action = self.action(title, *problems)
        self.bench.say(answer)
        client = self.bench.client
        if "command" not in action:
            return client.request("codeAction/resolve", action).get("edit")  # type: ignore[no-any-return]
        edits, seen = self.applies(), len(client.received)
        client.command(action["command"]["command"], *action["command"]["arguments"])
        outcomes = ("workspace/applyEdit", "window/showMessageRequest")
        client.wait_for(lambda m: m in client.received[seen:] and m.get("method") in outcomes)
        client.command("qwen_lsp.status")
        return edits[0] if edits else None

    def after(self, edit: dict[str, Any], unit: str = "utf-16") -> dict[str, str]:
        """All texts after an edit, by URI."""
        texts = {self.uri: self.text}
        apply_workspace_edit(edit, texts, {self.uri: 1}, unit)
        return texts

    def applies(self) -> list[dict[str, Any]]:
        """From now on the editor applies what it is sent, and keeps it in this list."""
        edits: list[dict[str, Any]] = []

        def accept(params: dict[str, Any]) -> dict[str, Any]:
            edits.append(params["edit"])
            return {"applied": True}

        self.bench.client.answer_with["workspace/applyEdit"] = accept
        return edits

    def told(self, since: int = 0) -> list[str]:
        """What the user was told."""
        received = self.bench.client.received[since:]
        return [m["params"]["message"] for m in received if m.get("method") == "window/showMessage"]
