"""Steps that keep a suggestion from writing again what already stands after the cursor."""

from __future__ import annotations

from collections.abc import Sequence

from qwen_lsp.assist.polish.draft import Cut, Draft
from qwen_lsp.assist.polish.likeness import is_telling, near, same, same_but_style
from qwen_lsp.assist.polish.place import CLOSERS, Place, opens_block

_LOOK_BELOW = 3
"""A suggestion may skip a line or two of the file before it repeats the next."""
_LONG_ENOUGH = 12
_SHORTEST_TAIL = 3


class RestOfLine:
    """Overlap with the text right of the cursor, when that is more than closers."""

    def __init__(self, place: Place) -> None:
        self._tail = place.tail.replace(" ", "").replace("\t", "")
        telling = sum(c.isalnum() for c in self._tail) >= 1 and len(self._tail) >= _SHORTEST_TAIL
        self._active = telling and not place.tail_is_closers
        self._spaceless = ""

    def watch(self, draft: Draft) -> Cut | None:
        """Ends the suggestion where the rest of the line begins again."""
        if not self._active or draft.row > 0:
            return None
        self._spaceless += draft.piece.strip()
        if not self._spaceless.endswith(self._tail):
            return None
        return Cut(_back(draft.partial, len(self._tail)), "repeats the rest of the line")


def _back(text: str, signs: int) -> int:
    """The offset before the last `signs` characters that are not blank, and the blanks before them."""
    at = len(text)
    while signs and at:
        at -= 1
        signs -= not text[at].isspace()
    while at and text[at - 1] in " \t":
        at -= 1
    return at


def cut_partial_tail(text: str, tail: str) -> str:
    """A one-line text without a last part that begins the rest of the line (the stream ended in the middle)."""
    tail = tail.rstrip()
    for size in range(min(len(text), len(tail)), 0, -1):
        if text.endswith(tail[:size]) and (size == len(tail) or size >= 8) and size >= 2:
            return text[: len(text) - size]
    return text


class Closers:
    """Closers the suggestion writes for brackets and quotes from before the cursor.

    Right of the cursor: taken over (replaced). Further below: the suggestion ends before its own.
    Nowhere in the file: kept, and where it ends a block of statements the suggestion ends too.
    """

    def __init__(self, place: Place) -> None:
        self._place = place
        self._following = False
        self._ends_block = False

    def watch(self, draft: Draft) -> Cut | None:
        """Ends the suggestion at a closer that the file has already."""
        if self._ends_block and not draft.closers:
            return self._after_block(draft)
        if draft.ended:
            return self._after_line(draft)
        if not draft.closers and self._is_separator(draft):
            draft.consumed = self._place.tail.index(draft.piece, draft.consumed) + 1
            return None
        if self._following and not draft.closers and not self._follow(draft):
            self._following = False
        for at in draft.closers:
            cut = self._closer(draft, at)
            if cut is not None:
                return cut
        return None

    def _is_separator(self, draft: Draft) -> bool:
        """Whether the suggestion has come to the `;`, `:` or `,` that stands right of the cursor."""
        if draft.piece not in (";", ":", ",") or draft.brackets.depth or not self._place.tail_is_closers:
            return False
        rest = self._place.tail[draft.consumed :].lstrip()
        return rest.startswith(draft.piece) and draft.brackets.inside() is None

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
        return Cut(at, "end of the scope")

    def _take_over(self, draft: Draft, at: int, char: str) -> Cut | None:
        rest = self._place.tail[draft.consumed :]
        blanks = len(rest) - len(rest.lstrip())
        if rest.lstrip().startswith(char):
            draft.consumed += blanks + len(char)
            self._following = True
            return None
        return Cut(_near_overlap(draft.text[:at], rest), "repeats the rest of the line")

    def _follow(self, draft: Draft) -> bool:
        """Take over what follows the closers too, as long as the suggestion says the same."""
        piece = draft.piece
        if not piece.strip():
            return piece != "\n"
        rest = self._place.tail[draft.consumed :]
        blanks = len(rest) - len(rest.lstrip())
        if not rest.lstrip().startswith(piece) or piece in CLOSERS:
            return False
        draft.consumed += blanks + len(piece)
        return True

    def _after_block(self, draft: Draft) -> Cut | None:
        """After the brace that ends the scope only its own line may go on, as in `});` or `} else {`."""
        if draft.ended and not draft.brackets.depth:
            return Cut(draft.starts[-1] - 1, "end of the scope")
        return None

    def _after_line(self, draft: Draft) -> Cut | None:
        """When all that stood right of the cursor is taken over and nothing new is opened, the statement is whole."""
        done = self._place.tail.strip() and not self._place.tail[draft.consumed :].strip()
        if not (done and draft.ended and draft.consumed) or draft.brackets.depth:
            return None
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


class LinesBelow:
    """Overlap with the lines below: one telling line, or several that match exactly or nearly."""

    def __init__(self, place: Place) -> None:
        self._below = place.next_below[: _LOOK_BELOW + 8]
        self._pending: list[tuple[int, int]] = []
        """(where the overlap would begin, index of the line below to be met next)."""

    def watch(self, draft: Draft) -> Cut | None:
        """Ends the suggestion where the lines below begin."""
        return self.line(draft, draft.row - 1) if draft.ended else None

    def line(self, draft: Draft, row: int) -> Cut | None:
        """The same for a given finished line (or the unfinished last one, at the end)."""
        line = draft.full_line(row)
        if not line.strip() or not self._below or (row == 0 and draft.place.tail.strip()):
            return None
        begins = draft.starts[row]
        followed = [(at, index + 1) for at, index in self._pending if self._meets(line, index)]
        if followed:
            return Cut(followed[0][0], "repeats the text below")
        self._pending = []
        for index, below in enumerate(self._in_reach(draft.place, line)):
            if (same(line, below) or same_but_style_and_place(draft.place, line, below)) and is_telling(line):
                if index == 0 or len(line.strip()) >= _LONG_ENOUGH:
                    return Cut(begins, "repeats the text below")
            elif same(line, below) or (is_telling(line) and near(line, below)):
                self._pending.append((begins, index + 1))
        return None

    def _in_reach(self, place: Place, line: str) -> Sequence[str]:
        """The lines a repetition may begin with: the next one, and two more while the scope goes on."""
        columns = place.indent(line)
        reach = 1
        while reach < min(_LOOK_BELOW, len(self._below)) and place.indent(self._below[reach - 1]) >= columns:
            reach += 1
        return self._below[:reach]

    def _meets(self, line: str, index: int) -> bool:
        if index >= len(self._below):
            return False
        below = self._below[index]
        return same(line, below) or same_but_style(line, below) or near(line, below)


def same_but_style_and_place(place: Place, a: str, b: str) -> bool:
    """Equal but for style, and equally indented: deeper inside, the same statement may be meant."""
    return place.indent(a) == place.indent(b) and same_but_style(a, b)
