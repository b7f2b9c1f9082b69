"""Names a file defines and names it imports: tree-sitter for definitions, import lines for the rest."""

from __future__ import annotations

import re
from functools import cache
from typing import NamedTuple

import tree_sitter

from qwen_lsp.code.syntax import FUNCTIONS, grammar, parse, tags_query

_IMPORT = re.compile(
    r"^\s*(?:from\s+\S+\s+import\b|import\b|use\s|pub\s+use\s|mod\s|#\s*include\b|export\s.*\bfrom\b|"
    r"const\s.*=\s*require\(|require\b|using\s|\"[\w./-]+\"$|\w*\s*\"[\w./-]+\"$)"
)
_WORD = re.compile(r"[A-Za-z_]\w*")
_NOISE = frozenset(
    "import from use pub mod include require const using export default as type static crate self super std typing "
    "collections os sys re java util com org github".split()
)
_IMPORT_LINES = 300
_DEFINERS = (
    "function_definition function_declaration method_definition method_declaration constructor_declaration function_item "
    "class_definition class_declaration interface_declaration enum_declaration struct_item enum_item trait_item type_spec "
    "type_item const_item static_item abstract_class_declaration record_declaration generator_function_declaration "
    "function_signature_item type_alias_declaration macro_definition preproc_function_def alias_declaration "
    "struct_declaration class module method singleton_method trait_declaration object_declaration protocol_declaration "
    "object_definition trait_definition interface_definition function_declarator"
).split()
"""Node types that define something, over all grammars."""
_WITH_BODY = "class_specifier struct_specifier enum_specifier union_specifier".split()
"""Those that define something only with a body; without one they mention it."""
_VALUES = "arrow_function function_expression class object".split()
"""What makes a variable a definition."""
_LEFT_OUT = frozenset({"definition.constant", "definition.field", "definition.module"})
"""What the grammars' own queries call definitions and is of no use as context."""
_LEADING = frozenset(
    "export_statement decorated_definition lexical_declaration variable_declaration declaration template_declaration "
    "type_declaration".split()
)
"""What belongs to a definition and begins before it."""
_LOCAL = FUNCTIONS | {"parameter_list", "do_block", "lambda"}
"""Names inside these cannot be used from outside."""
_NAMES = frozenset(("identifier", "field_identifier", "qualified_identifier", "type_identifier"))


class Symbol(NamedTuple):
    """A definition: lines `first`..`last`, both included."""

    name: str
    kind: str
    first: int
    last: int


def definitions(text: str, language: str) -> list[Symbol]:
    """What a file defines outside of its functions, in order; nothing without a grammar."""
    parsed, query = parse(text, language), _query(language)
    if parsed is None or query is None:
        return []
    found: dict[tuple[int, str], Symbol] = {}
    for _, captures in tree_sitter.QueryCursor(query).matches(parsed.tree.root_node):
        node = next((nodes[0] for kind, nodes in captures.items() if kind.startswith("definition")), None)
        if node is None or not _LEFT_OUT.isdisjoint(captures) or _is_local(node):
            continue
        name = _last_part(captures["name"][0]) if "name" in captures else _name_of(node)
        if name:
            whole = _whole(node)
            symbol = Symbol(name, node.type, whole.start_point[0], _last_line(whole))
            found.setdefault((whole.start_byte, name), symbol)
    return [found[key] for key in sorted(found)]


@cache
def _query(language: str) -> tree_sitter.Query | None:
    """One query for all definitions: the grammar's own, and the node types we know."""
    known = grammar(language)
    if known is None:
        return None

    def has(kind: str) -> bool:
        return known.id_for_node_kind(kind, True) is not None

    patterns = [tags_query(language)]
    patterns += [f"({kind}) @definition" for kind in filter(has, _DEFINERS)]
    patterns += [f"({kind} body: (_)) @definition" for kind in filter(has, _WITH_BODY)]
    if has("variable_declarator"):
        values = " ".join(f"({kind})" for kind in filter(has, _VALUES))
        patterns += [f"(variable_declarator value: [{values}]) @definition"] if values else []
    return tree_sitter.Query(known, "\n".join(patterns))


def _is_local(node: tree_sitter.Node) -> bool:
    """Inside a function; so is the declarator of a function definition, which is no definition of its own."""
    parent = node.parent
    while parent is not None:
        if parent.type in _LOCAL:
            return True
        parent = parent.parent
    return False


def _whole(node: tree_sitter.Node) -> tree_sitter.Node:
    """The node with what belongs before it: `export`, decorators, the declaration around a declarator."""
    parent = node.parent
    while parent is not None and parent.type in _LEADING:
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
        if inner.type in _NAMES:
            named = inner
        node = inner
    return _last_part(named)


def _last_part(name: tree_sitter.Node) -> str:
    """A name without what qualifies it."""
    return re.split(r"::|[.:]", (name.text or b"").decode("utf-8", "replace"))[-1]


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
