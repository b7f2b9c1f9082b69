"""Ghost text: `textDocument/inlineCompletion`."""

from __future__ import annotations

import logging

from lsprotocol import types

from qwen_lsp.assist.suggestion import Suggestion
from qwen_lsp.code.snapshot import Snapshot
from qwen_lsp.lsp.editor import SECTION
from qwen_lsp.lsp.jsonrpc.protocol import LspServer
from qwen_lsp.lsp.positions import Positions
from qwen_lsp.lsp.session import Session

log = logging.getLogger(__name__)


def register(server: LspServer, session: Session) -> None:
    """Answer with suggestions, or an empty list (on null or an error Neovim keeps stale ghost text)."""

    # Without options pygls registers the handler but advertises nothing, and nobody asks.
    @server.feature(types.TEXT_DOCUMENT_INLINE_COMPLETION, types.InlineCompletionOptions())
    async def inline_completion(params: types.InlineCompletionParams) -> types.InlineCompletionList:
        session.suggestions.for_ghost_text = True
        manual = params.context.trigger_kind == types.InlineCompletionTriggerKind.Invoked
        ask = session.suggestions.ask_at(
            params.text_document.uri,
            params.position,
            manual=manual,
            selected=params.context.selected_completion_info,
        )
        if ask is None:
            return types.InlineCompletionList([])
        positions = session.documents.positions
        answer = await session.suggestions.answer(ask)
        items = (item_of(ask.snapshot, ask.cursor, s, positions) for s in answer.suggestions)
        return types.InlineCompletionList([item for item in items if item is not None])


def item_of(
    snapshot: Snapshot, cursor: int, suggestion: Suggestion, positions: Positions
) -> types.InlineCompletionItem | None:
    """A suggestion in the one shape that all editors show and accept rightly; None when it has not that shape.

    The range is on one line and holds the cursor, what it holds left of the cursor begins the text, and what
    it holds right of the cursor comes back in the text. Line ends are \\n.
    """
    replaced = positions.range(snapshot, suggestion.start, suggestion.end)
    text = suggestion.text.replace("\r\n", "\n").replace("\r", "\n")
    before = snapshot.text[suggestion.start : cursor]
    fits = (
        suggestion.start <= cursor <= suggestion.end
        and replaced.start.line == replaced.end.line
        and text.startswith(before)
    )
    if not fits or not text:
        log.error("A suggestion from %s has a shape that editors misread; not shown", suggestion.source)
        return None
    return types.InlineCompletionItem(
        insert_text=text,
        range=replaced,
        command=types.Command("Accepted", f"{SECTION}.accepted", arguments=[suggestion.id]),
    )
