"""The step that ends a suggestion where the block, statement or definition being written ends."""

from __future__ import annotations

import re

from qwen_lsp.assist.postprocess.draft import Cut, Draft
from qwen_lsp.code.cursor_context import CursorContext, opens_block

_DEFINITION = re.compile(
    r"(?:(?:export|default|public|private|protected|static|async|abstract|final|pub(?:\([a-z]+\))?|unsafe|inline|virtual|"
    r"extern|declare|override|open|internal|data|sealed|const(?=\s+fn))\s+)*"
    r"(?:def|class|function\*?|fn|func|fun|interface|trait|impl|struct|enum|module|namespace|type(?=\s+\w+\s*[={]|\s+\w+\s+(?:struct|interface))"
    r"|template(?=\s*<)|typedef|if __name__)\b"
)
_C_FUNCTION = re.compile(
    r"(?!(?:return|else|if|for|while|switch|throw|new|delete|case|do|await|yield)\b)[A-Za-z_][\w:<>,*&\s\[\]]*[\s*&]~?[\w:]+\s*\([^;=]*$|[A-Za-z_][\w:<>,*&\s\[\]]*[\s*&][\w:]+\s*\([^;]*\)\s*(?:const|noexcept|override|throws [\w, ]+)?\s*\{"
)
_METHOD = re.compile(
    r"(?!(?:if|for|while|switch|catch|function|return|else|do|with)\b)(?:(?:async|static|get|set)\s+)*[\w#$]+\s*\([^;]*\)\s*(?::\s*[^={;]+)?\{\s*$"
)
_ATTACHED = re.compile(r"@|#\[|///|//|/\*|\*|#(?!include|define|if|endif)|\"\"\"|'''")
ENDINGS = frozenset(["end", "fi", "done", "esac", "endif", "endfunction", "endfor", "endwhile"])
"""Words that end a block where no bracket does."""
_CONTINUES = (
    frozenset(
        [
            "elif",
            "else",
            "except",
            "finally",
            "case",
            "default",
            "catch",
            "while",
            "elsif",
            "rescue",
            "ensure",
            "when",
            "then",
        ]
    )
    | ENDINGS
)
_MAY_CONTINUE = re.compile(r"[}\s)]*([a-z]*)$")
_JOINS = re.compile(r"[.?:&|+\-*/%=<>,)\]}{]")
_C_LIKE = frozenset({"c", "cpp", "java", "csharp", "objective-c"})
_JS_LIKE = frozenset({"javascript", "typescript", "javascriptreact", "typescriptreact"})


class Scope:
    """The end of the block, statement or definition in which the cursor stands.

    By indentation where indentation is the syntax (and where nothing better is known); in languages with braces the
    closing brace ends a scope (see Closers), and indentation only tells a finished statement from its successor.
    """

    def __init__(self, place: CursorContext, *, multiline: bool = True) -> None:
        """Without `multiline` it is known elsewhere (Extent) whether a finished line has a successor."""
        self._place = place
        self._multiline = multiline
        self._base: int | None = None if place.head_is_blank else place.indent(place.head)
        self._body = False
        """Whether only lines deeper than the base belong: a header is being completed."""
        self._began_with_definition = False
        self._item_at = 0
        """Where the contiguous lines at the base began, decorators and comments included."""
        self._after_blank = False
        self._filled = 0
        self._deciding = False

    def watch(self, draft: Draft) -> Cut | None:
        """Ends the suggestion before a line that no longer belongs."""
        if draft.ended:
            self._line_ended(draft)
            return None
        if draft.began or self._deciding:
            return self._line_began(draft)
        return None

    def _line_ended(self, draft: Draft) -> None:
        line = draft.full_line(draft.row - 1)
        if not line.strip():
            self._after_blank = self._filled > 0
            return
        if self._filled == 0:
            self._base = self._place.indent(line) if self._base is None else self._base
            header = not self._place.head_is_blank and (
                draft.row > 1 or bool(draft.lines[0].strip()) or opens_block(line, self._place.language)
            )
            self._body = header and self._owns_body(line)
            self._began_with_definition = is_definition(line, self._place.language)
        elif self._at_base(line) and self._attached_so_far(draft):
            self._began_with_definition = is_definition(line, self._place.language)
        self._filled += 1
        self._after_blank = False

    def _owns_body(self, line: str) -> bool:
        if self._place.is_braced:
            return self._multiline and not line.rstrip().endswith(("{", "(", "[", ","))
        return opens_block(line, self._place.language)

    def _attached_so_far(self, draft: Draft) -> bool:
        """Whether all lines before the last are decorators or comments of what now begins."""
        return all(_ATTACHED.match(line.strip()) for line in draft.lines[:-1] if line.strip())

    def _at_base(self, line: str) -> bool:
        return self._base is not None and self._place.indent(line) == self._base

    def _line_began(self, draft: Draft) -> Cut | None:
        if draft.row == 0 or self._base is None or draft.inside or draft.depth or not self._filled:
            return None
        line = draft.partial
        if self._undecided(line):
            self._deciding = True
            return None
        self._deciding = False
        columns, at = self._place.indent(line), draft.starts[-1]
        if self._leaves(draft, line, columns):
            return Cut(at, "end of the scope")
        if columns == self._base:
            return self._next_item(draft, line, at)
        return None

    def _undecided(self, line: str) -> bool:
        """Whether the line's first word may still grow into one that decides."""
        word = _MAY_CONTINUE.fullmatch(line)
        return (
            word is not None and any(known.startswith(word[1]) for known in _CONTINUES) and len(word[1]) < 8
        )

    def _leaves(self, draft: Draft, line: str, columns: int) -> bool:
        base = self._base or 0
        if columns > base:
            return False
        first = re.match(r"[}\s)]*(\w*)", line)
        if first is not None and first[1] in _CONTINUES and columns == base and self._filled > 1:
            return False
        if self._place.is_braced:
            return (
                self._body
                and not _JOINS.match(line.strip())
                and not draft.lines[-1].rstrip().endswith((",", "=", "("))
            )
        if line.lstrip()[:1] in ")]}":
            return False
        return columns < base or self._body

    def _next_item(self, draft: Draft, line: str, at: int) -> Cut | None:
        """A second definition, or at the file's margin a new paragraph, is another thing than the one asked for."""
        if self._after_blank or not self._item_at:
            self._item_at = at
        if line.lstrip()[:1] in ")]}" or self._attached_only(draft) or line.strip() in ENDINGS:
            return None
        if self._after_blank and (self._base == 0 or self._began_with_definition):
            return Cut(at, "end of the scope")
        if self._began_with_definition and (
            not self._place.is_braced or draft.lines[-1].strip().startswith("}")
        ):
            return Cut(at, "end of the scope")
        return None

    def _attached_only(self, draft: Draft) -> bool:
        return all(_ATTACHED.match(text.strip()) for text in draft.lines if text.strip())


def is_definition(line: str, language: str) -> bool:
    """Whether a line begins a function, class or the like."""
    stripped = line.strip()
    if _DEFINITION.match(stripped):
        return True
    if language in _C_LIKE:
        return _C_FUNCTION.match(stripped) is not None
    return language in _JS_LIKE and _METHOD.match(stripped) is not None
