"""A user at a document, for tests of the assistant: types, deletes, jumps, asks."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

from qwen_lsp.assist.completion.assistant import Assistant
from qwen_lsp.assist.suggestion import CompletionRequest, CompletionResult, Suggestion, SuggestionTrace
from qwen_lsp.code.snapshot import Edit, Snapshot
from qwen_lsp.engine.base import Engine
from qwen_lsp.engine.request import Request, TextPrompt
from qwen_lsp.engine.stubs.scripted import ScriptedEngine
from qwen_lsp.metrics import Ring
from qwen_lsp.settings import Settings


def quick(**suggest: Any) -> Settings:
    """Settings without debounce and prefetch, unless told otherwise."""
    base = Settings()
    chosen = {"debounce_ms": 0, "prefetch": False, **suggest}
    return dataclasses.replace(base, suggest=dataclasses.replace(base.suggest, **chosen))


class Desk:
    """One document and its user. `¦` marks the cursor at the start."""

    def __init__(
        self,
        marked: str,
        engine: Engine | str | Callable[[Request], str] = "",
        settings: Settings | None = None,
        *,
        uri: str = "file:///work/a.py",
        language: str = "python",
        **parts: Any,
    ) -> None:
        self.engine = (
            engine if not isinstance(engine, str) and not callable(engine) else ScriptedEngine(engine)
        )
        self.traces: Ring[SuggestionTrace] = Ring()
        self.assistant = Assistant(self.engine, settings or quick(), traces=self.traces, **parts)
        before, _, after = marked.partition("¦")
        self.cursor = len(before)
        self.snapshot = Snapshot(uri, language, 1, before + after)
        self.assistant.opened(self.snapshot)

    @property
    def scripted(self) -> ScriptedEngine:
        """The engine, when it is the test double."""
        assert isinstance(self.engine, ScriptedEngine)
        return self.engine

    @property
    def prompts(self) -> list[TextPrompt]:
        """The fill-in-the-middle prompts the engine was asked, in order."""
        return [r.prompt for r in self.scripted.requests if isinstance(r.prompt, TextPrompt)]

    @property
    def text(self) -> str:
        """The document now."""
        return self.snapshot.text

    def edit(self, start: int, end: int, text: str) -> None:
        """Replace start..end; the cursor keeps its place in the text."""
        before, edit = self.snapshot, Edit(start, end, text)
        whole = before.text[:start] + text + before.text[end:]
        starts = before.line_starts.after_edit(whole, start, end, len(text))
        self.snapshot = Snapshot(before.uri, before.language, before.version + 1, whole).with_line_starts(
            starts
        )
        if end <= self.cursor:
            self.cursor += len(text) - (end - start)
        elif start < self.cursor:
            self.cursor = start + len(text)
        self.assistant.changed(before, self.snapshot, [edit])

    def type(self, text: str) -> None:
        """Put text in at the cursor."""
        self.edit(self.cursor, self.cursor, text)

    def backspace(self, count: int = 1) -> None:
        """Take away what stands left of the cursor."""
        self.edit(self.cursor - count, self.cursor, "")

    def ask_value(self, **options: Any) -> CompletionRequest:
        """The question as it would be asked now."""
        return CompletionRequest(self.snapshot, self.cursor, **{"session": "window", **options})

    async def ask(self, **options: Any) -> CompletionResult:
        """Ask here and now, and take it as shown."""
        answer = await self.assistant.complete(self.ask_value(**options))
        for suggestion in answer.suggestions:
            self.assistant.shown(suggestion.id)
        return answer

    async def text_of(self, **options: Any) -> str | None:
        """What is suggested first, or None."""
        answer = await self.ask(**options)
        return answer.suggestions[0].text if answer.suggestions else None

    def accept(self, suggestion: Suggestion) -> None:
        """Take a suggestion as an editor does."""
        self.edit(suggestion.start, suggestion.end, suggestion.text)
        self.cursor = suggestion.start + len(suggestion.text)
        self.assistant.accepted(suggestion.id)
