"""What of a file or a folder fits the model's window, and what was left out: pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from qwen_lsp.code.markdown import fence
from qwen_lsp.code.snapshot import Snapshot
from qwen_lsp.code.symbols import Symbol, definitions

CHARS_PER_TOKEN = 3.0
"""Cautious: code has three to four characters a token."""
AROUND_CHARS = 8_000
"""Code around a chosen part goes along for reading (assist/actions/prompts.py)."""


@dataclass(frozen=True, slots=True)
class FittedFiles:
    """Offsets of what is asked about, its lines (counted from 1), and the definitions left out."""

    start: int
    end: int
    first_line: int
    last_line: int
    lines: int
    left_out: tuple[str, ...] = ()

    @property
    def is_whole(self) -> bool:
        """Nothing was left out."""
        return not self.left_out and self.last_line >= self.lines


def budget_chars(context_tokens: int, answer_tokens: int) -> int:
    """Characters of code that fit a window beside the answer and the code around."""
    window = context_tokens or 32_768
    return max(1_000, round(CHARS_PER_TOKEN * (window - answer_tokens)) - AROUND_CHARS)


def fit_file(snapshot: Snapshot, symbol: Symbol | None, budget: int) -> FittedFiles:
    """The whole file or definition when it fits, else its lines up to the last definition that does."""
    starts, count = snapshot.line_starts, len(snapshot.line_starts)
    lines = count - (not snapshot.line_text(count - 1))
    first = symbol.first if symbol else 0
    last = min(symbol.last if symbol else lines - 1, lines - 1)
    start = starts[first]
    fitting = last
    while fitting > first and snapshot.line_start(fitting + 1) - start > budget:
        fitting -= 1
    if fitting == last:
        return FittedFiles(start, snapshot.line_start(last + 1), first + 1, last + 1, last + 1)
    inside = [one for one in definitions(snapshot.text, snapshot.language) if first <= one.first <= last]
    whole = [one.last for one in inside if one.last <= fitting and one is not symbol]
    cut = max(whole) if whole and max(whole) > first else fitting
    left = tuple(dict.fromkeys(one.name for one in inside if one.last > cut and one != symbol))
    return FittedFiles(start, snapshot.line_start(cut + 1), first + 1, cut + 1, last + 1, left or ("…",))


@dataclass(frozen=True, slots=True)
class Gathered:
    """The text of a folder's files as the model reads it; what is only outlined; what is left out."""

    text: str
    whole: tuple[str, ...]
    outlined: tuple[str, ...]
    left_out: tuple[str, ...]


def gather(files: Iterable[tuple[str, str, str]], budget: int) -> Gathered:
    """Files (path, language id, text) whole while they fit, the smallest first; then their outlines; then nothing."""
    pieces: dict[str, str] = {}
    whole: list[str] = []
    outlined: list[str] = []
    left_out: list[str] = []
    later: list[tuple[str, str, str]] = []
    for path, language, text in sorted(files, key=lambda file: len(file[2])):
        block = f"{path}:\n{fence(text)}"
        if len(block) <= budget:
            pieces[path], budget = block, budget - len(block)
            whole.append(path)
        else:
            later.append((path, language, text))
    for path, language, text in later:
        block = outline(path, definitions(text, language))
        if len(block) <= budget:
            pieces[path], budget = block, budget - len(block)
            outlined.append(path)
        else:
            left_out.append(path)
    ordered = "\n\n".join(pieces[path] for path in sorted(pieces))
    return Gathered(ordered, tuple(sorted(whole)), tuple(sorted(outlined)), tuple(sorted(left_out)))


def outline(path: str, symbols: Sequence[Symbol]) -> str:
    """A file by its definitions alone."""
    rows = [f"- {one.name} (lines {one.first + 1}-{one.last + 1})" for one in symbols]
    return "\n".join([f"{path} (only its definitions):", *rows])
