"""The step that says how far a suggestion goes: one line, or as many as what was begun on it needs."""

from __future__ import annotations

import re
from collections.abc import Callable

from qwen_lsp.assist.postprocess.draft import Cut, Draft
from qwen_lsp.assist.postprocess.scope import ENDINGS, is_definition
from qwen_lsp.code.cursor_context import CursorContext, opens_block
from qwen_lsp.code.languages import language

_TAG = re.compile(r"<(/?)([A-Za-z][\w.:-]*)[^<>]*?(/?)>")
_VOID_TAGS = frozenset(
    ["area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"]
)
_CLOSERS = tuple(")]}")
_MEMBERS = re.compile(r"\b(interface|struct|type|record|enum|union|message|protocol|when|match|switch)\b")
"""Headers of blocks that list fields or arms."""
_ARM = re.compile(r"\s*(\||case\b|default\b|when\b)")
Fits = Callable[[str], bool]
"""Whether a line that has just begun still belongs to what is being written."""


class Extent:
    """Goes on while the text completes what the cursor's line began, and ends where that ends.

    Several lines are asked for outright where a block or a new line begins (`multiline`). Everywhere else the first
    line decides: an open bracket, a block's header, a list of items, a paragraph, a string or a comment goes on;
    a finished line does not, nor one with text right of the cursor that is more than closers.
    """

    def __init__(self, place: CursorContext, *, multiline: bool, may_grow: bool, max_lines: int) -> None:
        self._place, self._multiline = place, multiline
        self._facts = language(place.language)
        self._may_grow = may_grow and place.tail_is_closers
        self._most = max(1, max_lines) if multiline or self._may_grow else 1
        self._base = place.indent(place.head)
        self._in_body = False
        """Whether a header was written whose body ends with a dedent or a word."""
        self._fits: Fits | None = self._kind_of_text()
        self._lists_members = bool(_MEMBERS.search(self._header())) and not place.head_is_blank

    def watch(self, draft: Draft) -> Cut | None:
        """Ends the suggestion at the end of the last line that belongs to it."""
        if not draft.ended:
            return self._line_begins(draft)
        end = draft.starts[-1] - 1
        if self._most == 1 or draft.row >= self._most + (1 if not draft.lines[0].strip() else 0):
            return Cut(end, "enough lines" if self._most > 1 else "one line")
        if self._multiline or self._goes_on(draft, draft.full_line(draft.row - 1)):
            return None
        return Cut(end, "one line" if draft.row == 1 else "end of the construct")

    def _line_begins(self, draft: Draft) -> Cut | None:
        """Lines after the first must be of the kind the first one began."""
        if self._multiline or self._fits is None or draft.row == 0 or not draft.partial.strip():
            return None
        if draft.depth or draft.inside == "string" or self._fits(draft.partial):
            return None
        return Cut(max(0, draft.starts[-1] - 1), "end of the construct" if draft.row > 1 else "one line")

    def _goes_on(self, draft: Draft, line: str) -> bool:
        if draft.row == 1 and not draft.lines[0].strip():
            return self._may_begin_below(draft)
        if not line.strip():
            return draft.depth > 0 or draft.brackets.inside() == "string" or self._in_body
        if draft.depth or draft.brackets.inside() == "string":
            return True
        if self._open_tags(draft) > 0:
            return True
        if opens_block(line, self._place.language):
            self._in_body = self._in_body or self._facts.scopes in ("indentation", "words")
            return True
        if self._in_body:
            return not (self._ends_body(line) and self._place.indent(line) <= self._base)
        if self._is_item(draft, line):
            return True
        return self._fits is not None

    def _may_begin_below(self, draft: Draft) -> bool:
        """Whether something may follow on the next line, the cursor's own being done."""
        head = self._place.head
        if opens_block(head, self._place.language):
            self._in_body = self._facts.scopes in ("indentation", "words")
            return True
        if (
            self._fits is not None
            or self._open_tags(draft) > 0
            or head.rstrip().endswith((",", "(", "[", "{"))
        ):
            return True
        if is_definition(head, self._place.language) and self._facts.scopes == "braces":
            self._fits = lambda line: line.lstrip().startswith("{")  # the brace on a line of its own
            return True
        if any(opener.closed_at < 0 for opener in draft.brackets.openers) or self._facts.scopes == "words":
            self._fits = lambda line: line.lstrip().startswith(_CLOSERS) or self._may_end_body(line)
            return True
        return False

    def _is_item(self, draft: Draft, line: str) -> bool:
        """Whether the line is one of several items in a bracket from before the cursor."""
        openers = draft.brackets.openers
        if not openers or openers[0].char not in "([{" or draft.brackets.closed:
            return False
        return line.rstrip().endswith(",") or self._lists_members

    def _header(self) -> str:
        """The line that opened the block around the cursor; empty when the block goes on below it."""
        place = self._place
        if place.next_below and not place.next_below[0].lstrip().startswith(_CLOSERS):
            return ""
        above = (line for line in reversed(place.above) if line.strip() and place.indent(line) < self._base)
        line = next(above, "")
        return line if line.rstrip().endswith("{") else ""

    def _kind_of_text(self) -> Fits | None:
        """For text, comments, arms and flat data: what the following lines must look like."""
        place, facts = self._place, self._facts
        head = place.head.strip()
        if facts.kind == "prose":
            return lambda line: bool(line.strip()) and not line.lstrip().startswith("#")
        if facts.line_comment and head.startswith(facts.line_comment) and facts.scopes != "tags":
            return lambda line: _begins(line, facts.line_comment)
        if place.in_block_comment and head.startswith("*"):
            return lambda line: line.lstrip().startswith("*")
        if head.startswith("|") or _ARM.match(place.head):
            return lambda line: (
                bool(_ARM.match(line)) or _is_start_of_word(line) or place.indent(line) > self._base
            )
        if facts.kind == "data" and facts.scopes in ("indentation", "none") and head:
            return lambda line: place.indent(line) >= self._base and not line.startswith("[")
        return None

    def _ends_body(self, line: str) -> bool:
        word = line.strip().rstrip(";,)")
        return self._facts.scopes == "words" and word in ENDINGS

    def _may_end_body(self, line: str) -> bool:
        """Whether a line that is still being written may be a word that ends a block."""
        return self._facts.scopes == "words" and any(word.startswith(line.strip()) for word in ENDINGS)

    def _open_tags(self, draft: Draft) -> int:
        """Tags that the cursor's line and the suggestion have opened and not closed."""
        if self._facts.scopes != "tags" and not self._place.language.endswith("react"):
            return 0
        depth = 0
        for closing, name, alone in _TAG.findall(self._place.head + draft.text):
            if not alone and name.lower() not in _VOID_TAGS:
                depth += -1 if closing else 1
        return depth


def _begins(line: str, marker: str) -> bool:
    """Whether a line begins with a marker, or may still."""
    stripped = line.lstrip()
    return stripped.startswith(marker) or marker.startswith(stripped)


def _is_start_of_word(line: str) -> bool:
    stripped = line.strip()
    return any(word.startswith(stripped) for word in ("case", "default", "when"))
