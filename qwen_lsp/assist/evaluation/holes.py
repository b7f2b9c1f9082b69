"""Punches holes into source files: a line, a block, a function body. The same seed gives the same holes."""

from __future__ import annotations

import random
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from qwen_lsp.assist.document import Snapshot
from qwen_lsp.assist.syntax import Span, parse

Kind = Literal["line", "block", "body"]
KINDS: tuple[Kind, ...] = ("line", "block", "body")
_TELLING = 3
_LONGEST_LINES = 40
_LINE = re.compile(r"^([ \t]*)(\S.*?)[ \t]*$", re.MULTILINE)
_STATEMENTS = frozenset(
    {"block", "statement_block", "compound_statement", "class_body", "match_block", "switch_body"}
)


@dataclass(frozen=True, slots=True)
class Hole:
    """`text` was taken out at `at`; `snapshot` is the file without it."""

    kind: Kind
    snapshot: Snapshot
    at: int
    text: str
    line: int
    """From 1, for people."""

    @property
    def whole(self) -> str:
        """The file as it was."""
        return self.filled(self.text, self.at)

    def filled(self, text: str, end: int) -> str:
        """The file with `text` in place of the hole..end."""
        before = self.snapshot.text
        return before[: self.at] + text + before[end:]


def punch(
    path: Path, text: str, language: str, *, kinds: Sequence[Kind] = KINDS, per_kind: int = 3, seed: int = 0
) -> list[Hole]:
    """At most `per_kind` holes of each kind in one file, in the order of the text."""
    text = text.replace("\r\n", "\n")
    chosen: list[Hole] = []
    for kind in kinds:
        spans = _spans(text, language, kind)
        rng = random.Random(f"{seed}/{path.name}/{kind}")
        picked = sorted(rng.sample(spans, min(per_kind, len(spans))))
        chosen += [_hole(path, text, language, kind, span) for span in picked]
    return chosen


def _hole(path: Path, text: str, language: str, kind: Kind, span: tuple[int, int]) -> Hole:
    start, end = span
    rest = Snapshot(path.absolute().as_uri(), language, 1, text[:start] + text[end:])
    return Hole(kind, rest, start, text[start:end], text.count("\n", 0, start) + 1)


def _spans(text: str, language: str, kind: Kind) -> list[tuple[int, int]]:
    if kind == "line":
        return [m.span(2) for m in _LINE.finditer(text) if _is_telling(m[2])]
    parsed = parse(text, language)
    if parsed is None:
        return []
    found = parsed.function_bodies() if kind == "body" else parsed.blocks(_STATEMENTS)
    spans = {_inner(text, span) for span in found}
    return sorted(
        (start, end)
        for start, end in spans
        if _is_telling(text[start:end]) and text.count("\n", start, end) < _LONGEST_LINES
    )


def _inner(text: str, span: Span) -> tuple[int, int]:
    """A block without its braces and without the blanks at its ends."""
    start, end = span.start, span.end
    if text[start : start + 1] == "{" and text[end - 1 : end] == "}":
        start, end = start + 1, end - 1
    inner = text[start:end]
    return start + len(inner) - len(inner.lstrip()), end - (len(inner) - len(inner.rstrip()))


def _is_telling(text: str) -> bool:
    return sum(c.isalnum() for c in text) >= _TELLING
