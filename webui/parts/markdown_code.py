"""An answer taken apart: the code in its Markdown fences and the words around it, also while half written."""

from __future__ import annotations

import re
from dataclasses import dataclass

from qwen_lsp.code.markdown import fence, read_fences

_FENCE_BEGUN = re.compile(r"(?:^|\n)[ \t]*(?:`{1,2}|~{1,2})$")
"""The first back-ticks of a fence whose rest has not come yet."""


@dataclass(frozen=True, slots=True)
class FencedAnswer:
    """Code to show as code, and prose to show as text."""

    code: str
    prose: str = ""
    language: str = ""


def split_fences(text: str) -> FencedAnswer:
    """The first fenced block as code, the rest as prose; without a fence all of it is code."""
    answer = read_fences(text)
    if not answer.blocks:
        return FencedAnswer(_FENCE_BEGUN.sub("", text))
    block, *more = answer.blocks
    before, after, *between = answer.prose
    after += "".join(f"{fence(one.code, one.tag)}\n{words}" for one, words in zip(more, between, strict=True))
    code = block.code if block.closed else _FENCE_BEGUN.sub("\n", block.code)
    prose = "\n\n".join(piece for piece in (before.strip(), after.strip()) if piece)
    return FencedAnswer(code, prose, block.tag)
