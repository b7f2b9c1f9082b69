"""A continuation's tokens as text that fits at the cursor: spacing and indentation from there, names from here."""

from __future__ import annotations

from collections.abc import Sequence

from qwen_lsp.assist.recall.lexer import NEWLINE, Ints
from qwen_lsp.assist.recall.matching import Match


def spell(
    told: Sequence[int], place: Match, tokens: Ints, starts: Ints, text: str, texts: Sequence[str], *, typed: str,
    line_prefix: str,
) -> str | None:  # fmt: skip
    """The text to insert, or None when the line begun here is indented otherwise than it was there.

    `text` is the file of `place`, `typed` the part of the first token that is there already, `line_prefix`
    what stands left of the cursor on its line.
    """
    pieces: list[str] = []
    indent_there = _indent_at(text, int(starts[place.next]) if place.next < len(starts) else len(text))
    indent_here = line_prefix[: len(line_prefix) - len(line_prefix.lstrip())]
    for step, token in enumerate(told):
        index = place.next + step
        gap = _gap(tokens, starts, text, texts, index)
        if token == NEWLINE:
            pieces.append(_shifted(_break_text(tokens, starts, text, index), indent_there, indent_here))
            continue
        if step == 0:
            first = _first_piece(gap, texts[token], typed, line_prefix, place, tokens)
            if first is None:
                return None
            pieces.append(first)
        else:
            pieces.append(gap + texts[token])
    return "".join(pieces).rstrip()


def _first_piece(
    gap: str, token: str, typed: str, line_prefix: str, place: Match, tokens: Ints
) -> str | None:
    if typed:
        return token[len(typed) :]
    if place.next == 0 or tokens[place.next - 1] == NEWLINE:
        return token if not line_prefix.strip() else None
    return token if line_prefix[-1:].isspace() else gap + token


def _gap(tokens: Ints, starts: Ints, text: str, texts: Sequence[str], index: int) -> str:
    """White space between a token and the one before it on the same line."""
    if index == 0 or tokens[index - 1] == NEWLINE:
        return ""
    before = int(starts[index - 1]) + len(texts[tokens[index - 1]])
    return text[before : int(starts[index])]


def _break_text(tokens: Ints, starts: Ints, text: str, index: int) -> str:
    """A line break with at most one blank line and the indentation after it."""
    begin = int(starts[index])
    end = int(starts[index + 1]) if index + 1 < len(tokens) and starts[index + 1] >= begin else len(text)
    white = text[begin:end]
    lines = white.replace("\r\n", "\n").split("\n")
    return "\n" * min(2, len(lines) - 1) + lines[-1]


def _shifted(line_break: str, indent_there: str, indent_here: str) -> str:
    """The same break with the difference in indentation between there and here applied."""
    breaks, indent = line_break.rstrip(" \t"), line_break.lstrip("\n")
    if indent.startswith(indent_there):
        return breaks + indent_here + indent[len(indent_there) :]
    return breaks + indent_here[: max(0, len(indent_here) - len(indent_there) + len(indent))]


def _indent_at(text: str, offset: int) -> str:
    start = text.rfind("\n", 0, offset) + 1
    line = text[start : start + 200]
    return line[: len(line) - len(line.lstrip(" \t"))]
