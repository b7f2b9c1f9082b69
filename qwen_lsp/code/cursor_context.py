"""What lies around a cursor, in a window of bounded size, so that a long file costs no more than a short one."""

from __future__ import annotations

import itertools
import re
from dataclasses import dataclass
from functools import cached_property

from qwen_lsp.code.languages import is_code, is_prose, language
from qwen_lsp.code.snapshot import Snapshot

_ABOVE, _BELOW = 100, 64
"""Lines looked at before and after the cursor's line."""
_TAB_COLUMNS = 4
CLOSERS = ")]}\"'`>"
_ONLY_CLOSERS = re.compile(r"[\s)\]}\"'`>;,:]*")
_TOP = re.compile(r"[A-Za-z@#_]")


@dataclass(frozen=True)
class CursorContext:
    """The cursor's surroundings. Lines have no ending; `head` + `tail` is the cursor's own line."""

    language: str
    head: str
    tail: str
    above: tuple[str, ...]
    below: tuple[str, ...]
    cut_below: bool
    """Whether the file goes on after `below`."""

    @classmethod
    def at(cls, snapshot: Snapshot, cursor: int) -> CursorContext:
        """The surroundings of `cursor`."""
        line = snapshot.line_of(cursor)
        last = snapshot.line_of(len(snapshot.text))
        start = snapshot.line_start(line)
        own = snapshot.line_text(line)
        until = min(last, line + _BELOW)
        return cls(
            language=snapshot.language,
            head=own[: cursor - start],
            tail=own[cursor - start :],
            above=tuple(snapshot.line_text(at) for at in range(max(0, line - _ABOVE), line)),
            below=tuple(snapshot.line_text(at) for at in range(line + 1, until + 1)),
            cut_below=until < last,
        )

    @cached_property
    def unit(self) -> str:
        """One step of indentation as this file has it: a tab or some spaces."""
        lines = (*self.above, *self.below)
        if self.head.startswith("\t") or any(line.startswith("\t") for line in lines):
            return "\t"
        widths = [len(line) - len(line.lstrip(" ")) for line in lines if line.strip()]
        steps = [b - a for a, b in itertools.pairwise(widths) if b - a in (2, 3, 4, 8)]
        if steps:
            return " " * max(set(steps), key=lambda step: (steps.count(step), step))
        if any(widths):
            return " " * min((w for w in widths if w > 1), default=4)
        return language(self.language).indent

    def columns(self, blank: str) -> int:
        """How wide a run of blanks is; a tab counts one step."""
        return sum(
            len(self.unit) if c == "\t" and self.unit[0] == " " else _TAB_COLUMNS if c == "\t" else 1
            for c in blank
        )

    def indent(self, line: str) -> int:
        """Columns before a line's first character."""
        return self.columns(line[: len(line) - len(line.lstrip(" \t"))])

    @property
    def step(self) -> int:
        """Columns of one step of indentation."""
        return self.columns(self.unit)

    def blanks(self, columns: int) -> str:
        """Indentation of this width in the file's style."""
        if self.unit == "\t":
            return "\t" * (columns // _TAB_COLUMNS) + " " * (columns % _TAB_COLUMNS)
        return " " * columns

    @cached_property
    def head_is_blank(self) -> bool:
        """Whether only blanks stand left of the cursor."""
        return not self.head.strip()

    @cached_property
    def tail_is_closers(self) -> bool:
        """Whether nothing but closing brackets, quotes and separators stands right of the cursor."""
        return _ONLY_CLOSERS.fullmatch(self.tail) is not None

    @cached_property
    def is_braced(self) -> bool:
        """Whether brackets, not indentation, end a scope in this language."""
        return language(self.language).scopes == "braces"

    @property
    def is_prose(self) -> bool:
        """Whether sentences belong into this file."""
        return is_prose(self.language)

    @property
    def is_code(self) -> bool:
        """Whether this file is a program."""
        return is_code(self.language)

    @cached_property
    def near_above(self) -> str:
        """The nearest line above that is not blank."""
        return next((line for line in reversed(self.above) if line.strip()), "")

    @cached_property
    def next_below(self) -> tuple[str, ...]:
        """The lines below that are not blank, nearest first."""
        return tuple(line for line in self.below if line.strip())

    @cached_property
    def expected_indent(self) -> int:
        """Columns at which a new line here most likely begins."""
        previous = self.near_above
        width = self.indent(previous)
        return width + self.step if opens_block(previous, self.language) else width

    @cached_property
    def window(self) -> str:
        """The text before the cursor from a place where a parser can begin."""
        above = self.above
        start = next((at for at in range(len(above) - 1, -1, -1) if _TOP.match(above[at])), None)
        if start is None and above:
            filled = [(self.indent(line), -at) for at, line in enumerate(above) if line.strip()]
            start = -min(filled)[1] if filled else 0
        if self.head and _TOP.match(self.head):
            return self.head
        return "\n".join((*above[start or 0 :], self.head))

    @cached_property
    def in_block_comment(self) -> bool:
        """Whether the cursor stands in a `/* ... */` that began above or left of it."""
        opened = self.window.rfind("/*")
        return (
            self.is_braced
            and opened > self.window.rfind("*/")
            and self.window[opened - 1 : opened].strip() == ""
        )

    @cached_property
    def after(self) -> str:
        """The text after the cursor, as far as it is looked at."""
        return "\n".join((self.tail, *self.below))


_OPENERS = re.compile(r"([{(\[]|=>|->|\b(do|then|else|begin|try|finally))\s*$")


def opens_block(line: str, language_id: str) -> bool:
    """Whether a line ends by opening a block or a bracket."""
    code = re.sub(r"\s+(#|//).*$", "", line).rstrip()
    facts = language(language_id)
    if facts.scopes == "indentation" and code.endswith(":"):
        return True
    if facts.scopes == "words" and (re.match(facts.header, code) or _opens_words(code.strip())):
        return True
    return _OPENERS.search(code) is not None


def _opens_words(code: str) -> bool:
    """Whether a line begins a block that ends with a word, and does not end it itself."""
    if re.search(r"\b(end|fi|done|esac)$|;$", code):
        return False
    return (
        re.match(
            r"(if|elsif|elif|else|unless|while|until|for|case|when|begin|rescue|function|local function)\b",
            code,
        )
        is not None
    )
