"""What actions know about each language: its name, fence, file ending and form of documentation."""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Language:
    """One language by its LSP id."""

    id: str
    name: str
    ending: str
    documentation: str = "comments"
    comment: str = "//"
    header: str = r"\b(class|struct|enum|interface|func|fn|function|impl|trait|namespace)\b|\)\s*[\w\s:<>,&*|\[\].?-]*\{"
    """Where a definition begins; searched in a line."""
    typed_later: bool = False
    """Types may be left out, so they can be added."""

    @property
    def starts(self) -> re.Pattern[str]:
        """The pattern of a definition's first line."""
        return re.compile(self.header)


_PYTHON = r"^\s*(async\s+def|def|class)\b"
_SCRIPT = (
    r"\b(class|interface|enum|function)\b|^\s*(?:[\w*]+\s+)*[\w$]+\s*\([^;]*\)\s*(?::[^;{]+)?\{|=>\s*\{\s*$"
)

LANGUAGES: dict[str, Language] = {
    language.id: language
    for language in (
        Language("python", "Python", ".py", "docstrings", "#", _PYTHON, typed_later=True),
        Language("cpp", "C++", ".cpp", "Doxygen comments (/** ... */)"),
        Language("c", "C", ".c", "Doxygen comments (/** ... */)"),
        Language("java", "Java", ".java", "Javadoc comments"),
        Language("go", "Go", ".go", "Go doc comments (// Name ...)"),
        Language("rust", "Rust", ".rs", "Rust doc comments (///)"),
        Language("javascript", "JavaScript", ".js", "JSDoc comments", "//", _SCRIPT, typed_later=True),
        Language("javascriptreact", "JavaScript", ".jsx", "JSDoc comments", "//", _SCRIPT, typed_later=True),
        Language("typescript", "TypeScript", ".ts", "TSDoc comments", "//", _SCRIPT, typed_later=True),
        Language("typescriptreact", "TypeScript", ".tsx", "TSDoc comments", "//", _SCRIPT, typed_later=True),
        Language("ruby", "Ruby", ".rb", "RDoc comments", "#", r"^\s*(def|class|module)\b"),
        Language("php", "PHP", ".php", "PHPDoc comments"),
        Language("lua", "Lua", ".lua", "LDoc comments", "--", r"\bfunction\b"),
        Language("shellscript", "shell", ".sh", "comments", "#", r"^\s*(function\s+)?\w+\s*\(\)\s*\{"),
    )
}
TRANSLATION_TARGETS = ("python", "cpp", "java", "go", "rust", "typescript")
PROSE = frozenset({"plaintext", "markdown", "restructuredtext", "git-commit", "gitcommit", "help", ""})


def language(id: str) -> Language:
    """What is known of a language; a plain guess for others."""
    return LANGUAGES.get(id) or Language(id, id or "code", "")


def fence_tag(id: str) -> str:
    """What stands behind the back-ticks for this language."""
    return {"shellscript": "sh", "javascriptreact": "jsx", "typescriptreact": "tsx"}.get(id, id)
