"""Takes out what is no code: special tokens, thoughts, markdown fences and the sentences around them."""

from __future__ import annotations

import re

from qwen_lsp.code.cursor_context import CursorContext

_SPECIAL = re.compile(
    r"<[|｜][\w▁\-]{1,30}[|｜]>|</?s>|<EOT>|<(?:fim|file|repo)_\w+>|\[/?INST\]|<\|(?:cursor|end)\|>"
)
_MAYBE_SPECIAL = re.compile(
    r"<(?:[|｜][\w▁\-]{0,30}[|｜]?|/?s?|E|EO|EOT|(?:f|r)\w{0,16}|t\w{0,5}|/t\w{0,5})?$|\[/?I?N?S?T?$"
)
_FENCE = re.compile(r"\s*(```+|~~~+)")
_MAYBE_FENCE = re.compile(r"\s*(`{0,3}|~{0,3})$")
_SENTENCE = re.compile(
    r"(Here(?:'s|’s| is| are)|Sure|Certainly|Of course|Okay,|To (?:complete|fix|implement|fill|finish|make|solve)|"
    r"The (?:following|code|function|missing|completed?|given|above)|This (?:code|function|will|is|implementation)|"
    r"I(?:'ll|’ll|'ve| will| have| would|'m)|Let(?:'s| me| us)|In this|You (?:can|should|need)|Below is|Explanation|"
    r"Based on|It (?:looks|seems)|We (?:can|need)|As an AI|Note(?: that|:)|Based)\b"
)
_MAYBE_SENTENCE = re.compile(r"\s*[A-Z][A-Za-z'’ ,]{0,24}$")
_CHATTER = 600
"""Code points of prose waited for a fence to follow."""


class MarkupStripper:
    """Raw model text in, code out. `ended` names the rule when nothing more will come; `rejected` when nothing counts."""

    def __init__(self, place: CursorContext, *, in_text: bool) -> None:
        self._plain = place.is_prose or in_text
        self._raw = ""
        self._line = ""
        self._open = False
        """Whether the current line is known to be code and passes straight through."""
        self._first = True
        self._fenced = False
        self._chatter = 0
        self._chatting = False
        self._thinking = self._thought = False
        self.ended = ""
        self.rejected = ""

    def take(self, piece: str) -> str:
        """Code that is certain by now."""
        self._raw += piece.replace("\r", "")
        code, self._raw = self._without_tokens(self._raw)
        return self._lines(code)

    def flush(self) -> str:
        """What was held back, at the end of the stream."""
        code = "" if self.ended else self._lines(self._raw)
        self._raw = ""
        if self._chatting and not self.ended:
            self.rejected = "prose"
        if self.ended or self._chatting or not self._line:
            return code
        return code + self._settle(self._line, whole=True)

    def _without_tokens(self, raw: str) -> tuple[str, str]:
        """(certain, held back). Ends at a special token; leaves out a thought."""
        if self._thought and self._first:
            raw = raw.lstrip()
        if self._thinking or (self._first and raw.lstrip().startswith("<think>")):
            self._thinking = True
            _, found, rest = raw.partition("</think>")
            if not found:
                return "", raw[:7] + raw[7:][-16:]
            self._thinking, self._thought = False, True
            raw = rest.lstrip()
        special = _SPECIAL.search(raw)
        if special is not None:
            self.ended = "special token"
            return raw[: special.start()], ""
        maybe = _MAYBE_SPECIAL.search(raw)
        if maybe is not None:
            return raw[: maybe.start()], raw[maybe.start() :]
        return raw, ""

    def _lines(self, code: str) -> str:
        if self._plain:
            return code
        done = []
        while code and not (self.ended and self.ended != "special token"):
            line, newline, code = code.partition("\n")
            if self._open:
                done.append(line + newline)
            else:
                self._line += line
                done.append(self._settle(self._line + newline, whole=bool(newline)))
            if newline:
                self._open, self._line = False, ""
        return "".join(done)

    def _settle(self, line: str, *, whole: bool) -> str:
        """The line, once it is known to be code; until then nothing."""
        if not whole and (_MAYBE_FENCE.fullmatch(line) or (self._first and _MAYBE_SENTENCE.fullmatch(line))):
            return ""
        if _FENCE.match(line):
            return self._fence(line, whole)
        if self._chatting:
            return self._chat(line, whole)
        if self._first and line.strip() and _SENTENCE.match(line.strip()):
            self._chatting = True
            return self._chat(line, whole)
        if line.strip():
            self._first = False
        self._open, self._line = True, ""
        return line

    def _fence(self, line: str, whole: bool) -> str:
        if self._fenced or not (self._first or self._chatting):
            self.ended = "markdown fence"
        elif whole:
            self._fenced, self._chatting, self._first = True, False, False
        return ""

    def _chat(self, line: str, whole: bool) -> str:
        if whole:
            self._chatter += len(line)
        if self._chatter + len(line) > _CHATTER:
            self.ended = self.rejected = "prose"
        return ""
