"""Whether what is left is worth showing: sure enough, long enough, code rather than chatter."""

from __future__ import annotations

import math
import re

from qwen_lsp.assist.postprocess.draft import Cut, Draft
from qwen_lsp.code.cursor_context import CursorContext
from qwen_lsp.code.languages import language
from qwen_lsp.code.syntax import LANGUAGES

_EARLY_TOKENS = 8
_SURE = 0.75
"""From this mean token probability on a single sign is worth showing."""
_SENTENCE = re.compile(r"[A-Z][a-z'’]*(?:[ ,]+[A-Za-z'’\-`\"()]+){3,}[.:!]")
_ECHO = re.compile(r"<HOLE|You complete code\.|exactly the text that belongs")
_KEYWORDS = re.compile(r"[=;{}\[\]<>]|\w\(")


class Confidence:
    """The mean log-probability of the tokens kept."""

    def __init__(self, least: float) -> None:
        self._least = least
        self._tokens: list[tuple[int, float]] = []
        self._sum = 0.0

    def add(self, length: int, logprobs: tuple[float, ...]) -> None:
        """Take the tokens that came when the suggestion was `length` long."""
        self._tokens += [(length, logprob) for logprob in logprobs]
        self._sum += sum(logprobs)

    def hopeless(self) -> bool:
        """Whether going on is of no use: several tokens, and far below what is wanted."""
        count = len(self._tokens)
        return count >= _EARLY_TOKENS and math.exp(self._sum / count) < self._least / 2

    def of(self, length: int) -> float | None:
        """Mean token probability of the first `length` code points, 0..1; None without log-probabilities."""
        kept = [logprob for at, logprob in self._tokens if at < max(1, length)]
        return math.exp(sum(kept) / len(kept)) if kept else None

    def enough(self, length: int) -> bool:
        """Whether the first `length` code points are sure enough to be shown."""
        mean = self.of(length)
        return mean is None or mean >= self._least


class Prose:
    """A sentence in the middle of code that is neither comment nor string."""

    def __init__(self, place: CursorContext) -> None:
        facts = language(place.language)
        self._active = place.language in LANGUAGES and place.is_code and facts.scopes != "tags"
        self._finished_head = place.head.rstrip().endswith((";", "}"))

    def watch(self, draft: Draft) -> Cut | None:
        """Ends the suggestion before a sentence."""
        if not self._active or draft.ended or draft.inside or draft.depth:
            return None
        if draft.row == 0 and not self._finished_head:
            return None
        if draft.piece not in (".", ":", "!") and not draft.piece.endswith((".", ":", "!")):
            return None
        line = draft.partial.strip()
        if _SENTENCE.fullmatch(line) and not _KEYWORDS.search(line):
            return Cut(draft.starts[-1], "prose")
        return None


class Echo:
    """Our own instructions to a model without fill-in-the-middle, said back by it."""

    def watch(self, draft: Draft) -> Cut | None:
        """Ends the suggestion before a line that speaks of the hole."""
        if draft.ended or not _ECHO.search(draft.partial):
            return None
        return Cut(max(0, draft.starts[-1] - 1), "our own instructions")


def is_useful(text: str, confidence: float | None, *, closes: bool) -> bool:
    """Whether a text saves the user anything.

    Two signs with a letter or digit among them do; so do fewer when the model is sure of them, and closers alone
    when they close what the file leaves open.
    """
    signs = [c for c in text if not c.isspace()]
    has_word = any(c.isalnum() or c == "_" for c in signs)
    if len(signs) >= 2 and has_word:
        return True
    if closes and not has_word:
        return True
    says = has_word or any(c in "(){}[]" for c in signs)
    return says and confidence is not None and confidence >= _SURE
