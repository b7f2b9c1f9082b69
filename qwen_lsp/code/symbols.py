"""Names a file defines and names it imports: tree-sitter for definitions, import lines for the rest."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

import tree_sitter

from qwen_lsp.code.syntax import parse

_IMPORT = re.compile(
    r"^\s*(?:from\s+\S+\s+import\b|import\b|use\s|pub\s+use\s|mod\s|#\s*include\b|export\s.*\bfrom\b|"
    r"const\s.*=\s*require\(|require\b|using\s|\"[\w./-]+\"$|\w*\s*\"[\w./-]+\"$)"
)
_WORD = re.compile(r"[A-Za-z_]\w*")
_NOISE = frozenset(
    [
        "import",
        "from",
        "use",
        "pub",
        "mod",
        "include",
        "require",
        "const",
        "using",
        "export",
        "default",
        "as",
        "type",
        "static",
        "crate",
        "self",
        "super",
        "std",
        "typing",
        "collections",
        "os",
        "sys",
        "re",
        "java",
        "util",
        "com",
        "org",
        "github",
    ]
)
_IMPORT_LINES = 300
_DEFINERS = frozenset(
    [
        "function_definition",
        "function_declaration",
        "method_definition",
        "method_declaration",
        "constructor_declaration",
        "function_item",
        "class_definition",
        "class_declaration",
        "class_specifier",
        "struct_specifier",
        "interface_declaration",
        "enum_declaration",
        "enum_specifier",
        "struct_item",
        "enum_item",
        "trait_item",
        "type_spec",
        "type_item",
        "const_item",
        "static_item",
        "abstract_class_declaration",
        "record_declaration",
        "generator_function_declaration",
        "function_signature_item",
        "type_alias_declaration",
        "macro_definition",
        "preproc_function_def",
        "union_specifier",
        "alias_declaration",
        "struct_declaration",
        "class",
        "module",
        "method",
        "singleton_method",
        "trait_declaration",
        "object_declaration",
        "protocol_declaration",
        "object_definition",
        "trait_definition",
        "interface_definition",
    ]
)
_CONTAINERS = frozenset(
    [
        "module",
        "program",
        "translation_unit",
        "source_file",
        "export_statement",
        "decorated_definition",
        "class_body",
        "block",
        "declaration_list",
        "field_declaration_list",
        "type_declaration",
        "impl_item",
        "mod_item",
        "namespace_definition",
        "namespace_declaration",
        "internal_module",
        "linkage_specification",
        "preproc_ifdef",
        "preproc_if",
        "template_declaration",
        "ambient_declaration",
        "interface_body",
        "enum_body",
        "statement_block",
        "ERROR",
        "lexical_declaration",
        "variable_declaration",
        "declaration",
        "type_definition",
        "preproc_else",
        "expression_statement",
        "compilation_unit",
        "body_statement",
        "template_body",
        "chunk",
        "enum_class_body",
    ]
)
_NAMED = frozenset({"variable_declarator", "function_declarator"})
_DEEPEST = 5


class Symbol(NamedTuple):
    """A definition: lines `first`..`last`, both included."""

    name: str
    kind: str
    first: int
    last: int


def definitions(text: str, language: str) -> list[Symbol]:
    """What a file defines at its margin and inside its types, in order; nothing without a grammar."""
    parsed = parse(text, language)
    return [] if parsed is None else list(_definitions(parsed.tree.root_node, 0))


def _definitions(node: tree_sitter.Node, depth: int) -> Iterator[Symbol]:
    for child in node.named_children:
        kind = child.type
        if kind in _DEFINERS or kind in _NAMED:
            name = _name_of(child)
            if name and _counts(child):
                whole = _whole(child)
                yield Symbol(name, kind, whole.start_point[0], _last_line(whole))
            body = _body_of(child) if kind in _DEFINERS else None
            if body is not None and depth < _DEEPEST and not _is_function(kind):
                yield from _definitions(body, depth + 1)
        elif depth < _DEEPEST and kind in _CONTAINERS:
            yield from _definitions(child, depth + 1)


def _body_of(node: tree_sitter.Node) -> tree_sitter.Node | None:
    """The child that holds the members; some grammars do not name it."""
    named = node.child_by_field_name("body")
    inside = [named] if named is not None else node.named_children
    return next((child for child in inside if child.type in _CONTAINERS), None)


def _is_function(kind: str) -> bool:
    return "function" in kind or "method" in kind or "constructor" in kind


def _counts(node: tree_sitter.Node) -> bool:
    """Variables count when they hold a function; a declarator inside a definition is that definition's own."""
    if node.type == "variable_declarator":
        value = node.child_by_field_name("value")
        return value is not None and value.type in (
            "arrow_function",
            "function_expression",
            "class",
            "object",
        )
    return True


def _whole(node: tree_sitter.Node) -> tree_sitter.Node:
    """The node with what belongs before it: `export`, decorators, the declaration around a declarator."""
    parent = node.parent
    while parent is not None and parent.type in (
        "export_statement", "decorated_definition", "lexical_declaration", "variable_declaration", "declaration",
        "template_declaration", "type_declaration",
    ):  # fmt: skip
        node, parent = parent, parent.parent
    return node


def _last_line(node: tree_sitter.Node) -> int:
    row, column = node.end_point
    return row - 1 if column == 0 and row > node.start_point[0] else row


def _name_of(node: tree_sitter.Node) -> str:
    named = node.child_by_field_name("name")
    while named is None:
        inner = node.child_by_field_name("declarator")
        if inner is None:
            return ""
        if inner.type in ("identifier", "field_identifier", "qualified_identifier", "type_identifier"):
            named = inner
        node = inner
    text = (named.text or b"").decode("utf-8", "replace")
    return re.split(r"::|[.:]", text)[-1]


def imported_words(lines: list[str]) -> frozenset[str]:
    """Words in a file's import lines: names of things and of the files they come from."""
    words: set[str] = set()
    open_bracket = False
    for line in lines[:_IMPORT_LINES]:
        if open_bracket or _IMPORT.match(line):
            words.update(_WORD.findall(line.split("#")[0] if not line.lstrip().startswith("#") else line))
            opened = line.count("(") + line.count("{") - line.count(")") - line.count("}")
            open_bracket = opened > 0 or (open_bracket and opened == 0)
    return frozenset(words - _NOISE)
