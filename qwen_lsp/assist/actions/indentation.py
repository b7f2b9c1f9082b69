"""Code as the model wrote it, made to fit where it goes: base indentation, tabs or spaces, width of a step."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from qwen_lsp.assist.actions.region import common_indent, indent_of


def dedented(text: str) -> str:
    """The text without the indentation that all its lines share, with \\n line ends."""
    rows = _rows(text)
    cut = len(common_indent(rows))
    return "\n".join(row[cut:] if row.strip() else "" for row in rows).strip("\n")


def fitted(code: str, original: str, document: str = "") -> str:
    """`code` with the indentation of `original`, whatever base and step the model used.

    A step that `original` does not show is taken from the document.
    """
    old = _rows(original)
    return reindented(code.split("\n"), common_indent(old), step_of(old) or step_of(_rows(document)))


def reindented(rows: Sequence[str], base: str, step: str) -> str:
    """Rows on the base indentation `base`; their own step becomes `step` when both are known."""
    cut = len(common_indent(rows))
    bare = [row[cut:] for row in rows]
    own = step_of(bare)
    return "\n".join(base + _restep(row, own, step) if row.strip() else "" for row in bare)


def step_of(rows: Sequence[str]) -> str:
    """One step of indentation, a tab or some spaces: the commonest increase from line to line."""
    increases: Counter[str] = Counter()
    above = None
    for row in rows:
        if row.strip():
            indent = row[: indent_of(row)]
            if above is not None and len(indent) > len(above) and indent.startswith(above):
                increases[indent[len(above) :]] += 1
            above = indent
    if not increases:
        return ""
    return max(increases, key=lambda step: (increases[step], -len(step)))


def _restep(row: str, own: str, step: str) -> str:
    """One row with its leading steps `own` written as `step`; what is left over stays (alignment)."""
    if not own or not step or own == step or own == " ":
        return row
    depth = 0
    while row.startswith(own, depth * len(own)):
        depth += 1
    return step * depth + row[depth * len(own) :]


def _rows(text: str) -> list[str]:
    return text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
