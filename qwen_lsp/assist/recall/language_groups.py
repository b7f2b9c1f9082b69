"""Which languages share their runs, so that several in one workspace do not mix."""

from __future__ import annotations

from pathlib import PurePath

from qwen_lsp.code import languages
from qwen_lsp.code.languages import is_code, language_of

# Words that never are names, over all languages; enough to keep them from being renamed.
KEYWORDS = frozenset(
    "and as assert async await break case catch class const continue def default del do elif else enum except "
    "export extends extern false False final finally fn for from func function global go if impl implements "
    "import in instanceof interface is lambda let loop match mod mut namespace new nil None nonlocal not null "
    "or package pass private protected pub public raise return self Self static struct super switch template "
    "this throw throws trait true True try type typedef typeof union unless unsafe use using var virtual void "
    "volatile where while with yield bool boolean char double float int long short unsigned str string".split()
)


def family_of_file(path: PurePath) -> str | None:
    """The family of a file to index, None for files that hold no code we know of."""
    language = language_of(path)
    return _group(language) if language and is_code(language) else None


def family_of(language: str, path: PurePath | None) -> str:
    """The family of an open document; unknown languages are families of their own."""
    if language in ("", "plaintext") and path is not None:
        return family_of_file(path) or path.suffix.lower() or "text"
    return _group(language) or "text"


def _group(id: str) -> str:
    return languages.language(id).group or languages.language(id).id
