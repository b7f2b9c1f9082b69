"""Gives a suggestion the file's shape: indentation that continues the cursor's, tabs or spaces, no text said twice."""

from __future__ import annotations

from qwen_lsp.code.cursor_context import CursorContext, opens_block

_ECHO_LINES = 12
_SHORTEST_ECHO = 4
_UNKNOWN = "\0"


class Reindenter:
    """Code in, code out; holds back only the blanks at a line's start and, at first, what repeats the cursor's line."""

    def __init__(self, place: CursorContext) -> None:
        self._place = place
        self._held = ""
        self._started = False
        self._at_line_start = False
        self._dropped = 0
        """Columns taken off the first line because the editor had already put them there."""
        self._shift: int | None = None
        """Columns to add to later lines; None until the first of them has come."""
        self._first_line = place.head
        self._first_done = False
        self.echoed = False
        """Whether the model began by saying again what stands above."""
        self.rejected = ""

    def take(self, piece: str) -> str:
        """Text whose place is certain by now."""
        self._held += piece
        return self._settle(whole=False)

    def flush(self) -> str:
        """What was held back, at the end of the stream."""
        return self._settle(whole=True)

    def _settle(self, *, whole: bool) -> str:
        done = []
        if not self._started:
            begun = self._begin(whole)
            if begun is None:
                return ""
            self._started, self._held = True, ""
            done.append(self._body(begun))
        else:
            held, self._held = self._held, ""
            done.append(self._body(held))
        if whole and self._at_line_start:
            self._held = ""
        return "".join(done)

    def _begin(self, whole: bool) -> str | None:
        """The beginning without what the cursor's line already has; None: not known yet."""
        if self._place.head_is_blank:
            opens = opens_block(self._place.near_above, self._place.language)
            echo = self._echo(self._held, "", whole) if opens else None
            if echo == _UNKNOWN:
                return None
            return self._begin_on_blank(self._held if echo is None else echo, whole)
        text = self._held
        if self._place.head[-1:] in " \t":
            text = text.lstrip(" \t")
        head = self._place.head.strip()
        if len(head) < _SHORTEST_ECHO or text.startswith("\n"):
            return text if text or whole else None
        echo = self._echo(text, head, whole)
        return text if echo is None else echo if echo != _UNKNOWN else None

    def _echo(self, text: str, head: str, whole: bool) -> str | None:
        """The text after a repetition of the lines above and the cursor's line; None: no repetition; _UNKNOWN: wait."""
        lines = text.lstrip().split("\n")
        above = [line.strip() for line in self._place.above[-_ECHO_LINES:]]
        expected = [head] if head else []
        first = lines[0].strip()
        if len(lines) > 1 and len(first) >= _SHORTEST_ECHO and first in above:
            expected = [*above[len(above) - 1 - above[::-1].index(first) :], *expected]
        elif any(line.startswith(first) for line in above if line) and len(lines) == 1 and not whole:
            return _UNKNOWN
        for at, wanted in enumerate(expected):
            whole_line = at < len(lines) - 1
            got = lines[at].strip() if whole_line else lines[at].lstrip()
            if at == len(expected) - 1 and head and got.startswith(wanted):
                rest = lines[at].lstrip()[len(wanted) :]
                rest = rest.lstrip(" ") if self._place.head[-1:] == " " else rest
                if not rest and not whole_line and not whole:
                    return _UNKNOWN
                self.echoed = True
                return "\n".join((rest, *lines[at + 1 :]))
            if not whole_line:
                return _UNKNOWN if wanted.startswith(got) and not whole else None
            if got != wanted:
                return None
        self.echoed = bool(expected)
        return "\n" + "\n".join(lines[len(expected) :]) if expected else None

    def _begin_on_blank(self, text: str, whole: bool) -> str | None:
        body = text.lstrip("\n \t")
        if not body:
            return "" if whole else None
        blank = text[: len(text) - len(body)]
        _, newline, blanks = blank.rpartition("\n")
        typed, given = self._place.columns(self._place.head), self._place.columns(blanks)
        if newline:
            if given < typed:
                self.rejected = "outside the scope"
            return self._place.blanks(max(0, given - typed)) + body
        expected = self._place.expected_indent
        if typed and given and typed + given != expected and expected in (typed, given):
            self._dropped = given
            wanted = max(typed, expected)
            return self._place.blanks(wanted - typed) + body
        return self._place.blanks(given) + body

    def _body(self, text: str) -> str:
        """Later lines, indented in the file's style."""
        done = []
        while text:
            if self._at_line_start:
                code = text.lstrip(" \t")
                blanks = text[: len(text) - len(code)]
                if not code:
                    self._held = blanks
                    break
                if code[0] != "\n":
                    done.append(self._indented(blanks, code))
                self._at_line_start, text = False, code
            line, newline, text = text.partition("\n")
            done.append(line + newline)
            if not self._first_done:
                self._first_line += line
            if newline:
                self._at_line_start, self._first_done = True, True
        return "".join(done)

    def _indented(self, blanks: str, code: str) -> str:
        columns = self._place.columns(blanks)
        if self._shift is None:
            self._shift = self._find_shift(columns)
        return self._place.blanks(max(0, columns + self._shift))

    def _find_shift(self, columns: int) -> int:
        """How far the model's own left margin is from the file's, seen at the first line after the cursor's."""
        base = self._place.indent(self._first_line)
        opens = opens_block(self._first_line, self._place.language)
        normal = base + self._place.step if opens else base
        if self._dropped and columns == normal + self._dropped:
            return -self._dropped
        if (
            opens
            and base
            and columns <= base
            and columns == self._place.step
            and self._first_line.rstrip()[-1:] == ":"
        ):
            return base
        return 0
