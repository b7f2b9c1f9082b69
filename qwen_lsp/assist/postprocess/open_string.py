"""Whether a growing text is inside a string or block comment that has no end yet."""

from __future__ import annotations

from qwen_lsp.code.cursor_context import CursorContext
from qwen_lsp.code.languages import language
from qwen_lsp.code.syntax import Inside


class OpenString:
    """Whether a growing text is inside an unfinished string or block comment, which no parser can know for sure.

    Until it ends, brackets in it must not count.
    """

    def __init__(self, place: CursorContext, open_quote: str) -> None:
        facts = language(place.language)
        self._triple = facts.id in ("python", "kotlin", "swift", "scala", "java", "julia", "dart", "csharp")
        self._single_is_string = facts.single_quotes
        self._line_comment = facts.line_comment or "\n"
        self._quote = open_quote
        self._comment = self._escaped = False
        self._at = 0
        self._last = ""
        self.level = 0
        """Brackets opened less brackets closed so far, outside of strings and comments."""
        self._block = place.in_block_comment and not open_quote
        self._blocks = place.is_braced
        self.since: int | None = 0 if open_quote or self._block else None
        """Where the unfinished string or comment began; None outside."""

    @property
    def kind(self) -> Inside:
        """What `since` is about."""
        return "comment" if self._block else "string"

    def take(self, piece: str) -> None:
        """Go on over a piece."""
        for char in piece:
            self._take(char)
            self._last = (self._last + char)[-3:]
            self._at += 1

    def _take(self, char: str) -> None:
        if self._escaped:
            self._escaped = False
        elif char == "\n":
            self._comment = False
            if len(self._quote) == 1 and self._quote != "`":
                self._close()
        elif self._block:
            if self._last[-1:] + char == "*/":
                self._block, self.since = False, None
        elif self._comment:
            return
        elif self._quote:
            self._inside(char)
        elif char in '"`' or (char == "'" and self._single_is_string):
            self._open(char)
        elif char in "([{":
            self.level += 1
        elif char in ")]}":
            self.level -= 1
        elif (self._last + char).endswith(self._line_comment):
            self._comment = True
        elif self._blocks and self._last[-1:] + char == "/*":
            self._block, self.since = True, self._at - 1

    def _open(self, char: str) -> None:
        if self._triple and self._last[-2:] == char * 2:
            self._quote, self.since = char * 3, self._at - 2
        else:
            self._quote, self.since = char, self._at

    def _inside(self, char: str) -> None:
        if char == "\\":
            self._escaped = True
        elif (self._last + char)[-len(self._quote) :] == self._quote and (
            len(self._quote) == 1 or self.since is None or self._at - self.since >= 5 or self.since == 0
        ):
            self._close()

    def _close(self) -> None:
        self._quote, self.since = "", None
