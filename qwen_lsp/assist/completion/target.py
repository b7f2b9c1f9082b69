"""Where a suggestion is made: the request's cursor, with an item highlighted in the editor's popup taken as typed."""

from __future__ import annotations

from dataclasses import dataclass

from qwen_lsp.assist.suggestion import CompletionRequest
from qwen_lsp.code.snapshot import Snapshot


@dataclass(frozen=True, slots=True)
class CompletionTarget:
    """Where the model continues. `snapshot` and `cursor` are the request's unless an item is highlighted."""

    snapshot: Snapshot
    cursor: int
    item: str = ""
    """The highlighted item; every suggestion begins with it."""
    start: int = 0
    """Where a suggestion's text is inserted, in the request's document."""
    shift: int = 0
    """How many characters longer the item made the document."""

    @classmethod
    def of(cls, request: CompletionRequest) -> CompletionTarget:
        """The target of a request."""
        if request.selected is None:
            return cls(request.snapshot, request.cursor, start=request.cursor)
        start = request.cursor if request.selected_start is None else request.selected_start
        snapshot = replaced(request.snapshot, start, request.cursor, request.selected)
        shift = len(request.selected) - (request.cursor - start)
        return cls(snapshot, start + len(request.selected), request.selected, start, shift)

    def fitted(self, text: str, end: int) -> tuple[str, int, int]:
        """Text, start and end in the request's document, for text that replaces cursor..end of this one."""
        return self.item + text, self.start, end - self.shift


def replaced(snapshot: Snapshot, start: int, end: int, text: str) -> Snapshot:
    """The document with start..end replaced; `text` has \\n line ends and gets the document's own."""
    if "\n" in text and snapshot.newline != "\n":
        text = text.replace("\n", snapshot.newline)
    whole = snapshot.text[:start] + text + snapshot.text[end:]
    starts = snapshot.line_starts.after_edit(whole, start, end, len(text))
    return Snapshot(snapshot.uri, snapshot.language, snapshot.version, whole).with_line_starts(starts)
