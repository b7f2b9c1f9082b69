"""The anchored layout for clients that send the whole prefix and suffix with every key.

The text before the line being typed and the text after the hole stay frozen in the prompt; what was typed
since stands after the middle marker. A client's window that slides by a line keeps its old start.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

from qwen_lsp.assist.prompts.fim import TEMPLATES, FimTemplate, Hole, OtherFile
from qwen_lsp.engine.request import Marker, Text, TextPrompt

_KEPT = 16
_LONGEST_TYPED_CHARS = 400
_SIGNATURE_CHARS = 160
"""So many first characters of a window are looked for in the one before."""
_GROWTH = 2
"""A window that kept its start may grow to so many times what the client sends."""


@dataclass(frozen=True, slots=True)
class _RequestAnchor:
    prefix: str
    suffix: str


class RequestAnchors:
    """The last anchors of all clients of this host."""

    def __init__(self) -> None:
        self._anchors: deque[_RequestAnchor] = deque(maxlen=_KEPT)

    def prompt(
        self,
        prefix: str,
        suffix: str,
        template: FimTemplate = TEMPLATES["qwen"],
        *,
        others: Sequence[OtherFile] = (),
        before: Sequence[Text | Marker] = (),
    ) -> TextPrompt:
        """The prompt for a hole between prefix and suffix."""
        anchor, typed = self._place(prefix, suffix)
        hole = Hole(anchor.prefix, anchor.suffix, typed, path="current", others=tuple(others))
        return TextPrompt((*before, *template.render(hole).parts))

    def _place(self, prefix: str, suffix: str) -> tuple[_RequestAnchor, str]:
        start = prefix
        for anchor in reversed(self._anchors):
            at = _slide(anchor.prefix, prefix)
            if at is None:
                continue
            whole = anchor.prefix[:at] + prefix
            typed = whole[len(anchor.prefix) :]
            if (
                whole.startswith(anchor.prefix)
                and suffix == anchor.suffix
                and len(typed) <= _LONGEST_TYPED_CHARS
            ):
                self._anchors.remove(anchor)
                self._anchors.append(anchor)
                return anchor, typed
            if start is prefix and len(whole) <= _GROWTH * max(len(prefix), 1):
                start = whole
        cut = start.rfind("\n") + 1
        made = _RequestAnchor(start[:cut], suffix)
        self._anchors.append(made)
        return made, start[cut:]


def _slide(old: str, new: str) -> int | None:
    """Where in the old window the new one begins, or None when they are of different places."""
    if new.startswith(old) or old.startswith(new):
        return 0 if old and new else None
    at = old.find(new[:_SIGNATURE_CHARS]) if len(new) >= _SIGNATURE_CHARS else -1
    return at if at >= 0 else None
