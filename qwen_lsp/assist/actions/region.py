"""Which whole lines an action works on: the selection, or the definition around the cursor."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from qwen_lsp.code.languages import Language, language
from qwen_lsp.code.snapshot import Snapshot

WHOLE_FILE_LINES = 200
"""A cursor outside every definition means the whole file when it is no longer than this."""
SMALL_FILE_LINES = 40
"""A fix may need an import at the top, so a file this small is shown and mended as a whole."""
_MOST_LINES_UP = 2_000
_NAMELESS = frozenset({"arrow_function", "lambda", "lambda_expression", "func_literal", "closure_expression"})
_CONTROL = re.compile(r"^[\s}]*(?:if|else|elif|for|while|do|switch|match|catch|try|finally|return|with)\b")


@dataclass(frozen=True, slots=True)
class Region:
    """Whole lines of a snapshot: start is a line's first character, end lies after a line's ending."""

    snapshot: Snapshot
    start: int
    end: int

    @property
    def text(self) -> str:
        """The lines, endings included."""
        return self.snapshot.text[self.start : self.end]

    @property
    def is_whole_file(self) -> bool:
        """Nothing but blank lines lies outside."""
        text = self.snapshot.text
        return not text[: self.start].strip() and not text[self.end :].strip()


def selected_lines(snapshot: Snapshot, start: int, end: int) -> Region:
    """The whole lines a selection touches; a selection that ends at a line's start does not touch that line."""
    first = snapshot.line_of(start)
    last = snapshot.line_of(end)
    if end > start and last > first and end == snapshot.line_start(last):
        last -= 1
    return lines(snapshot, first, last)


def lines(snapshot: Snapshot, first: int, last: int) -> Region:
    """Lines first..last, both included."""
    return Region(snapshot, snapshot.line_start(first), snapshot.line_start(last + 1))


def whole_file(snapshot: Snapshot) -> Region:
    """All of it."""
    return Region(snapshot, 0, len(snapshot.text))


def region_for(snapshot: Snapshot, start: int, end: int) -> Region | None:
    """The selection's lines; without one the definition around the cursor, else a file that is short enough."""
    if end > start and snapshot.text[start:end].strip():
        return selected_lines(snapshot, start, end)
    return definition_around(snapshot, start, start) or short_file(snapshot)


def region_around(snapshot: Snapshot, start: int, end: int) -> Region:
    """A small file, the definition around a problem, a short file, else the twenty lines on each side."""
    if len(snapshot.line_starts) <= SMALL_FILE_LINES:
        return whole_file(snapshot)
    found = definition_around(snapshot, start, end) or short_file(snapshot)
    if found is not None:
        return found
    first, last = snapshot.line_of(start), snapshot.line_of(end)
    return lines(snapshot, max(0, first - 20), min(len(snapshot.line_starts) - 1, last + 20))


def short_file(snapshot: Snapshot) -> Region | None:
    """The whole file when it has something in it and is not long."""
    if not snapshot.text.strip() or len(snapshot.line_starts) > WHOLE_FILE_LINES:
        return None
    return whole_file(snapshot)


def definition_around(snapshot: Snapshot, start: int, end: int) -> Region | None:
    """The innermost named definition that holds start..end, with its decorators and leading comments."""
    return _by_syntax(snapshot, start, end) or _by_indentation(snapshot, start, end)


def _by_syntax(snapshot: Snapshot, start: int, end: int) -> Region | None:
    """By the syntax tree; None when there is no grammar, or the code is too broken to tell."""
    from qwen_lsp.code.syntax import parse

    parsed = parse(snapshot.text, snapshot.language)
    if parsed is None:
        return None
    line = snapshot.line_of(start)
    at = max(start, snapshot.line_start(line) + indent_of(snapshot.line_text(line)))
    at = min(at, snapshot.line_start(line) + len(snapshot.line_text(line)))
    found = parsed.enclosing_function(at)
    while found is not None and (found.kind in _NAMELESS or found.end < end):
        found = parsed.enclosing_function(found.start - 1) if found.start > 0 else None
    if found is None:
        found = parsed.enclosing_type(at)
    if found is None or found.end < end:
        return None
    spoken, first = language(snapshot.language), snapshot.line_of(found.start)
    return lines(snapshot, _with_what_leads(snapshot, first, spoken), snapshot.line_of(found.end))


def _by_indentation(snapshot: Snapshot, start: int, end: int) -> Region | None:
    spoken = language(snapshot.language)
    first, last = snapshot.line_of(start), snapshot.line_of(end)
    for header in range(first, max(-1, first - _MOST_LINES_UP), -1):
        text = snapshot.line_text(header)
        if not text.strip() or _CONTROL.match(text) or re.search(spoken.header, text) is None:
            continue
        bottom = _last_line(snapshot, header, spoken)
        if bottom >= last:
            return lines(snapshot, _with_what_leads(snapshot, header, spoken), bottom)
    return None


def indent_of(line: str) -> int:
    """How many characters of white space a line begins with."""
    return len(line) - len(line.lstrip(" \t"))


def common_indent(rows: Sequence[str]) -> str:
    """The white space that all non-blank lines begin with."""
    indents = [row[: indent_of(row)] for row in rows if row.strip()]
    shortest = min(indents, key=len, default="")
    while not all(indent.startswith(shortest) for indent in indents):
        shortest = shortest[:-1]
    return shortest


def _last_line(snapshot: Snapshot, header: int, spoken: Language) -> int:
    """The last line of the definition that begins at `header`, by indentation."""
    depth = indent_of(snapshot.line_text(header))
    last = header
    for line in range(header + 1, len(snapshot.line_starts)):
        text = snapshot.line_text(line).strip()
        if not text:
            continue
        goes_on = text[0] in ")]" or (text[0] == "{" and line == header + 1)
        if indent_of(snapshot.line_text(line)) <= depth and not goes_on:
            return line if _is_end(text, spoken) else last
        last = line
    return last


def _is_end(text: str, spoken: Language) -> bool:
    if spoken.scopes == "words" and text == "end":
        return True
    return text[0] == "}" and spoken.scopes != "indentation"


def _with_what_leads(snapshot: Snapshot, header: int, spoken: Language) -> int:
    """The first of the decorators, annotations and comments that stand right above a definition."""
    depth = indent_of(snapshot.line_text(header))
    first = header
    while first > 0:
        above = snapshot.line_text(first - 1)
        stripped = above.strip()
        leads = stripped.startswith(("@", "#[", spoken.line_comment, "/*", "*", "*/", "template"))
        if not stripped or indent_of(above) < depth or not leads:
            break
        first -= 1
    return first
