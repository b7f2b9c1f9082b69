"""From the model's answer to the code in it: fences, prose, halves and short cuts are dealt with here."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

from qwen_lsp.code.markdown import FencedBlock, count_fence_lines, read_fences
from qwen_lsp.errors import ActionRefused

_ELLIPSIS = re.compile(
    r"^\s*(?:(?:#|//|/\*|--|<!--)\s*)?(?:\.{3}|…)\s*(?:\*/|-->)?$"
    r"|(?:#|//|/\*|--|<!--)\s*(?:\.{3}|…).*\b(?:code|rest|unchanged|same|existing|remain\w*|other)\b"
    r"|(?:#|//|/\*|--|<!--).*\b(?:rest|remainder|existing code|other methods)\b.*\b(?:unchanged|same|here|as before|of the)\b.*"
    r"(?:\.{3}|…|unchanged|same|as before)",
    re.IGNORECASE | re.MULTILINE,
)
_OPENING = re.compile(
    r"^(?:sure|certainly|of course|okay|ok|here(?:'s| is| are)|the (?:following|code|fixed|updated)|i(?:'ve| have| will)?\b|"
    r"below is|this (?:code|version)|note(?: that)?\b|as an ai)",
    re.IGNORECASE,
)
_SPECIAL = re.compile(r"<\|[a-z_]{2,30}\|>")


@dataclass(frozen=True, slots=True)
class ParsedAnswer:
    """The code of an answer and the prose that stood around it."""

    code: str
    prose: str = ""
    closed: bool = True
    """False: nothing says that the code is whole."""


def is_complete(answer: str) -> bool:
    """The answer holds a closed block: the engine may stop."""
    if count_fence_lines(answer) < 2:
        return False
    blocks = read_fences(answer).blocks
    return bool(blocks) and blocks[0].closed and bool(blocks[0].code.strip())


def code_of(answer: str, original: str, *, cut: bool) -> ParsedAnswer:
    """The code that stands in place of `original`. `cut`: the answer ended at the token limit.

    Raises ActionRefused when there is no such code, or only a part of it.
    """
    text = answer.replace("\r\n", "\n").replace("\r", "\n")
    answered = read_fences(text)
    found = [block for block in answered.blocks if block.code.strip()]
    if not found:
        return ParsedAnswer(_bare(text, original, cut=cut))
    block = _best(found, original)
    if not block.closed:
        if cut:
            raise ActionRefused(
                "The model's answer was cut off at the limit. Select less, or raise actions.max_tokens."
            )
        if count_fence_lines(block.code):
            raise ActionRefused("The model's answer broke off in the middle of the code. Try again.")
    if block.tag in {"diff", "patch"}:
        raise ActionRefused("The model answered with a patch instead of the code. Try again.")
    _refuse_shortcuts(block.code, original)
    prose = "\n".join(part.strip("\n") for part in answered.prose if part.strip())
    return ParsedAnswer(_trimmed(block.code), prose, block.closed)


def _bare(text: str, original: str, *, cut: bool) -> str:
    """An answer without a fence, taken only when it is plainly code like the original."""
    if not text.strip():
        raise ActionRefused("The model gave no answer. Try again, or select more code.")
    if cut:
        raise ActionRefused(
            "The model's answer was cut off at the limit. Select less, or raise actions.max_tokens."
        )
    first = text.strip().splitlines()[0]
    alike = _likeness(original, text) >= 0.5 or _likeness(original.strip().partition("\n")[0], first) >= 0.6
    if _OPENING.match(first) or "```" in text or not alike:
        raise ActionRefused("The model answered in words instead of code. Nothing was changed; try again.")
    _refuse_shortcuts(text, original)
    return _trimmed(text)


def _best(found: Sequence[FencedBlock], original: str) -> FencedBlock:
    """The block most like the original; the first of equals."""
    if len(found) == 1:
        return found[0]
    if not original.strip():
        return max(found, key=lambda block: len(block.code))
    return max(found, key=lambda block: _likeness(original, block.code))


def _likeness(original: str, code: str) -> float:
    return SequenceMatcher(None, original.split(), code.split(), autojunk=False).ratio()


def _refuse_shortcuts(code: str, original: str) -> None:
    """Refuse code that leaves parts out ("... rest unchanged ..."), or holds the model's own markers."""
    for found in _ELLIPSIS.finditer(code):
        if found.group().strip() not in original and not _is_stub(found.group(), original):
            raise ActionRefused(
                f"The model left code out ('{found.group().strip()[:60]}'); applying that would delete it. "
                "Select less and try again."
            )
    marker = _SPECIAL.search(code)
    if marker is not None and marker.group() not in original:
        raise ActionRefused(f"The model's answer holds its own marker {marker.group()}. Try again.")


def _is_stub(line: str, original: str) -> bool:
    """A bare `...` is Python for an empty body; it is fine where nothing was there to be left out."""
    return line.strip() == "..." and not original.strip()


def _trimmed(code: str) -> str:
    """Without blank lines at both ends, and with prose lines before and after the code left out."""
    rows = code.strip("\n").split("\n")
    while rows and (not rows[0].strip() or _is_prose(rows[0])):
        rows.pop(0)
    while rows and (not rows[-1].strip() or _is_prose(rows[-1])):
        rows.pop()
    if not rows:
        raise ActionRefused("The model answered in words instead of code. Nothing was changed; try again.")
    return "\n".join(rows)


def _is_prose(row: str) -> bool:
    """A sentence of an assistant, which no language here begins or ends with."""
    text = row.strip()
    return bool(_OPENING.match(text)) and " " in text and text[-1] in ".:!" and "(" not in text
