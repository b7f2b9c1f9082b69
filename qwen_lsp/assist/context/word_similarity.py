"""Cheap likeness of pieces of code: the sets of words in them."""

from __future__ import annotations

import re

_WORD = re.compile(r"[A-Za-z_]\w{2,}")
_KEYWORDS = frozenset(
    [
        "and",
        "class",
        "const",
        "def",
        "else",
        "elif",
        "end",
        "export",
        "extends",
        "false",
        "final",
        "for",
        "from",
        "func",
        "function",
        "impl",
        "import",
        "int",
        "let",
        "match",
        "new",
        "nil",
        "none",
        "not",
        "null",
        "package",
        "private",
        "public",
        "return",
        "self",
        "static",
        "string",
        "struct",
        "super",
        "switch",
        "this",
        "throw",
        "true",
        "try",
        "type",
        "use",
        "var",
        "void",
        "while",
        "with",
        "yield",
    ]
)


def words(text: str) -> frozenset[str]:
    """The names in a text, keywords left out."""
    return frozenset(_WORD.findall(text)) - _KEYWORDS


def dice(a: frozenset[str], b: frozenset[str]) -> float:
    """How much two sets share, 0..1."""
    return 2 * len(a & b) / (len(a) + len(b)) if a or b else 0.0
