"""When two lines say the same: exactly, but for style, or nearly."""

from __future__ import annotations

import re
from difflib import SequenceMatcher

_STYLE = str.maketrans({'"': "'", "`": "'", " ": None, "\t": None, ";": None})
_NUMBERS = re.compile(r"\d+")
_COMMON = frozenset(
    (
        *[
            "break",
            "continue",
            "pass",
            "return",
            "else:",
            "else",
            "try:",
            "try",
            "finally:",
            "finally",
            "do",
            "end",
            "default:",
            "default",
        ],
        *["return;", "break;", "continue;", "});"],
        "} else {",
    )
)
_NEAR = 0.9


def is_telling(line: str) -> bool:
    """Whether a line says enough for its repetition to mean something."""
    stripped = line.strip()
    return sum(c.isalnum() for c in stripped) >= 4 and stripped not in _COMMON


def same(a: str, b: str) -> bool:
    """Equal but for trailing blanks."""
    return a.rstrip() == b.rstrip()


def same_but_style(a: str, b: str) -> bool:
    """Equal but for blanks, the kind of quotes and a trailing comma or semicolon."""
    return plain(a) == plain(b)


def plain(line: str) -> str:
    """A line without what a formatter may change."""
    return line.translate(_STYLE).rstrip(",")


def near(a: str, b: str, share: float = _NEAR) -> bool:
    """Nearly equal, with the same numbers: `x1` and `x2` are two things, not one written twice."""
    if abs(len(a) - len(b)) > (1 - share) * 2 * max(len(a), len(b)) + 1:
        return False
    if _NUMBERS.findall(a) != _NUMBERS.findall(b):
        return False
    a, b = a[:200], b[:200]
    matcher = SequenceMatcher(None, a, b, autojunk=False)
    return matcher.real_quick_ratio() >= share and matcher.quick_ratio() >= share and matcher.ratio() >= share
