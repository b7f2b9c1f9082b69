"""The same suggestions as ordinary completion items, for editors without ghost text."""

from __future__ import annotations

import asyncio
import re

from lsprotocol import types

from qwen_lsp.assist.suggestion import Suggestion
from qwen_lsp.code.markdown import fence
from qwen_lsp.code.snapshot import Snapshot
from qwen_lsp.lsp.editor import SECTION
from qwen_lsp.lsp.jsonrpc.protocol import LspServer
from qwen_lsp.lsp.positions import Positions
from qwen_lsp.lsp.session import Session

_WORD = re.compile(r"\w*\Z")
_OPTIONS = types.CompletionOptions(
    resolve_provider=True, trigger_characters=[".", "(", "[", "=", ":", ",", " "]
)


def register(server: LspServer, session: Session) -> None:
    """Offer the items only where they are wanted (`suggest.completion_items`): else each would show twice."""

    announcement = Announcement(session)
    session.when_settled.append(announcement.follow)
    server.told_later = lambda: ("completion_provider",) if announcement.comes_later else ()

    @server.feature(types.TEXT_DOCUMENT_COMPLETION, _OPTIONS)
    async def completion(params: types.CompletionParams) -> types.CompletionList:
        ask = None
        if wanted(session):
            ask = session.suggestions.ask_at(params.text_document.uri, params.position, manual=False)
        if ask is None:
            return types.CompletionList(is_incomplete=wanted(session), items=[])
        positions = session.documents.positions
        answer = await session.suggestions.answer(ask)
        items = [
            item_of(ask.snapshot, ask.cursor, suggestion, positions) for suggestion in answer.suggestions
        ]
        return types.CompletionList(is_incomplete=True, items=items)

    @server.feature(types.COMPLETION_ITEM_RESOLVE)
    async def resolve(item: types.CompletionItem) -> types.CompletionItem:
        if isinstance(item.data, dict) and isinstance(code := item.data.get("text"), str):
            item.documentation = _documentation(session, code, str(item.data.get("language", "")))
        return item


class Announcement:
    """What an editor with ghost text is told of our items: nothing, while they are not wanted.

    VS Code opens its list at each of our trigger characters, and where we have nothing fills it with other things,
    which then hides the ghost text.
    """

    def __init__(self, session: Session) -> None:
        self._session = session
        self._registered = False
        self._turn = asyncio.Lock()

    @property
    def comes_later(self) -> bool:
        """Whether `initialize` says nothing of the items: this editor can be told of them any time."""
        abilities = self._session.editor.abilities
        return abilities.inline_completion and abilities.dynamic_completion

    async def follow(self) -> None:
        """Register the items or take them back, as the settings in force want."""
        async with self._turn:
            if not self.comes_later or (want := wanted(self._session)) == self._registered:
                return
            self._registered = want
            if want:
                await self._session.editor.register(types.TEXT_DOCUMENT_COMPLETION, _OPTIONS)
            else:
                await self._session.editor.unregister(types.TEXT_DOCUMENT_COMPLETION)


def wanted(session: Session) -> bool:
    """Whether this editor should get completion items."""
    mode = session.settings.suggest.completion_items
    return mode == "on" or (mode == "auto" and not session.suggestions.for_ghost_text)


def item_of(
    snapshot: Snapshot, cursor: int, suggestion: Suggestion, positions: Positions
) -> types.CompletionItem:
    """A suggestion as an item that replaces the word at the cursor, so that every editor filters it alike."""
    text = suggestion.text.replace("\r\n", "\n").replace("\r", "\n")
    start = suggestion.start
    if start == cursor:
        line_start = snapshot.line_start(snapshot.line_of(cursor))
        found = _WORD.search(snapshot.text[line_start:cursor])
        word = found[0] if found else ""
        start, text = cursor - len(word), word + text
    lines = text.strip().splitlines() or [""]
    return types.CompletionItem(
        label=lines[0] + (" …" if len(lines) > 1 else ""),
        kind=types.CompletionItemKind.Snippet,
        detail="Qwen",
        sort_text="\uffff",
        filter_text=text,
        preselect=False,
        insert_text_format=types.InsertTextFormat.PlainText,
        insert_text_mode=types.InsertTextMode.AsIs,
        text_edit=types.TextEdit(positions.range(snapshot, start, suggestion.end), text),
        command=types.Command("Accepted", f"{SECTION}.accepted", arguments=[suggestion.id]),
        data={"id": suggestion.id, "text": text, "language": snapshot.language},
    )


def _documentation(session: Session, code: str, language: str) -> types.MarkupContent:
    if not session.editor.abilities.markdown_documentation:
        return types.MarkupContent(types.MarkupKind.PlainText, code)
    return types.MarkupContent(types.MarkupKind.Markdown, fence(code, language))
