"""Follows the engine and the answers, and tells the editor: progress bar, status notification, a few sentences."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lsprotocol import types

from qwen_lsp.assist.suggestion import CompletionResult
from qwen_lsp.engine.request import EngineInfo
from qwen_lsp.lsp.editor import Editor
from qwen_lsp.lsp.status import describe

if TYPE_CHECKING:
    from qwen_lsp.assist.completion.status import AssistantStatus
    from qwen_lsp.engine.base import Engine

_LOADING_LOOK_S = 0.5


@dataclass(frozen=True, slots=True)
class StatusFacts:
    """What the board has to ask the window for."""

    engine: Engine | None
    assistant: AssistantStatus | None
    paused: bool
    page: str
    """Address of the page; empty when it is switched off."""


class StatusReporter:
    """What a window knows and says of itself."""

    def __init__(
        self,
        editor: Editor,
        facts: Callable[[], StatusFacts],
        spawn: Callable[[Coroutine[Any, Any, None]], asyncio.Task[None]],
    ) -> None:
        self.failure = ""
        """Why there is no assistant, if so."""
        self._facts = facts
        self._editor = editor
        self._spawn = spawn
        self._info: EngineInfo | None = None
        self._last: CompletionResult | None = None
        self._watching: asyncio.Task[None] | None = None
        self._sent: dict[str, Any] | None = None

    def answered(self, answer: CompletionResult) -> None:
        """An answer went to the editor."""
        self._last = answer
        if answer.failure:
            self.watch()
        self.send()

    def fail(self, sentence: str) -> None:
        """There is no assistant; the user is told why."""
        self.failure = sentence
        self._editor.tell(sentence, types.MessageType.Error)
        self.send()

    def watch(self) -> None:
        """Follow the engine until it is ready or has failed, with a progress bar while it loads."""
        if self._watching is None or self._watching.done():
            self._watching = self._spawn(self._watch())

    async def look(self) -> None:
        """Ask the engine how it is."""
        engine = self._facts().engine
        self._info = await engine.info() if engine is not None else None

    async def _watch(self) -> None:
        bar = None
        try:
            while True:
                await self.look()
                self.send()
                if self._info is None or self._info.state != "loading":
                    break
                if bar is None:
                    bar = await self._editor.progress("Qwen")
                bar.report(self.describe()["message"], self._info.progress)
                await asyncio.sleep(_LOADING_LOOK_S)
        finally:
            if bar is not None:
                bar.end()
        self._announce()

    def _announce(self) -> None:
        """What a user should hear once without asking."""
        info = self._info
        if info is None:
            return
        if info.state == "failed":
            self._editor.tell(f"qwen-lsp: {info.detail}")
        elif info.is_starter or not info.local:
            kind = types.MessageType.Info if info.local else types.MessageType.Warning
            self._editor.note(self.describe()["message"], kind)

    def send(self) -> None:
        """Tell an editor that wants to know, when something has changed."""
        if self._editor.abilities.status and (status := self.describe()) != self._sent:
            self._sent = status
            self._editor.send_status(status)

    def describe(self) -> dict[str, Any]:
        """The status as plain values."""
        facts = self._facts()
        return describe(
            self._info,
            facts.assistant,
            last=self._last,
            paused=facts.paused,
            failure=self.failure,
            address=facts.page,
        )
