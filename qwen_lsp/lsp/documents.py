"""The open documents as the editor has them. Changes arrive in the editor's units and leave as Edits.

Our own store instead of pygls's: that one splits lines at form feeds and other characters that LSP does not
count as line ends (which corrupts the document), and copies the whole list of lines at each key.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from urllib.parse import unquote

from lsprotocol import types

from qwen_lsp.code.change import shared_ends
from qwen_lsp.code.snapshot import Edit, Snapshot
from qwen_lsp.lsp.positions import Positions


@dataclass(frozen=True, slots=True)
class DocumentChange:
    """One didChange: the document before and after, and the edits that lead from one to the other."""

    before: Snapshot
    after: Snapshot
    edits: tuple[Edit, ...]


class Documents:
    """Open documents by URI; every version is a Snapshot, so nobody sees a document move."""

    def __init__(self) -> None:
        self.positions = Positions()
        self._open: dict[str, Snapshot] = {}

    def __iter__(self) -> Iterator[Snapshot]:
        return iter(list(self._open.values()))

    def get(self, uri: str) -> Snapshot | None:
        """The document as it is now, or None when it is not open."""
        return self._open.get(unquote(uri))

    def open(self, item: types.TextDocumentItem) -> Snapshot:
        """Keep a document just opened (again)."""
        snapshot = Snapshot(item.uri, item.language_id, item.version, _clean(item.text))
        self._open[unquote(item.uri)] = snapshot
        return snapshot

    def close(self, uri: str) -> Snapshot | None:
        """Forget a document; its last version."""
        return self._open.pop(unquote(uri), None)

    def change(
        self,
        document: types.VersionedTextDocumentIdentifier,
        changes: Sequence[types.TextDocumentContentChangeEvent],
    ) -> DocumentChange | None:
        """Apply the editor's changes in their order; None when the document is not open."""
        before = self.get(document.uri)
        if before is None:
            return None
        after, edits = before, []
        for change in changes:
            edit = self._edit(after, change)
            edits.append(edit)
            after = _apply(after, edit, document.version)
        if not edits:
            after = Snapshot(before.uri, before.language, document.version, before.text).with_line_starts(
                before.line_starts
            )
        self._open[unquote(document.uri)] = after
        return DocumentChange(before, after, tuple(edits))

    def _edit(self, snapshot: Snapshot, change: types.TextDocumentContentChangeEvent) -> Edit:
        text = _clean(change.text)
        if isinstance(change, types.TextDocumentContentChangePartial):
            start, end = self.positions.span(snapshot, change.range)
            return Edit(start, end, text)
        return smallest_edit(snapshot.text, text)


def smallest_edit(before: str, after: str) -> Edit:
    """The one edit that makes `after` of `before`, with what both ends share left out."""
    head, tail = shared_ends(before, after)
    return Edit(head, len(before) - tail, after[head : len(after) - tail])


def _apply(snapshot: Snapshot, edit: Edit, version: int) -> Snapshot:
    text = "".join((snapshot.text[: edit.start], edit.text, snapshot.text[edit.end :]))
    starts = snapshot.line_starts.after_edit(text, edit.start, edit.end, len(edit.text))
    return Snapshot(snapshot.uri, snapshot.language, version, text).with_line_starts(starts)


def _clean(text: str) -> str:
    """The text without lone surrogates, which cannot be sent on; each becomes one U+FFFD, so columns stay."""
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return "".join("\ufffd" if "\ud800" <= c <= "\udfff" else c for c in text)
    return text
