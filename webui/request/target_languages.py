"""The target languages the page offers, with the file ending a download gets."""

from __future__ import annotations

AS_IS = "as-is"
LANGUAGES: dict[str, str] = {
    "Python": "py",
    "C++": "cpp",
    "Java": "java",
    "Go": "go",
    "Rust": "rs",
    "TypeScript": "ts",
    "JavaScript": "js",
    "C": "c",
    "C#": "cs",
    "SQL": "sql",
    "Bash": "sh",
}


def ending(language: str) -> str:
    """File ending for a language; txt when it is none of ours."""
    return LANGUAGES.get(language, "txt")
