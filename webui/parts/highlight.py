"""Code as coloured HTML, while it is still being written: only the unfinished end is coloured again."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from html import escape
from typing import Any

from pygments.lexer import ExtendedRegexLexer, Lexer, LexerContext, RegexLexer
from pygments.lexers import get_lexer_by_name
from pygments.token import STANDARD_TYPES
from pygments.util import ClassNotFound

from qwen_lsp.code.languages import LANGUAGES, fence_tag, language

_NAMES = {row.name: fence_tag(row.id) for row in reversed(LANGUAGES.values())} | {
    "as-is": "python",
    "": "python",
}
"""How the lexers call a language that people write so."""
_BACKTICK = frozenset({"go", "javascript", "typescript"})


class Highlighter:
    """Feed text as it comes; `settled` HTML only grows, `tail` may change until the next feed."""

    def __init__(self, spoken: str) -> None:
        self._lexer = lexer_for(spoken)
        self._steps = isinstance(self._lexer, RegexLexer)
        name = self._lexer.aliases[0] if self._lexer.aliases else ""
        self._openers = [("/*", "*/")] * language(name).block_comments + [("`", "`")] * (name in _BACKTICK)
        self._pending = ""
        self._stack: list[Any] = ["root"]
        self.settled = ""
        self.tail = ""

    def feed(self, text: str) -> None:
        """Colour what was added."""
        self._pending += text
        if not self._steps:
            self.tail = _html(self._lexer.get_tokens_unprocessed(self._pending))
            return
        tokens = list(self._lex())
        cut, stack = self._safe_cut(tokens)
        before = [(i, kind, value) for i, kind, value, _ in tokens if i + len(value) <= cut]
        after = [(i, kind, value) for i, kind, value, _ in tokens if i + len(value) > cut]
        self.settled += _html(before)
        self.tail = _html(after)
        self._pending = self._pending[cut:]
        self._stack = stack

    def _lex(self) -> Iterator[tuple[int, Any, str, list[Any]]]:
        """Tokens of the unsettled text, each with the lexer's states in which it was found."""
        context = LexerContext(self._pending, 0, stack=list(self._stack))
        for index, kind, value in ExtendedRegexLexer.get_tokens_unprocessed(self._lexer, context=context):
            yield index, kind, value, list(context.stack)

    def _safe_cut(self, tokens: list[tuple[int, Any, str, list[Any]]]) -> tuple[int, list[Any]]:
        """The furthest line start that later text cannot recolour, and the lexer's states there."""
        limit = self._pending.rfind("\n", 0, max(0, self._pending.rfind("\n")))
        for opener, closer in self._openers:
            start = self._pending.rfind(opener)
            if start >= 0 and self._pending.find(closer, start + len(opener)) < 0:
                limit = min(limit, start)
        cut, stack = 0, self._stack
        for position, (index, _, value, _before) in enumerate(tokens[:-1]):
            end = index + len(value)
            if end > limit + 1:
                break
            if value.endswith("\n"):
                # A rule's new state is entered after its token was yielded: the next token shows it.
                cut, stack = end, tokens[position + 1][3]
        return cut, stack


def highlight(code: str, language: str) -> str:
    """Finished code as HTML spans; everything of the user's is escaped."""
    return _html(lexer_for(language).get_tokens_unprocessed(code))


def lexer_for(language: str) -> Lexer:
    """The lexer of a language by the name the page or a Markdown fence gives it; plain text when unknown."""
    name = _NAMES.get(language, language.lower() or "text")
    try:
        return get_lexer_by_name(name)
    except ClassNotFound:
        return get_lexer_by_name("text")


def _html(tokens: Iterable[tuple[int, Any, str]]) -> str:
    pieces: list[str] = []
    last, run = "", ""
    for _, kind, value in tokens:
        name = _class(kind) if value.strip() else last
        if name != last:
            pieces.append(_span(last, run))
            last, run = name, ""
        run += value
    pieces.append(_span(last, run))
    return "".join(pieces)


def _span(name: str, text: str) -> str:
    if not text:
        return ""
    return f'<span class="{name}">{escape(text)}</span>' if name else escape(text)


def _class(kind: Any) -> str:
    while kind not in STANDARD_TYPES:
        kind = kind.parent
    name = STANDARD_TYPES[kind]
    return "" if name in ("w", "n", "p", "err") else str(name)
