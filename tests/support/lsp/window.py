"""An editor window inside the test: one open document and a scripted assistant behind the real server."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from qwen_lsp.engine.base import Engine
from qwen_lsp.engine.stubs.none import NoEngine
from qwen_lsp.lsp.session import OpenEngine
from qwen_lsp.settings import Settings
from tests.support.lsp.in_process import Inside
from tests.support.scripted_assistant import Line, ScriptedAssistant

URI = "file:///work/a.py"


class Window(Inside):
    """An editor with one open document and a scripted assistant."""

    def __init__(self, *lines: Line, open_engine: OpenEngine = lambda settings: NoEngine()) -> None:
        self.assistant = ScriptedAssistant(lines)
        self.built: list[tuple[Settings, Engine, Sequence[Path]]] = []
        """What each assistant was built of."""
        super().__init__(open_engine, self._build)

    def _build(self, settings: Settings, engine: Engine, roots: Sequence[Path], _: Any) -> Any:
        self.built.append((settings, engine, roots))
        return self.assistant

    async def start(
        self, text: str = "", caps: str = "vscode", *, settings: Any = None, **params: Any
    ) -> None:
        """Shake hands, wait for the assistant, open the document."""
        await self.initialize(caps, settings=settings, **params)
        self.notify("initialized", {})
        await self.session.assistant()
        item = {"uri": URI, "languageId": "python", "version": 1, "text": text}
        self.notify("textDocument/didOpen", {"textDocument": item})

    def ask(self, line: int, character: int, kind: int = 2, **context: Any) -> int:
        params = {
            "textDocument": {"uri": URI},
            "position": {"line": line, "character": character},
            "context": {"triggerKind": kind, **context},
        }
        return self.start_request("textDocument/inlineCompletion", params)

    async def items(self, line: int, character: int, **more: Any) -> list[dict[str, Any]]:
        return list((await self.answer(self.ask(line, character, **more)))["result"]["items"])

    def type(self, version: int, line: int, character: int, text: str) -> None:
        place = {"line": line, "character": character}
        change = {"range": {"start": place, "end": place}, "text": text}
        document = {"uri": URI, "version": version}
        self.notify("textDocument/didChange", {"textDocument": document, "contentChanges": [change]})

    async def command(self, name: str, *arguments: Any) -> Any:
        params = {"command": f"qwen_lsp.{name}", "arguments": list(arguments)}
        return await self.request("workspace/executeCommand", params)

    async def status(self) -> Any:
        return await self.command("status")

    def told(self, event: str) -> list[dict[str, Any]]:
        return [e for e in self.assistant.events if e["event"] == event]
