"""Punches holes into source files: a line, whole lines, a block, a function body. The same seed, the same holes."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from qwen_lsp.code.snapshot import Snapshot
from qwen_lsp.code.syntax import Span, parse

Kind = Literal["line", "lines", "block", "body"]
KINDS: tuple[Kind, ...] = ("line", "lines", "block", "body")
"""The rest of a line behind its indentation; one to three whole lines; a block; the body of a function."""
USUAL_KINDS: tuple[Kind, ...] = ("line", "block", "body")
_MOST_WHOLE_LINES = 3
_TELLING = 3
_LONGEST_LINES = 40
_LINE = re.compile(r"^([ \t]*)(\S.*?)[ \t]*$", re.MULTILINE)
_STATEMENTS = frozenset(
    {"block", "statement_block", "compound_statement", "class_body", "match_block", "switch_body"}
)


@dataclass(frozen=True, slots=True)
class EvaluationHole:
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
    path: Path,
    text: str,
    language: str,
    *,
    kinds: Sequence[Kind] = USUAL_KINDS,
    per_kind: int = 3,
    seed: int = 0,
) -> list[EvaluationHole]:
    """At most `per_kind` holes of each kind in one file, in the order of the text."""
    text = text.replace("\r\n", "\n")
    chosen: list[EvaluationHole] = []
    for kind in kinds:
        spans = _spans(text, language, kind)
        rng = random.Random(f"{seed}/{path.name}/{kind}")
        picked = sorted(rng.sample(spans, min(per_kind, len(spans))))
        chosen += [_hole(path, text, language, kind, span) for span in picked]
    return chosen


def _hole(path: Path, text: str, language: str, kind: Kind, span: tuple[int, int]) -> EvaluationHole:
    start, end = span
    rest = Snapshot(path.absolute().as_uri(), language, 1, text[:start] + text[end:])
    return EvaluationHole(kind, rest, start, text[start:end], text.count("\n", 0, start) + 1)


def _spans(text: str, language: str, kind: Kind) -> list[tuple[int, int]]:
    if kind == "line":
        return [m.span(2) for m in _LINE.finditer(text) if _is_telling(m[2])]
    if kind == "lines":
        return list(_whole_lines(text))
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


def _whole_lines(text: str) -> Iterator[tuple[int, int]]:
    """One to three lines, the first worth asking for, without the last break: an empty line stays in their place."""
    lines = [m.span() for m in re.finditer(r"^.*$", text, re.MULTILINE)]
    for first, (start, _) in enumerate(lines):
        for _, end in lines[first : first + _MOST_WHOLE_LINES]:
            cut = text[start:end].split("\n")
            if _is_telling(cut[0]) and cut[-1].strip() and _stays_inside(cut):
                yield start, end


def _stays_inside(lines: Sequence[str]) -> bool:
    """Whether no line leaves the scope of the first: a suggestion ends where its scope does."""
    return all(not line.strip() or _indentation(line) >= _indentation(lines[0]) for line in lines)


def _indentation(line: str) -> int:
    return len(line) - len(line.lstrip())


def _inner(text: str, span: Span) -> tuple[int, int]:
    """A block without its braces and without the blanks at its ends."""
    start, end = span.start, span.end
    if text[start : start + 1] == "{" and text[end - 1 : end] == "}":
        start, end = start + 1, end - 1
    inner = text[start:end]
    return start + len(inner) - len(inner.lstrip()), end - (len(inner) - len(inner.rstrip()))


def _is_telling(text: str) -> bool:
    return sum(c.isalnum() for c in text) >= _TELLING
