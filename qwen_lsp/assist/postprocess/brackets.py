"""Which brackets and strings are open at the cursor, which the file closes, and which a growing text closes.

Tokens come from tree-sitter where there is a grammar, so that brackets in strings and comments do not count;
elsewhere from a loose lexer.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from qwen_lsp.assist.postprocess.open_string import OpenString
from qwen_lsp.code.cursor_context import CursorContext
from qwen_lsp.code.languages import language
from qwen_lsp.code.syntax import GrowingText, Inside, grammar, inside_of, is_string, leaves

_PAIRS = {")": "(", "]": "[", "}": "{"}
_TRIPLE_QUOTED = frozenset(
    ["python", "kotlin", "swift", "scala", "java", "julia", "elixir", "groovy", "dart", "csharp"]
)


class Mark(NamedTuple):
    """A bracket or the end of a string that began before the cursor; `at` counts code points from the cursor."""

    char: str
    at: int
    closes: bool


@dataclass(frozen=True, slots=True)
class Opener:
    """A bracket or string open at the cursor. `closed_at`: where the file closes it, from the cursor; -1: nowhere."""

    char: str
    indent: int
    closed_at: int


class Brackets:
    """Follows a suggestion as it grows."""

    def __init__(self, place: CursorContext) -> None:
        self._place = place
        self._tokens = _tokens_of(place)
        self.openers = _openers(place)
        """Innermost first."""
        self.closed = 0
        """How many of them the suggestion has closed."""
        self._stack: list[str] = []
        self._pending = ""
        self._floor = 0
        """Below this level a closer may close something from before the suggestion."""
        innermost = self.openers[0].char if self.openers else ""
        self._quotes = OpenString(place, innermost if innermost not in ("(", "[", "{") else "")

    @property
    def depth(self) -> int:
        """Brackets the suggestion opened and has not closed."""
        if any(char in "([{" for char in self._pending):
            self._parse()
        return len(self._stack)

    def grow(self, piece: str) -> list[int]:
        """Take the next piece; offsets (in the suggestion) of closers that close something from before it.

        The parser is asked at the end of a line, and where a closer may be such a one: not for every bracket.
        """
        self._pending += piece
        self._quotes.take(piece)
        closes = piece in ")]}" and self._quotes.level < self._floor
        if piece == "\n" or closes or (self._in_string and piece in "\"'`"):
            return self._parse()
        return []

    def _parse(self) -> list[int]:
        marks, self._pending = self._tokens.grow(self._pending, self._quotes.since), ""
        outer = [mark.at for mark in marks if self._closes_outer(mark)]
        self._floor = self._quotes.level - len(self._stack)
        return outer

    @property
    def _in_string(self) -> bool:
        return self.closed == 0 and bool(self.openers) and self.openers[0].char not in _PAIRS.values()

    def reopen(self) -> None:
        """The bracket opened last stands for the one just closed, as in `} else {`: the file closes that one."""
        self._stack.pop()
        self.closed -= 1
        self._floor = self._quotes.level - len(self._stack)

    def inside(self) -> Inside | None:
        """Whether the end of what has been taken lies in a string or comment."""
        if self._quotes.since is not None:
            return self._quotes.kind
        return self._tokens.inside()

    def _closes_outer(self, mark: Mark) -> bool:
        if not mark.closes:
            self._stack.append(mark.char)
            return False
        if mark.char in _PAIRS and self._stack:
            if self._stack[-1] == _PAIRS[mark.char]:
                self._stack.pop()
            return False
        self.closed += 1
        return True


def unbalanced(place: CursorContext, text: str, after: str) -> int:
    """Brackets without a partner in the file around the cursor, had it this text at the cursor and `after` behind."""
    whole = place.window + text + after
    if grammar(place.language) is None:
        marks = _Loose(place, "").grow(whole)
    else:
        marks = _Tokens(whole, place.language, base=0).scan(0, string_before=0)
    stack: list[str] = []
    alone = 0
    for mark in marks:
        if not mark.closes:
            stack.append(mark.char)
        elif stack and stack[-1] == _PAIRS.get(mark.char):
            stack.pop()
        elif mark.char in _PAIRS:
            alone += 1
    return len(stack) + alone


def _openers(place: CursorContext) -> list[Opener]:
    """What is open at the cursor, and where the file closes each; matched by bracket and by indentation."""
    stack: list[tuple[str, int]] = []
    lines = place.window.split("\n")
    starts = _line_starts(lines)
    tokens = _whole_tokens(place)
    line = 0
    for mark in tokens.before:
        while line + 1 < len(starts) and starts[line + 1] <= mark.at:
            line += 1
        if not mark.closes:
            stack.append((mark.char, place.indent(lines[line])))
        elif stack and stack[-1][0] == _PAIRS.get(mark.char, mark.char):
            stack.pop()
    if tokens.string:
        stack.append((tokens.string, place.indent(lines[-1])))
    return _close(place, stack, tokens.after)


def _close(place: CursorContext, stack: list[tuple[str, int]], after: list[Mark]) -> list[Opener]:
    closers = _unmatched(after)
    rows = place.after.split("\n")
    starts = _line_starts(rows)
    found: list[Opener] = []
    for char, indent in reversed(stack):
        closed_at = -1
        if closers and _PAIRS.get(closers[0].char, closers[0].char) == char:
            row = max(at for at, start in enumerate(starts) if start <= closers[0].at)
            begins_row = row > 0 and rows[row].lstrip(" \t")[:1] == closers[0].char
            if not begins_row or place.indent(rows[row]) == indent or char != "{":
                closed_at = closers.pop(0).at
        elif not closers and place.cut_below and char == "{":
            closed_at = len(place.after)
        found.append(Opener(char, indent, closed_at))
    return found


def _unmatched(marks: list[Mark]) -> list[Mark]:
    depth, found = 0, []
    for mark in marks:
        if not mark.closes:
            depth += 1
        elif depth and mark.char in _PAIRS:
            depth -= 1
        else:
            found.append(mark)
    return found


def _line_starts(lines: list[str]) -> list[int]:
    starts, at = [], 0
    for line in lines:
        starts.append(at)
        at += len(line) + 1
    return starts


@dataclass(slots=True)
class _Whole:
    before: list[Mark]
    after: list[Mark]
    string: str


def _whole_tokens(place: CursorContext) -> _Whole:
    """The brackets of the file as it is, before and after the cursor; offsets from the window's and cursor's start."""
    before_text, after_text = place.window, place.after
    found = grammar(place.language)
    if found is None:
        head = _Loose(place, "")
        before = head.grow(before_text)
        return _Whole(before, head.grow(after_text, base=len(before_text)), _open_quote(place))
    tokens = _Tokens(before_text + after_text, place.language, base=0)
    marks = tokens.scan(0, string_before=len(before_text.encode("utf-8", "surrogatepass")))
    cursor = len(before_text)
    before = [m for m in marks if m.at < cursor]
    after = [Mark(m.char, m.at - cursor, m.closes) for m in marks if m.at >= cursor]
    ends = [m for m in after if m.closes and m.char not in _PAIRS]
    return _Whole(before, after, ends[0].char if ends else _open_quote(place))


def _open_quote(place: CursorContext) -> str:
    """The quote that is open on the cursor's line, by counting."""
    if language(place.language).id in _TRIPLE_QUOTED:
        for triple in ('"""', "'''"):
            if place.window.count(triple) % 2:
                return triple
    quote = ""
    text = place.head
    at = 0
    while at < len(text):
        char = text[at]
        if quote:
            if char == "\\":
                at += 1
            elif char == quote:
                quote = ""
        elif char in '"`' or (char == "'" and not _is_apostrophe(text, at)):
            quote = char
        elif text.startswith(("//", "# "), at):
            return ""
        at += 1
    return quote


def _is_apostrophe(text: str, at: int) -> bool:
    """Whether a ' is part of a word, or a lifetime, rather than a quote."""
    return (at > 0 and text[at - 1].isalnum()) or text[at - 1 : at] in ("&", "<")


class _Tokens:
    """Marks from tree-sitter's tokens; `base` is the byte at which the suggestion begins."""

    def __init__(self, text: str, language: str, base: int | None = None) -> None:
        found = grammar(language)
        assert found is not None
        self._growing = GrowingText(text, found)
        self._base = len(self._growing.data) if base is None else base
        self._line = self._base
        self._told: set[int] = set()

    def grow(self, piece: str, unsure_from: int | None = None) -> list[Mark]:
        """New marks that the piece brings, before an unfinished string; only the last lines are scanned again."""
        self._growing.grow(piece)
        marks = [mark for mark in self.scan(self._line, self._base) if mark.at not in self._told]
        if unsure_from is not None:
            marks = [mark for mark in marks if mark.at < unsure_from]
        self._told.update(mark.at for mark in marks)
        if "\n" in piece and unsure_from is None:
            self._line = self._growing.data.rfind(b"\n") + 1
        return marks

    def inside(self) -> Inside | None:
        data, tree = self._growing.data, self._growing.tree
        at = max(0, len(data) - 1)
        return inside_of(tree.root_node.descendant_for_byte_range(at, at), len(data), data)

    def scan(self, from_byte: int, string_before: int) -> list[Mark]:
        """Brackets from a byte on, and the ends of strings that began before `string_before`."""
        return list(self._scan(from_byte, string_before))

    def _scan(self, from_byte: int, string_before: int) -> Iterator[Mark]:
        data = self._growing.data
        for leaf in leaves(self._growing.tree, from_byte):
            kind, start = leaf.type, leaf.start_byte
            if kind in ("(", "[", "{", "${", "#{"):
                yield Mark(kind[-1], self._offset(start), False)
            elif kind in (")", "]", "}"):
                yield Mark(kind, self._offset(start), True)
            elif kind in ("string_end", '"', "'", "`"):
                parent = leaf.parent
                if (
                    parent is not None
                    and is_string(parent)
                    and parent.start_byte < string_before < leaf.end_byte
                    and leaf.end_byte == parent.end_byte
                    and start > parent.start_byte
                ):
                    yield Mark(
                        data[start : leaf.end_byte].decode("utf-8", "replace"), self._offset(start), True
                    )

    def _offset(self, byte: int) -> int:
        data = self._growing.data
        return len(data[self._base : byte].decode("utf-8", "replace"))


class _Loose:
    """Marks from a lexer that knows quotes within a line and line comments, for languages without a grammar."""

    def __init__(self, place: CursorContext, quote: str) -> None:
        self._quote = quote
        self._inherited = bool(quote)
        self._comment = False
        self._escaped = False
        self._at = 0
        self._hash = language(place.language).line_comment == "#"

    def grow(self, piece: str, unsure_from: int | None = None, *, base: int = 0) -> list[Mark]:
        marks = []
        for char in piece:
            mark = self._take(char, self._at - base)
            self._at += 1
            if mark is not None:
                marks.append(mark)
        return marks

    def inside(self) -> Inside | None:
        return "string" if self._quote else "comment" if self._comment else None

    def _take(self, char: str, at: int) -> Mark | None:
        if char == "\n":
            self._quote, self._inherited, self._comment, self._escaped = "", False, False, False
        elif self._escaped:
            self._escaped = False
        elif self._comment:
            return None
        elif self._quote:
            self._escaped = char == "\\"
            if char == self._quote:
                inherited, self._quote, self._inherited = self._inherited, "", False
                return Mark(char, at, True) if inherited else None
        elif char in '"`':
            self._quote = char
        elif char == "#" and self._hash:
            self._comment = True
        elif char in "([{":
            return Mark(char, at, False)
        elif char in ")]}":
            return Mark(char, at, True)
        return None


def _tokens_of(place: CursorContext) -> _Tokens | _Loose:
    if grammar(place.language) is None:
        return _Loose(place, _open_quote(place))
    return _Tokens(place.window, place.language)
