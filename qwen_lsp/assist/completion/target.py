"""The place a suggestion is made for: the ask, with an item highlighted in the editor's popup taken as typed."""

from __future__ import annotations

from dataclasses import dataclass

from qwen_lsp.assist.suggestion import CompletionRequest
from qwen_lsp.code.snapshot import Snapshot


@dataclass(frozen=True, slots=True)
class CompletionTarget:
    """Where the model goes on. `snapshot` and `cursor` are the ask's own unless an item is highlighted."""

    snapshot: Snapshot
    cursor: int
    item: str = ""
    """The highlighted item; every suggestion begins with it."""
    start: int = 0
    """Where a suggestion's text is put, in the ask's own document; so is `shift` counted."""
    shift: int = 0
    """How many characters the item made the document longer."""

    @classmethod
    def of(cls, ask: CompletionRequest) -> CompletionTarget:
        """The point of an ask."""
        if ask.selected is None:
            return cls(ask.snapshot, ask.cursor, start=ask.cursor)
        start = ask.cursor if ask.selected_start is None else ask.selected_start
        snapshot = replaced(ask.snapshot, start, ask.cursor, ask.selected)
        shift = len(ask.selected) - (ask.cursor - start)
        return cls(snapshot, start + len(ask.selected), ask.selected, start, shift)

    def fitted(self, text: str, end: int) -> tuple[str, int, int]:
        """Text, start and end in the ask's own document, for text that replaces cursor..end of this one."""
        return self.item + text, self.start, end - self.shift


def replaced(snapshot: Snapshot, start: int, end: int, text: str) -> Snapshot:
    """The document with start..end replaced; `text` has \\n line ends and gets the document's own."""
    if "\n" in text and snapshot.newline != "\n":
        text = text.replace("\n", snapshot.newline)
    whole = snapshot.text[:start] + text + snapshot.text[end:]
    starts = snapshot.line_starts.after_edit(whole, start, end, len(text))
    return Snapshot(snapshot.uri, snapshot.language, snapshot.version, whole).with_line_starts(starts)
