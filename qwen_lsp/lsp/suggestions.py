"""Questions and answers of one window: a cursor becomes an Ask, an Answer is remembered until it is taken."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from lsprotocol import types

from qwen_lsp.assist.suggestion import CompletionRequest, CompletionResult, Suggestion
from qwen_lsp.errors import QwenLspError
from qwen_lsp.lsp.documents import Documents

if TYPE_CHECKING:
    from qwen_lsp.assist.completion.assistant import Assistant

log = logging.getLogger(__name__)

_KEPT = 64
"""How many shown suggestions can still be accepted or asked for their source."""


class Suggestions:
    """Asks the assistant for the editor; never raises for what goes wrong behind it."""

    def __init__(
        self,
        documents: Documents,
        assistant: Callable[[], Awaitable[Assistant]],
        answered: Callable[[CompletionResult], None],
    ) -> None:
        """`answered` hears every answer, the silent ones too."""
        self.paused = False
        self.for_ghost_text = False
        """Whether this editor has inline completion: it said so, or has asked for one."""
        self._documents = documents
        self._assistant = assistant
        self._answered = answered
        self._shown: dict[str, Suggestion] = {}
        self._manual: set[str] = set()

    def ask_at(
        self,
        uri: str,
        position: types.Position,
        *,
        manual: bool,
        selected: types.SelectedCompletionInfo | None = None,
    ) -> CompletionRequest | None:
        """The question for a cursor, with the document as it is now; None when it is not open."""
        snapshot = self._documents.get(uri)
        if snapshot is None:
            return None
        asked_by_key = manual or uri in self._manual
        self._manual.discard(uri)
        positions = self._documents.positions
        return CompletionRequest(
            snapshot,
            positions.offset(snapshot, position),
            manual=asked_by_key,
            selected=selected.text if selected else None,
            selected_start=positions.offset(snapshot, selected.range.start) if selected else None,
            session=uri,
        )

    def next_is_manual(self, uri: str) -> None:
        """Take the next question for this document as asked by key, for editors that cannot say so."""
        self._manual.add(uri)

    def forget(self, uri: str) -> None:
        """A document was closed."""
        self._manual.discard(uri)

    async def answer(self, ask: CompletionRequest) -> CompletionResult:
        """The assistant's answer; a failure is an empty answer whose reason the status tells."""
        answer = await self._answer(ask)
        self._answered(answer)
        return answer

    async def _answer(self, ask: CompletionRequest) -> CompletionResult:
        if self.paused and not ask.manual:
            return CompletionResult(reason="switched off by qwen_lsp.toggle")
        try:
            assistant = await self._assistant()
            answer = await assistant.complete(ask)
        except QwenLspError as error:
            return CompletionResult(reason=str(error), failure=str(error))
        except Exception as error:
            log.exception("A suggestion failed")
            return CompletionResult(reason=f"An unexpected failure: {type(error).__name__}: {error}")
        for suggestion in answer.suggestions:
            self._keep(suggestion)
            assistant.shown(suggestion.id)
        return answer

    def _keep(self, suggestion: Suggestion) -> None:
        self._shown[suggestion.id] = suggestion
        while len(self._shown) > _KEPT:
            del self._shown[next(iter(self._shown))]

    def shown(self, suggestion_id: str) -> Suggestion | None:
        """A suggestion lately shown."""
        return self._shown.get(suggestion_id)

    async def accepted(self, suggestion_id: str, chars: int | None = None) -> bool:
        """The user took a suggestion, or its first `chars` characters; whether we knew it."""
        if suggestion_id not in self._shown:
            return False
        (await self._assistant()).accepted(suggestion_id, chars)
        return True
