"""The law of whole things: nothing shown leaves open a bracket, a string or a header, or breaks a file that parses."""

from __future__ import annotations

import re

from qwen_lsp.assist.postprocess.brackets import Brackets, unbalanced
from qwen_lsp.code.cursor_context import CursorContext, opens_block
from qwen_lsp.code.languages import language
from qwen_lsp.code.syntax import parses

_PIECES = re.compile(r"\n|\w+|[ \t]+|[^\w\s]|[^\S\n]")


def whole_part(place: CursorContext, text: str, consumed: int) -> str:
    """The text up to the last line that leaves nothing open; empty when there is none.

    `consumed` is how much right of the cursor the text replaces.
    """
    lines = text.split("\n")
    for count in range(len(lines), 0, -1):
        part = "\n".join(lines[:count])
        if not part.strip():
            break
        if count < len(lines) and consumed:
            break  # what it replaces was closed in the part cut off
        if not leaves_open(place, part, consumed):
            return part
    return ""


def leaves_open(place: CursorContext, text: str, consumed: int = 0) -> bool:
    """Whether the file has more open brackets, strings or bare headers with the text than without."""
    rest = place.tail[consumed:]
    brackets = Brackets(place)
    began_inside = brackets.inside()
    for piece in _PIECES.findall(text):
        brackets.grow(piece)
    if brackets.inside() == "string" and began_inside != "string" and not rest.strip():
        return True
    after = place.after[consumed:]
    if unbalanced(place, text, after) > unbalanced(place, "", place.after):
        return True
    return _bare_header(place, text, rest) and not _bare_header(place, "", place.tail)


def breaks_syntax(place: CursorContext, text: str, consumed: int = 0) -> bool:
    """Whether the file parses without the text and no longer does with it; False where no grammar can say."""
    if parses(place.window + place.after, place.language) is not True:
        return False
    return parses(place.window + text + place.after[consumed:], place.language) is False


def _bare_header(place: CursorContext, text: str, rest: str) -> bool:
    """Whether the text's last line begins a block by indentation or by a word, and nothing follows in it."""
    if language(place.language).scopes not in ("indentation", "words") or not place.is_code:
        return False
    *_, last = (place.head + text).split("\n")
    line = last + rest
    if not opens_block(line, place.language) or line.rstrip().endswith(("(", "[", "{")):
        return False
    following = place.next_below[:1]
    return not following or place.indent(following[0]) <= place.indent(line)
