"""One row a language: all that is known of it. Ids are LSP's. A new language touches this table only.

Grammars are the official wheels; they are imported when first needed (code/syntax), and a language without one works too.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePath
from typing import Literal

Kind = Literal["code", "data", "prose"]
Scopes = Literal["braces", "indentation", "words", "tags", "none"]
"""What ends a block: a bracket, a dedent, a word such as `end`, a closing tag; none in sentences and flat data."""

_TYPES = r"\b(class|struct|enum|interface|func|fn|function|impl|trait|namespace)\b"
_CALLABLE = r"\)\s*[\w\s:<>,&*|\[\].?-]*\{"
_ANY_HEADER = f"{_TYPES}|{_CALLABLE}"
_PYTHON_HEADER = r"^\s*(async\s+def|def|class)\b"
_SCRIPT_HEADER = (
    r"\b(class|interface|enum|function)\b|^\s*(?:[\w*]+\s+)*[\w$]+\s*\([^;]*\)\s*(?::[^;{]+)?\{|=>\s*\{\s*$"
)


@dataclass(frozen=True, slots=True)
class Tests:
    """How tests are written in a language, where the project itself does not say."""

    __test__ = False  # pytest would take it for a test

    names: tuple[str, ...]
    """Names of test files with {stem} and {suffix} of the file they test, the usual one first."""
    framework: str
    toolchain: str = ""
    """What runs them (sandbox/toolchains); empty: nothing here can."""
    in_file: bool = False
    """The tests stand in the file they test."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Language:
    """One language by its LSP id."""

    id: str
    name: str
    """As people write it."""
    endings: tuple[str, ...] = ()
    """File endings without the dot, the usual one first."""
    file_names: tuple[str, ...] = ()
    """Whole file names, in lower case, such as `makefile`."""
    kind: Kind = "code"
    scopes: Scopes = "braces"
    line_comment: str = "//"
    block_comments: bool = True
    """Whether /* ... */ is a comment."""
    single_quotes: bool = True
    """Whether '...' holds a string of any length."""
    indent: str = "    "
    """One step where the file itself shows none."""
    group: str = ""
    """Recall keeps languages of one group together; empty: the id."""
    grammar: tuple[str, str] | None = None
    """Module of the grammar's wheel and the function in it."""
    fence: str = ""
    """What stands behind the back-ticks; empty: the id."""
    documentation: str = "comments"
    """The form of its documentation comments, said to the model."""
    header: str = _ANY_HEADER
    """Where a definition begins; searched in a line."""
    optional_types: bool = False
    """Types may be left out, so they can be added."""
    import_endings: tuple[str, ...] = ()
    """File endings that an import line leaves out; empty: the language's own."""
    index_files: tuple[str, ...] = ()
    """What a folder stands for when it is imported; none: its files."""
    tests: Tests | None = None
    """None: nobody knows."""

    @property
    def ending(self) -> str:
        """The usual file ending with its dot; empty when there is none."""
        return f".{self.endings[0]}" if self.endings else ""


def _row(id: str, name: str, endings: str = "", **facts: object) -> Language:
    return Language(id=id, name=name, endings=tuple(endings.split()), **facts)  # type: ignore[arg-type]


def _words(id: str, name: str, endings: str, comment: str, **facts: object) -> Language:
    """A language whose blocks end with a word and that has no /* comments */."""
    return _row(id, name, endings, scopes="words", line_comment=comment, block_comments=False, **facts)


def _data(id: str, name: str, endings: str, **facts: object) -> Language:
    given: dict[str, object] = {"kind": "data", "block_comments": False, "indent": "  ", **facts}
    return _row(id, name, endings, **given)


def _prose(id: str, name: str, endings: str = "", **facts: object) -> Language:
    given: dict[str, object] = {
        "kind": "prose",
        "scopes": "none",
        "block_comments": False,
        "line_comment": "",
        **facts,
    }
    return _row(id, name, endings, **given)


def _tests(names: str, framework: str, toolchain: str = "", *, in_file: bool = False) -> Tests:
    return Tests(tuple(names.split()), framework, toolchain, in_file)


_C_TESTS = "assert and a main function, without a library"
_C = {
    "group": "c",
    "single_quotes": False,
    "documentation": "Doxygen comments (/** ... */)",
    "import_endings": ("h", "hpp"),
}
_SCRIPT_MODULES = {
    "group": "javascript",
    "import_endings": ("ts", "tsx", "js", "jsx", "mjs"),
    "index_files": ("index.ts", "index.js", "index.tsx"),
    "tests": _tests("{stem}.test{suffix} {stem}.spec{suffix}", "node:test and node:assert", "node"),
}
_SCRIPT = {
    **_SCRIPT_MODULES,
    "header": _SCRIPT_HEADER,
    "optional_types": True,
    "documentation": "JSDoc comments",
}
_TYPED_SCRIPT = {**_SCRIPT, "documentation": "TSDoc comments"}
_STYLE = {"group": "css", "indent": "  "}
_MARKUP = {"scopes": "tags", "line_comment": "<!--", "block_comments": False, "indent": "  "}

_ROWS = (
    _row(
        "python", "Python", "py pyi pyw", scopes="indentation", line_comment="#", block_comments=False,
        documentation="docstrings", header=_PYTHON_HEADER, optional_types=True, grammar=("tree_sitter_python", "language"),
        index_files=("__init__.py",), tests=_tests("test_{stem}.py {stem}_test.py", "pytest", "python"),
    ),
    _row("javascript", "JavaScript", "js mjs cjs", grammar=("tree_sitter_javascript", "language"), **_SCRIPT),
    _row("javascriptreact", "JavaScript", "jsx", fence="jsx", grammar=("tree_sitter_javascript", "language"), **_SCRIPT),
    _row("typescript", "TypeScript", "ts mts cts", grammar=("tree_sitter_typescript", "language_typescript"), **_TYPED_SCRIPT),
    _row("typescriptreact", "TypeScript", "tsx", fence="tsx", grammar=("tree_sitter_typescript", "language_tsx"), **_TYPED_SCRIPT),
    _row(
        "c", "C", "c h", grammar=("tree_sitter_c", "language"),
        tests=_tests("{stem}_test{suffix} {stem}_test.c test_{stem}.c", _C_TESTS, "cmake"), **_C,
    ),
    _row(
        "cpp", "C++", "cpp cc cxx c++ hh hpp hxx ipp inl", grammar=("tree_sitter_cpp", "language"),
        tests=_tests("{stem}_test{suffix} {stem}_test.cpp test_{stem}.cpp", _C_TESTS, "cmake"), **_C,
    ),
    _row("cuda-cpp", "CUDA C++", "cu cuh", **_C),
    _row("objective-c", "Objective-C", "m", **_C),
    _row("objective-cpp", "Objective-C++", "mm", **_C),
    _row(
        "java", "Java", "java", single_quotes=False, documentation="Javadoc comments",
        grammar=("tree_sitter_java", "language"), tests=_tests("{stem}Test.java Test{stem}.java", "JUnit 5", "maven"),
    ),
    _row(
        "go", "Go", "go", single_quotes=False, indent="\t", documentation="Go doc comments (// Name ...)",
        grammar=("tree_sitter_go", "language"), tests=_tests("{stem}_test.go", "the testing package", "go"),
    ),
    _row(
        "rust", "Rust", "rs", single_quotes=False, documentation="Rust doc comments (///)",
        grammar=("tree_sitter_rust", "language"), index_files=("mod.rs", "lib.rs"),
        tests=_tests("{stem}.rs", "the built-in test harness", "cargo", in_file=True),
    ),
    _row(
        "csharp", "C#", "cs", single_quotes=False, documentation="XML doc comments (/// <summary>)",
        grammar=("tree_sitter_c_sharp", "language"), tests=_tests("{stem}Tests.cs {stem}Test.cs", "xUnit"),
    ),
    _row(
        "kotlin", "Kotlin", "kt kts", single_quotes=False, documentation="KDoc comments",
        grammar=("tree_sitter_kotlin", "language"), tests=_tests("{stem}Test.kt", "kotlin.test"),
    ),
    _row(
        "swift", "Swift", "swift", documentation="Swift doc comments (///)",
        grammar=("tree_sitter_swift", "language"), tests=_tests("{stem}Tests.swift", "XCTest"),
    ),
    _row(
        "scala", "Scala", "scala sc", single_quotes=False, indent="  ", documentation="Scaladoc comments",
        grammar=("tree_sitter_scala", "language"), tests=_tests("{stem}Test.scala {stem}Spec.scala", "MUnit"),
    ),
    _row("groovy", "Groovy", "groovy gradle", documentation="Groovydoc comments"),
    _row(
        "dart", "Dart", "dart", indent="  ", documentation="Dart doc comments (///)",
        tests=_tests("{stem}_test.dart", "package:test"),
    ),
    _row(
        "php", "PHP", "php phtml", documentation="PHPDoc comments", grammar=("tree_sitter_php", "language_php_only"),
        tests=_tests("{stem}Test.php", "PHPUnit"),
    ),
    _row("zig", "Zig", "zig zon", block_comments=False, single_quotes=False, documentation="doc comments (///)"),
    _row("solidity", "Solidity", "sol"),
    _row("protobuf", "Protocol Buffers", "proto", indent="  "),
    _row("graphql", "GraphQL", "graphql gql", line_comment="#", block_comments=False, indent="  "),
    _row("terraform", "Terraform", "tf tfvars hcl", line_comment="#", indent="  "),
    _words(
        "ruby", "Ruby", "rb rake gemspec", "#", file_names=("rakefile", "gemfile"), indent="  ",
        documentation="RDoc comments", header=r"^\s*(def|class|module)\b", grammar=("tree_sitter_ruby", "language"),
        tests=_tests("{stem}_test.rb {stem}_spec.rb", "Minitest"),
    ),
    _words(
        "lua", "Lua", "lua", "--", indent="  ", documentation="LDoc comments", header=r"\bfunction\b",
        grammar=("tree_sitter_lua", "language"),
    ),
    _words(
        "elixir", "Elixir", "ex exs", "#", indent="  ", header=r"^\s*(defp?|defmodule|defmacro)\b",
        tests=_tests("{stem}_test.exs", "ExUnit"),
    ),
    _words("julia", "Julia", "jl", "#", documentation="docstrings", header=r"^\s*(function|struct|module|macro)\b"),
    _words(
        "shellscript", "Bash", "sh bash zsh ksh", "#", fence="sh", header=r"^\s*(function\s+)?\w+\s*\(\)\s*\{",
        grammar=("tree_sitter_bash", "language"),
    ),
    _words("fish", "fish", "fish", "#", header=r"^\s*function\b"),
    _row("perl", "Perl", "pl pm", line_comment="#", block_comments=False, documentation="POD"),
    _row("r", "R", "r", line_comment="#", block_comments=False, indent="  ", documentation="roxygen2 comments (#')"),
    _row("powershell", "PowerShell", "ps1 psm1", line_comment="#", block_comments=False),
    _row("haskell", "Haskell", "hs", scopes="indentation", line_comment="--", block_comments=False, single_quotes=False, indent="  "),
    _row("ocaml", "OCaml", "ml mli", scopes="indentation", line_comment="(*", block_comments=False, single_quotes=False, indent="  "),
    _row("fsharp", "F#", "fs fsx fsi", scopes="indentation", block_comments=False, single_quotes=False),
    _row("nim", "Nim", "nim", scopes="indentation", line_comment="#", block_comments=False, indent="  "),
    _row("gdscript", "GDScript", "gd", scopes="indentation", line_comment="#", block_comments=False, indent="\t"),
    _row("clojure", "Clojure", "clj cljs cljc edn", scopes="none", line_comment=";", block_comments=False, single_quotes=False, indent="  "),
    _row("lisp", "Lisp", "lisp el scm rkt", scopes="none", line_comment=";", block_comments=False, single_quotes=False, indent="  "),
    _row("erlang", "Erlang", "erl hrl", scopes="none", line_comment="%", block_comments=False),
    _row("sql", "SQL", "sql", scopes="none", line_comment="--", block_comments=True, header=r"(?i)^\s*create\b", grammar=("tree_sitter_sql", "language")),
    _row("makefile", "Makefile", "mk", file_names=("makefile", "gnumakefile"), scopes="indentation", line_comment="#", block_comments=False, indent="\t"),
    _row("cmake", "CMake", "cmake", file_names=("cmakelists.txt",), scopes="none", line_comment="#", block_comments=False, indent="  "),
    _row("dockerfile", "Dockerfile", "dockerfile", file_names=("dockerfile", "containerfile"), scopes="none", line_comment="#", block_comments=False),
    _row("html", "HTML", "html htm xhtml", grammar=("tree_sitter_html", "language"), **_MARKUP),
    _row("vue", "Vue", "vue", **{**_MARKUP, **_SCRIPT_MODULES}),
    _row("svelte", "Svelte", "svelte", **{**_MARKUP, **_SCRIPT_MODULES}),
    _row("astro", "Astro", "astro", **{**_MARKUP, **_SCRIPT_MODULES}),
    _row("css", "CSS", "css", line_comment="/*", grammar=("tree_sitter_css", "language"), **_STYLE),
    _row("scss", "SCSS", "scss", **_STYLE),
    _row("less", "Less", "less", **_STYLE),
    _data("json", "JSON", "json webmanifest", line_comment="", grammar=("tree_sitter_json", "language")),
    _data("jsonc", "JSON with comments", "jsonc", block_comments=True, grammar=("tree_sitter_json", "language")),
    _data("yaml", "YAML", "yaml yml", scopes="indentation", line_comment="#", grammar=("tree_sitter_yaml", "language")),
    _data("toml", "TOML", "toml", scopes="none", line_comment="#", indent="    ", grammar=("tree_sitter_toml", "language")),
    _data("ini", "INI", "ini cfg properties", scopes="none", line_comment=";"),
    _data("xml", "XML", "xml xsd xsl svg plist", scopes="tags", line_comment="<!--"),
    _data("csv", "CSV", "csv tsv", scopes="none", line_comment=""),
    _prose("markdown", "Markdown", "md markdown", grammar=("tree_sitter_markdown", "language")),
    _prose("mdx", "MDX", "mdx"),
    _prose("restructuredtext", "reStructuredText", "rst"),
    _prose("asciidoc", "AsciiDoc", "adoc asciidoc"),
    _prose("latex", "LaTeX", "tex", line_comment="%"),
    _prose("plaintext", "plain text", "txt"),
    _prose("git-commit", "commit message", line_comment="#"),
)  # fmt: skip
_ALIASES = {
    "tex": "latex", "text": "plaintext", "gitcommit": "git-commit", "help": "plaintext", "sh": "shellscript",
    "bash": "shellscript", "zsh": "shellscript", "dockercompose": "yaml", "emacs-lisp": "lisp",
}  # fmt: skip
"""Other ids that editors send for the same language."""

LANGUAGES: dict[str, Language] = {language.id: language for language in _ROWS}
_BY_ENDING = {f".{ending}": row.id for row in reversed(_ROWS) for ending in row.endings}
_BY_FILE_NAME = {name: row.id for row in _ROWS for name in row.file_names}


def language(id: str) -> Language:
    """What is known of a language; for an unknown one a row that assumes little."""
    known = LANGUAGES.get(_ALIASES.get(id, id))
    return known or _row(id, id or "code", scopes="none", block_comments=False)


def language_of(path: PurePath) -> str | None:
    """The language id of a file, or None when its name says nothing."""
    return _BY_FILE_NAME.get(path.name.lower()) or _BY_ENDING.get(path.suffix.lower())


def is_prose(id: str) -> bool:
    """Whether files of this language are meant to hold sentences."""
    return language(id).kind == "prose"


def is_code(id: str) -> bool:
    """Whether files of this language are programs, rather than data or sentences."""
    return language(id).kind == "code"


def fence_tag(id: str) -> str:
    """What stands behind the back-ticks of a fence for this language."""
    return language(id).fence or language(id).id
