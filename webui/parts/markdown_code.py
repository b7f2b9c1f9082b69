"""An answer taken apart: the code in its Markdown fences and the words around it, also while half written."""

from __future__ import annotations

import re
from dataclasses import dataclass

_OPEN = re.compile(r"^ {0,3}(`{3,}|~{3,})[ \t]*([^\s`]*)[^\n`]*\n", re.MULTILINE)
_PARTIAL_CLOSE = re.compile(r"\n {0,3}(?:`{1,2}|~{1,2})$")


@dataclass(frozen=True, slots=True)
class FencedAnswer:
    """Code to show as code, and prose to show as text."""

    code: str
    prose: str = ""
    language: str = ""


def split_fences(text: str) -> FencedAnswer:
    """The first fenced block as code, the rest as prose; without a fence all of it is code."""
    opening = _OPEN.search(text)
    if opening is None:
        return FencedAnswer("" if re.fullmatch(r"\s{0,3}[`~]{1,3}[^\n]*", text) else text)
    rest = text[opening.end() :]
    closing = re.search(rf"^ {{0,3}}{re.escape(opening[1])}[`~]*[ \t]*$", rest, re.MULTILINE)
    if closing is None:
        code, after = _PARTIAL_CLOSE.sub("\n", rest), ""
    else:
        code, after = rest[: closing.start()], rest[closing.end() :]
    prose = "\n\n".join(piece for piece in (text[: opening.start()].strip(), after.strip()) if piece)
    return FencedAnswer(code, prose, opening[2].lower())
