"""Steps that keep a suggestion from writing again what already stands after the cursor."""

from __future__ import annotations

import re
from collections.abc import Sequence

from qwen_lsp.assist.postprocess.draft import Cut, Draft
from qwen_lsp.assist.postprocess.line_similarity import is_telling, near, same, same_but_style
from qwen_lsp.code.cursor_context import CursorContext, opens_block

_LOOK_BELOW = 3
"""A suggestion may skip a line or two of the file before it repeats the next."""
_LONG_ENOUGH = 12
_SHORTEST_TAIL = 3
_ATTACHED = ("@", "#[", "//", "/*", "*")
"""Decorators, attributes and comments look alike; what they belong to tells."""
_CLOSING = ")]}\"'`;,: \t"


class RestOfLine:
    """Overlap with the text right of the cursor, when that is more than closers."""

    def __init__(self, place: CursorContext) -> None:
        self._tail = place.tail.replace(" ", "").replace("\t", "")
        self._active = len(self._tail) >= _SHORTEST_TAIL and not place.tail_is_closers
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


class LinesBelow:
    """Overlap with the lines below: one telling line, or several that match exactly or nearly."""

    def __init__(self, place: CursorContext) -> None:
        self._place = place
        self._below = place.next_below[: _LOOK_BELOW + 8]
        self._pending: list[tuple[int, int]] = []
        """(where the overlap would begin, index of the line below to be met next)."""
        self._inner: tuple[int, int] | None = None
        """The same inside what the suggestion's first line opened."""
        self._base: int | None = None if place.head_is_blank else place.indent(place.head)
        self._depth = 0
        """Brackets of the suggestion open where the last finished line began."""

    def watch(self, draft: Draft) -> Cut | None:
        """Ends the suggestion where the lines below begin."""
        if not draft.ended:
            return None
        cut = self.line(draft, draft.row - 1)
        self._depth = draft.depth
        return cut

    def line(self, draft: Draft, row: int) -> Cut | None:
        """The same for a given finished line (or the unfinished last one, at the end)."""
        line = draft.full_line(row)
        if not line.strip() or not self._below or (row == 0 and draft.place.tail.strip()):
            return None
        begins = draft.starts[row]
        if self._base is None:
            self._base = draft.place.indent(line)
        if self._depth or draft.place.indent(line) > self._base:
            return self._inside(draft, row, line)
        followed = [(at, index + 1) for at, index in self._pending if self._meets(line, index)]
        if followed:
            return Cut(followed[0][0], "repeats the text below")
        self._pending = []
        for index, below in enumerate(self._in_reach(draft.place, line)):
            if line.lstrip().startswith(_ATTACHED):
                if same(line, below):
                    self._pending.append((begins, index + 1))
            elif (same(line, below) or same_but_style_and_place(draft.place, line, below)) and is_telling(
                line
            ):
                if index == 0 or len(line.strip()) >= _LONG_ENOUGH:
                    return Cut(begins, "repeats the text below")
            elif same(line, below) or (is_telling(line) and _nearly(draft.place, line, below)):
                self._pending.append((begins, index + 1))
        return None

    def _inside(self, draft: Draft, row: int, line: str) -> Cut | None:
        """Inside something of the suggestion's own: what the file resembles is repeated only if it follows at once.

        Cut anywhere else, what was begun would be left open. A header whose body stands below is whole without it.
        """
        self._pending = []
        if self._inner is not None:
            at, index = self._inner
            if index < len(self._below) and same(line, self._below[index]):
                return Cut(at, "repeats the text below")
            self._inner = None
        begun = [r for r in range(row) if draft.full_line(r).strip()]
        if len(begun) == 1 and same(line, self._below[0]):
            if len(self._below) == 1 or (is_telling(line) and len(line.strip()) >= _LONG_ENOUGH):
                return Cut(draft.starts[row], "repeats the text below")
            self._inner = (draft.starts[row], 1)
        return None

    def _in_reach(self, place: CursorContext, line: str) -> Sequence[str]:
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
        return same(line, below) or same_but_style(line, below) or _nearly(self._place, line, below)


def _nearly(place: CursorContext, line: str, below: str) -> bool:
    """Nearly the same line; a header must name the same things: `fetchUsers` above `fetchPosts` is another function."""
    if not near(line, below):
        return False
    longer = r"[^\W\d]\w{3,}"
    same_names = set(re.findall(longer, line)) == set(re.findall(longer, below))
    return same_names or not opens_block(line, place.language)


def same_but_style_and_place(place: CursorContext, a: str, b: str) -> bool:
    """Equal but for style, and equally indented: deeper inside, the same statement may be meant."""
    return place.indent(a) == place.indent(b) and same_but_style(a, b)


def without_lines_below(place: CursorContext, text: str) -> str:
    """A text whose scope has ended, without last lines that the file goes on with."""
    lines = text.rstrip().split("\n")
    whole = [place.head + lines[0], *lines[1:]]
    for count in (3, 2, 1):
        if (
            len(lines) < count
            or len(place.next_below) < count
            or (len(lines) == count and not place.head_is_blank)
        ):
            continue
        pairs = list(zip(whole[-count:], place.next_below, strict=False))
        if (
            all(same(a, b) for a, b in pairs[:-1])
            and _begins(*pairs[-1])
            and _ends_there(place, count, pairs[-1][0])
        ):
            return "\n".join(lines[:-count]).rstrip()
    return text


def _begins(line: str, below: str) -> bool:
    """Whether a line is the one below, closers at its end apart."""
    return below.startswith(line.rstrip()) and not below[len(line.rstrip()) :].strip(_CLOSING)


def _ends_there(place: CursorContext, count: int, last: str) -> bool:
    """Whether the repetition is long enough to mean something, or reaches the end of the scope below too."""
    if is_telling(last) or count > 1:
        return True
    following = place.next_below[count : count + 1]
    return not following or place.indent(following[0]) < place.indent(last)
