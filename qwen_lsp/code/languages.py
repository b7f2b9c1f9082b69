"""Which language a file is in, by its name. Pure tables; language ids are LSP's."""

from __future__ import annotations

from pathlib import PurePath

_SUFFIXES = {
    "python": "py pyi pyw",
    "javascript": "js mjs cjs",
    "javascriptreact": "jsx",
    "typescript": "ts mts cts",
    "typescriptreact": "tsx",
    "c": "c h",
    "cpp": "cc cpp cxx c++ hh hpp hxx ipp inl",
    "java": "java",
    "go": "go",
    "rust": "rs",
    "csharp": "cs",
    "kotlin": "kt kts",
    "swift": "swift",
    "scala": "scala",
    "ruby": "rb rake",
    "php": "php",
    "lua": "lua",
    "perl": "pl pm",
    "shellscript": "sh bash zsh",
    "sql": "sql",
    "html": "html htm",
    "css": "css",
    "scss": "scss",
    "vue": "vue",
    "svelte": "svelte",
    "haskell": "hs",
    "elixir": "ex exs",
    "dart": "dart",
    "zig": "zig",
    "julia": "jl",
    "r": "r",
    "ocaml": "ml mli",
    "yaml": "yaml yml",
    "toml": "toml",
    "json": "json",
    "markdown": "md markdown",
    "restructuredtext": "rst",
    "dockerfile": "dockerfile",
    "makefile": "mk",
    "protobuf": "proto",
}
_BY_SUFFIX = {f".{suffix}": language for language, all_ in _SUFFIXES.items() for suffix in all_.split()}
_BY_NAME = {"dockerfile": "dockerfile", "makefile": "makefile", "gnumakefile": "makefile", "rakefile": "ruby"}
_PROSE = frozenset({"markdown", "restructuredtext", "plaintext", "text", "latex", "tex", "mdx", "asciidoc"})
_DATA = frozenset(
    {"yaml", "toml", "json", "jsonc", "csv", "xml", "markdown", "restructuredtext", "plaintext"}
)


def language_of(path: PurePath) -> str | None:
    """The language id of a file, or None when its name says nothing."""
    return _BY_SUFFIX.get(path.suffix.lower()) or _BY_NAME.get(path.name.lower())


def is_prose(language: str) -> bool:
    """Whether files of this language are meant to hold sentences."""
    return language in _PROSE


def is_code(language: str) -> bool:
    """Whether files of this language are programs, rather than data or sentences."""
    return language not in _DATA and language not in _PROSE
