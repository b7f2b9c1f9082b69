"""Fenced code in Markdown: writing a fence that nothing inside can close, and reading fences (with markdown-it)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from qwen_lsp.code.snapshot import with_unix_newlines

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.rules_block import StateBlock

_TICKS = re.compile(r"`{3,}")
_FENCE_LINE = re.compile(r"^[ \t]*(?:`{3,}|~{3,})", re.MULTILINE)
_TAG = re.compile(r"[\w+#.-]*")


@dataclass(frozen=True, slots=True)
class FencedBlock:
    """One fenced block. `closed` is false when the text ends inside it."""

    tag: str
    """The first word behind the opening fence, in lower case."""
    code: str
    closed: bool


@dataclass(frozen=True, slots=True)
class FencedText:
    """A text taken apart."""

    blocks: tuple[FencedBlock, ...]
    prose: tuple[str, ...]
    """What stands before, between and after the blocks: one more than there are blocks."""


def fence(text: str, tag: str = "") -> str:
    """Text in a Markdown fence longer than any inside it."""
    longest = max((len(ticks) for ticks in _TICKS.findall(text)), default=2)
    mark = "`" * (longest + 1)
    return f"{mark}{tag}\n{text.rstrip()}\n{mark}"


def count_fence_lines(text: str) -> int:
    """How many lines look like a fence; cheap, to see whether reading them is worth it."""
    return len(_FENCE_LINE.findall(text))


def read_fences(text: str) -> FencedText:
    """The fenced blocks and the prose around them, also of a text that is still being written.

    Unlike in CommonMark a fence may be indented by any depth: models indent those below a list item.
    """
    unix = with_unix_newlines(text)
    lines = [f"{line}\n" for line in unix.split("\n")]
    lines[-1] = lines[-1][:-1]
    blocks, prose, at = [], [], 0
    for token in _parser().parse(unix):
        if token.type != "fence" or token.map is None:
            continue
        first, end = token.map
        prose.append("".join(lines[at:first]))
        tag = _TAG.match(token.info.strip())
        last = lines[end - 1].strip()
        closed = end - first > 1 and last.startswith(token.markup) and set(last) == {token.markup[0]}
        blocks.append(FencedBlock(tag[0].lower() if tag else "", token.content, closed))
        at = end
    prose.append("".join(lines[at:]))
    return FencedText(tuple(blocks), tuple(prose))


@cache
def _parser() -> MarkdownIt:
    from markdown_it import MarkdownIt

    parser = MarkdownIt("zero").enable("fence")
    parser.block.ruler.at("paragraph", _one_line)
    return parser


def _one_line(state: StateBlock, line: int, end_line: int, silent: bool) -> bool:
    """A line that begins no fence. One by one, so that no paragraph swallows an indented fence below it."""
    state.line = line + 1
    return True
