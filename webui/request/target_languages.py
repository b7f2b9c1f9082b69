"""The target languages the page offers, with the file ending a download gets."""

from __future__ import annotations

from qwen_lsp.code.languages import language

AS_IS = "as-is"
_OFFERED = (
    "python",
    "cpp",
    "java",
    "go",
    "rust",
    "typescript",
    "javascript",
    "c",
    "csharp",
    "sql",
    "shellscript",
)
LANGUAGES: dict[str, str] = {language(id).name: language(id).endings[0] for id in _OFFERED}


def ending(name: str) -> str:
    """File ending for a language by its name; txt when it is none of ours."""
    return LANGUAGES.get(name, "txt")
