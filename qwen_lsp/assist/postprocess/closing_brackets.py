"""The step for closing brackets and quotes: those the editor put there, those below, and those that are missing."""

from __future__ import annotations

from qwen_lsp.assist.postprocess.draft import Cut, Draft
from qwen_lsp.assist.postprocess.line_similarity import near
from qwen_lsp.code.cursor_context import CLOSERS, CursorContext, opens_block

_GOES_ON = frozenset({"else", "catch", "finally", "elif", "except"})


class Closers:
    """Closers the suggestion writes for brackets and quotes from before the cursor.

    Right of the cursor: taken over (replaced). Further below: the suggestion ends before its own, except in
    `} else {`, where the file's closer ends the new block. Nowhere in the file: kept, and where it ends a block
    the suggestion ends too.
    """

    def __init__(self, place: CursorContext) -> None:
        self._place = place
        self._following = False
        self._ends_block = False
        self._closed_at: int | None = None
        """Where a brace was closed that the file closes below; only `else` or the like can save it."""
        self._reopens = False

    def watch(self, draft: Draft) -> Cut | None:
        """Ends the suggestion at a closer that the file has already."""
        if self._closed_at is not None:
            return self._after_brace(draft)
        if self._reopens and draft.brackets.depth:
            self._reopens = False
            draft.brackets.reopen()
        if self._ends_block and not draft.closers:
            return self._after_block(draft)
        if draft.ended:
            return self._after_line(draft)
        if not draft.closers:
            self._take_over_more(draft)
        for at in draft.closers:
            cut = self._closer(draft, at)
            if cut is not None:
                return cut
        return None

    def finish(self) -> Cut | None:
        """Where the suggestion ends when the model says no more."""
        return None if self._closed_at is None else Cut(self._closed_at, "end of the scope")

    def _closer(self, draft: Draft, at: int) -> Cut | None:
        openers, number = draft.brackets.openers, draft.brackets.closed - 1
        opener = openers[number] if number < len(openers) else None
        char = draft.text[at:]
        if opener is None:
            return Cut(at, "outside the scope")
        if opener.closed_at < 0:
            self._ends_block = opener.char == "{"
            return None
        if opener.closed_at < len(self._place.tail):
            return self._take_over(draft, at, char)
        if char == "}":
            self._closed_at = at
            return None
        return Cut(at, "end of the scope")

    def _after_brace(self, draft: Draft) -> Cut | None:
        """Only a word such as `else` saves the brace, and not when the file's own brace is followed by it too."""
        at = self._closed_at or 0
        word = draft.text[at + 1 :].strip()
        if not draft.ended and (
            not word or (word not in _GOES_ON and any(w.startswith(word) for w in _GOES_ON))
        ):
            return None
        self._closed_at = None
        if word in _GOES_ON and not self._goes_on_below(draft, word):
            self._reopens = True
            return None
        return Cut(at, "end of the scope")

    def _goes_on_below(self, draft: Draft, word: str) -> bool:
        opener = draft.brackets.openers[draft.brackets.closed - 1]
        return self._place.after[opener.closed_at + 1 :].lstrip().startswith(word)

    def _take_over(self, draft: Draft, at: int, char: str) -> Cut | None:
        rest = self._place.tail[draft.consumed :]
        if rest.lstrip().startswith(char):
            draft.take_over(len(rest) - len(rest.lstrip()) + len(char))
            self._following = True
            return None
        return Cut(_near_overlap(draft.text[:at], rest), "repeats the rest of the line")

    def _take_over_more(self, draft: Draft) -> None:
        if self._is_separator(draft):
            draft.take_over(self._place.tail.index(draft.piece, draft.consumed) + 1 - draft.consumed)
        elif self._following:
            self._following = self._follow(draft)
        elif draft.piece == ">" and self._ends_tag(draft):
            draft.take_over(self._place.tail.index(">", draft.consumed) + 1 - draft.consumed)
            self._following = True

    def _ends_tag(self, draft: Draft) -> bool:
        """Whether the `>` just written is the one that the editor put right of the cursor."""
        rest = self._place.tail[draft.consumed :].lstrip()
        line = draft.full_line(draft.row)
        return draft.row == 0 and rest.startswith(">") and "<" in line and line.count(">") >= line.count("<")

    def _is_separator(self, draft: Draft) -> bool:
        """Whether the suggestion has come to the `;`, `:` or `,` that stands right of the cursor."""
        if draft.piece not in (";", ":", ",") or draft.brackets.depth or not self._place.tail_is_closers:
            return False
        rest = self._place.tail[draft.consumed :].lstrip()
        return rest.startswith(draft.piece) and draft.brackets.inside() is None

    def _follow(self, draft: Draft) -> bool:
        """Take over what follows the closers too, as long as the suggestion says the same."""
        piece = draft.piece
        if not piece.strip():
            return True
        rest = self._place.tail[draft.consumed :]
        if not rest.lstrip().startswith(piece) or piece in CLOSERS:
            return False
        draft.take_over(len(rest) - len(rest.lstrip()) + len(piece))
        return True

    def _after_block(self, draft: Draft) -> Cut | None:
        """After the brace that ends the scope only its own line may go on, as in `});` or `} else {`."""
        if draft.ended and not draft.brackets.depth:
            return Cut(draft.starts[-1] - 1, "end of the scope")
        return None

    def _after_line(self, draft: Draft) -> Cut | None:
        """When all that stood right of the cursor is taken over and nothing new is opened, the statement is whole."""
        done = self._place.tail.strip() and not self._place.tail[draft.consumed :].strip()
        if not (done and draft.consumed) or draft.brackets.depth:
            return None
        if draft.row > 1 and draft.taken[-1][0] < draft.starts[draft.row - 1]:
            return None  # it was taken over further up; a body is being written
        if opens_block(draft.full_line(draft.row - 1), self._place.language):
            return None
        return Cut(draft.starts[-1] - 1, "end of the scope")


def _near_overlap(text: str, rest: str) -> int:
    """Where in the text a variant of the rest of the line begins; its end when there is none."""
    line = text[text.rfind("\n") + 1 :]
    begins = rest.lstrip()[:1]
    for at, char in enumerate(line):
        if char == begins and near(line[at:].strip(), rest.strip().rstrip(CLOSERS + ";,:{ "), 0.6):
            return len(text) - len(line) + at
    return len(text)
