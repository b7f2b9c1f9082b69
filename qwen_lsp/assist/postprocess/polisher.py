"""Raw model text -> a suggestion or a reason for none, piece by piece, so that the engine stops early."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from qwen_lsp.assist.postprocess.brackets import Brackets
from qwen_lsp.assist.postprocess.closing_brackets import Closers
from qwen_lsp.assist.postprocess.draft import Cut, Draft, Step
from qwen_lsp.assist.postprocess.extent import Extent
from qwen_lsp.assist.postprocess.filters import Confidence, Echo, Prose, is_useful
from qwen_lsp.assist.postprocess.overlap import LinesBelow, RestOfLine, cut_partial_tail, without_lines_below
from qwen_lsp.assist.postprocess.reindent import Reindenter
from qwen_lsp.assist.postprocess.repetition import RepetitionAbove, SelfRepetition
from qwen_lsp.assist.postprocess.scope import Scope
from qwen_lsp.assist.postprocess.strip_markup import MarkupStripper
from qwen_lsp.assist.postprocess.whole import breaks_syntax, whole_part
from qwen_lsp.assist.suggestion import Rejection
from qwen_lsp.code.cursor_context import CursorContext
from qwen_lsp.code.snapshot import Snapshot
from qwen_lsp.settings import SuggestSettings

_PIECES = re.compile(r"\n|\w+|[ \t]+|[^\w\s]|[^\S\n]")
_EMPTY_REASONS = frozenset({"one line", "enough lines"})


@dataclass(frozen=True, slots=True)
class Polished:
    """Text to put in place of cursor..end; `end` lies on the cursor's line. Line ends are \\n."""

    text: str
    end: int
    confidence: float | None = None
    """Mean probability of its tokens, 0..1, when the engine said."""
    stopped: str = ""
    """The rule that ended it; empty when the model did."""


class Polisher:
    """One suggestion in the making. Feed it as the model writes; stop the engine when it says so."""

    def __init__(
        self, snapshot: Snapshot, cursor: int, settings: SuggestSettings, *, multiline: bool
    ) -> None:
        self._cursor = cursor
        self._place = place = CursorContext.at(snapshot, cursor)
        brackets = Brackets(place)
        self._draft = Draft(place, brackets)
        self._cleaner = MarkupStripper(place, in_text=brackets.inside() is not None)
        self._shape = Reindenter(place)
        self._confidence = Confidence(settings.min_confidence)
        self._closers, self._below = Closers(place), LinesBelow(place)
        self._above, self._itself = RepetitionAbove(place), SelfRepetition()
        self._steps: tuple[Step, ...] = (
            Echo(),
            RestOfLine(place),
            self._closers,
            self._below,
            self._above,
            self._itself,
            Scope(place, multiline=multiline),
            Prose(place),
            Extent(
                place,
                multiline=multiline,
                may_grow=settings.multiline != "never",
                max_lines=settings.max_lines,
            ),
        )
        self._cut: Cut | None = None
        self._rejection: Rejection | None = None
        self._finished = False

    def feed(self, text: str, logprobs: Sequence[float] = ()) -> bool:
        """Take what the model wrote next; True when nothing more is wanted of it."""
        if self._over:
            return True
        self._confidence.add(self._draft.length, tuple(logprobs))
        for piece in _PIECES.findall(text.replace("\r", "")):
            self._take(self._shape.take(self._cleaner.take(piece)))
            if self._over:
                return True
            if self._cleaner.ended:
                return True
        if self._confidence.hopeless():
            self._rejection = Rejection("low confidence")
        return self._over

    def result(self, *, truncated: bool = False) -> Polished | Rejection:
        """What to show, or why nothing. `truncated`: the token limit broke the model off in the middle."""
        if not self._finished:
            self._finished = True
            self._finish()
        if self._rejection is not None:
            return self._rejection
        stopped = self._cut.reason if self._cut else self._cleaner.ended
        text = self._trimmed(truncated and self._cut is None)
        if not text.strip():
            return self._nothing(stopped)
        whole = whole_part(self._place, text, self._consumed)
        if not whole.strip():
            return Rejection("leaves something open", repr(text.strip().partition("\n")[0]))
        text = text if whole == text else self._ended(whole)
        if breaks_syntax(self._place, text, self._consumed):
            return Rejection("breaks the syntax", repr(text.strip().partition("\n")[0]))
        confidence = self._confidence.of(len(text))
        closes = self._draft.brackets.closed > 0 or self._place.language in ("html", "vue", "xml")
        if not is_useful(text, confidence, closes=closes):
            return Rejection("too short", repr(text.strip()))
        if not self._confidence.enough(len(text)):
            return Rejection("low confidence", f"{confidence:.2f}")
        return Polished(text, self._cursor + self._consumed, confidence, stopped)

    def _nothing(self, stopped: str) -> Rejection:
        if stopped and stopped not in _EMPTY_REASONS:
            return Rejection(stopped)
        if self._shape.echoed:
            return Rejection("repeats the text above")
        if self._draft.text.strip():
            return Rejection("repeats the text below")
        return Rejection("nothing", "the model had nothing to add")

    @property
    def _over(self) -> bool:
        return self._cut is not None or self._rejection is not None

    def _take(self, code: str) -> None:
        if self._shape.rejected:
            self._rejection = Rejection(self._shape.rejected)
            return
        for piece in _PIECES.findall(code):
            self._draft.grow(piece)
            for step in self._steps:
                self._cut = step.watch(self._draft)
                if self._cut is not None:
                    return

    def _finish(self) -> None:
        """The end of the stream: what was held back comes out, and the last line counts as finished."""
        if not self._over:
            self._take(self._shape.take(self._cleaner.flush()))
        if not self._over:
            self._take(self._shape.flush())
        if self._cleaner.rejected:
            self._rejection = Rejection(self._cleaner.rejected)
        if not self._over:
            self._cut = self._last_cut()

    def _last_cut(self) -> Cut | None:
        """What the rules for whole lines say to the last line, which no line end has finished."""
        rules = (self._below, self._above, self._itself) if self._draft.partial.strip() else ()
        cuts = (rule.line(self._draft, self._draft.row) for rule in rules)
        return self._closers.finish() or next(filter(None, cuts), None)

    @property
    def _consumed(self) -> int:
        """How much right of the cursor the text that is left replaces."""
        return self._draft.consumed if self._cut is None else self._draft.consumed_by(self._cut.at)

    def _trimmed(self, truncated: bool) -> str:
        """The text up to the cut, without trailing blanks; a line broken off in the middle is left out."""
        text = self._draft.text
        if self._cut is not None:
            text = text[: self._cut.at]
        elif truncated and "\n" in text.strip():
            text = text[: text.rfind("\n")]
        if not self._consumed:
            if "\n" not in text:
                text = cut_partial_tail(text, self._place.tail)
            if not self._place.tail.strip():
                text = without_lines_below(self._place, text)
        lines = text.split("\n")
        lines[:-1] = [line.rstrip() for line in lines[:-1]]
        return self._ended("\n".join(lines))

    def _ended(self, text: str) -> str:
        """The end of the text, as what follows it wants it."""
        rest = self._place.tail[self._consumed :]
        body = text.rstrip()
        if not rest.strip():
            return body
        if "\n" in body and body.lstrip(" \t").startswith("\n") and rest.lstrip()[:1] in tuple(")]}"):
            return body + "\n" + self._place.blanks(self._place.indent(self._place.head))
        if "\n" in text[len(body) :]:
            return body
        wants_blank = not rest[0].isspace() and rest[0] not in ")]}\"'`,;:"
        return body + " " if text != body and wants_blank else body
