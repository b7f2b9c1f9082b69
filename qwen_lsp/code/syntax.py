"""The one door to tree-sitter: official grammars, imported when first needed. Offsets are code points.

Languages without a grammar get None everywhere; callers then go by indentation and a loose lexer.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Literal, NamedTuple

import tree_sitter

from qwen_lsp.code import languages

_GRAMMARS = {row.id: row.grammar for row in languages.LANGUAGES.values() if row.grammar is not None}
LANGUAGES = frozenset(_GRAMMARS)
"""Language ids with a grammar."""

FUNCTIONS = frozenset(
    "function_definition function_declaration function_expression method_definition method_declaration "
    "constructor_declaration function_item arrow_function generator_function_declaration generator_function "
    "func_literal closure_expression lambda_expression local_function_statement method singleton_method "
    "function_definition_statement".split()
)
_TYPES = frozenset(
    "class_definition class_declaration class_specifier struct_specifier interface_declaration "
    "enum_declaration enum_specifier struct_item enum_item trait_item impl_item type_declaration "
    "abstract_class_declaration record_declaration namespace_definition mod_item union_specifier "
    "struct_declaration class module trait_declaration object_declaration protocol_declaration "
    "object_definition trait_definition".split()
)
_BLOCKS = frozenset(
    "block statement_block compound_statement class_body declaration_list field_declaration_list "
    "constructor_body enum_body interface_body switch_body match_block module translation_unit program "
    "source_file compilation_unit body_statement do_block begin_block function_body template_body chunk "
    "do_group stylesheet document object array block_mapping block_sequence".split()
)
_STRINGS = frozenset(
    "string char_literal character_literal template_string rune_literal concatenated_string raw_string "
    "encapsed_string interpolated_string_expression string_value double_quote_scalar single_quote_scalar "
    "quoted_attribute_value heredoc_body".split()
)
_CODE_IN_STRINGS = frozenset(
    ["interpolation", "template_substitution", "interpolated_expression", "command_substitution", "expansion"]
)
Inside = Literal["string", "comment"]


class Span(NamedTuple):
    """A stretch of text, end exclusive, with the grammar's name for it."""

    start: int
    end: int
    kind: str


@cache
def grammar(language: str) -> tree_sitter.Language | None:
    """The grammar of a language id, or None; a wheel that is not installed counts as none."""
    if language not in _GRAMMARS:
        return None
    module, function = _GRAMMARS[language]
    try:
        return tree_sitter.Language(getattr(importlib.import_module(module), function)())
    except ImportError:
        return None


def tags_query(language: str) -> str:
    """The query for definitions that comes with a grammar; empty when none does."""
    if grammar(language) is None:
        return ""
    module, _ = _GRAMMARS[language]
    return getattr(importlib.import_module(module), "TAGS_QUERY", None) or ""


def parse(text: str, language: str) -> Parsed | None:
    """The syntax tree of a text, or None without a grammar. Broken text parses too, with errors in the tree."""
    found = grammar(language)
    if found is None:
        return None
    data = text.encode("utf-8", "surrogatepass")
    return Parsed(text, data, tree_sitter.Parser(found).parse(data), language)


def parses(text: str, language: str) -> bool | None:
    """Whether a text is without syntax errors; None when there is no grammar to say so."""
    parsed = parse(text, language)
    return None if parsed is None else not parsed.tree.root_node.has_error


@dataclass(frozen=True, eq=False)
class Parsed:
    """A text with its tree; converts between the tree's bytes and our code points."""

    text: str
    data: bytes
    tree: tree_sitter.Tree
    language: str

    def byte_of(self, offset: int) -> int:
        """Where a code point lies in the UTF-8 bytes."""
        return offset if self._is_ascii else len(self.text[:offset].encode("utf-8", "surrogatepass"))

    def offset_of(self, byte: int) -> int:
        """Which code point begins at a byte."""
        if self._is_ascii:
            return byte
        return len(self.data[:byte].decode("utf-8", "surrogatepass"))

    @cached_property
    def _is_ascii(self) -> bool:
        return len(self.data) == len(self.text)

    def inside(self, offset: int) -> Inside | None:
        """Whether `offset` lies within a string or a comment (a line comment reaches to its line's end)."""
        byte = self.byte_of(offset)
        node = self.tree.root_node.descendant_for_byte_range(max(0, byte - 1), max(0, byte - 1))
        return inside_of(node, byte, self.data)

    def enclosing_function(self, offset: int) -> Span | None:
        """The innermost function around `offset`."""
        return self._enclosing(offset, FUNCTIONS)

    def enclosing_type(self, offset: int) -> Span | None:
        """The innermost class, struct or the like around `offset`."""
        return self._enclosing(offset, _TYPES)

    def enclosing_block(self, offset: int) -> Span | None:
        """The innermost block of statements or members around `offset`; its end is where the scope ends."""
        return self._enclosing(offset, _BLOCKS)

    def function_bodies(self) -> list[Span]:
        """The body of every named function, outermost first, in the order of the text."""
        bodies = []
        for node in descend(self.tree.root_node):
            if node.type in FUNCTIONS and (body := node.child_by_field_name("body")) is not None:
                bodies.append(self.span(body))
        return bodies

    def blocks(self, kinds: frozenset[str] = _BLOCKS) -> list[Span]:
        """Every block of these kinds, outermost first, in the order of the text."""
        return [self.span(node) for node in descend(self.tree.root_node) if node.type in kinds]

    def span(self, node: tree_sitter.Node) -> Span:
        """A node's stretch of the text."""
        return Span(self.offset_of(node.start_byte), self.offset_of(node.end_byte), node.type)

    def _enclosing(self, offset: int, kinds: frozenset[str]) -> Span | None:
        byte = self.byte_of(offset)
        node = self.tree.root_node.descendant_for_byte_range(byte, byte)
        while node is not None and not (
            node.is_named and node.type in kinds and node.start_byte <= byte <= node.end_byte
        ):
            node = node.parent
        return None if node is None else self.span(node)


def inside_of(node: tree_sitter.Node | None, byte: int, data: bytes) -> Inside | None:
    """Whether the place just after `byte - 1`, held by `node`, is in a string or comment that goes on there."""
    while node is not None:
        kind = node.type
        if "comment" in kind:
            closed = byte >= node.end_byte and (
                data[node.start_byte : node.start_byte + 2] == b"/*"
                and data[node.end_byte - 2 : node.end_byte] == b"*/"
                and node.end_byte - node.start_byte >= 4
            )
            ended = data[byte - 1 : byte] == b"\n" and not data.startswith(b"/*", node.start_byte)
            return None if closed or ended else "comment"
        if kind in _CODE_IN_STRINGS:
            return None
        if is_string(node):
            return "string" if node.start_byte < byte < node.end_byte or not _is_closed(node) else None
        node = node.parent
    return None


def is_string(node: tree_sitter.Node) -> bool:
    """Whether a node is a whole string or character literal."""
    kind = node.type
    return node.is_named and (kind in _STRINGS or kind.endswith("string_literal"))


def _is_closed(node: tree_sitter.Node) -> bool:
    last = node.child(node.child_count - 1) if node.child_count else None
    return node.child_count != 1 and not (last is not None and last.is_missing)


def descend(root: tree_sitter.Node) -> Iterator[tree_sitter.Node]:
    """All named nodes, each before those inside it."""
    cursor = root.walk()
    while True:
        node = cursor.node
        if node is not None and node.is_named:
            yield node
        if cursor.goto_first_child():
            continue
        while not cursor.goto_next_sibling():
            if not cursor.goto_parent():
                return


def leaves(tree: tree_sitter.Tree, from_byte: int) -> Iterator[tree_sitter.Node]:
    """The tokens that end after `from_byte`, in order; zero-width repairs are left out."""
    cursor = tree.walk()
    while cursor.goto_first_child_for_byte(from_byte) is not None:
        pass
    while True:
        node = cursor.node
        if node is not None and node.child_count == 0 and node.end_byte > max(from_byte, node.start_byte):
            yield node
        while not cursor.goto_next_sibling():
            if not cursor.goto_parent():
                return
        while cursor.goto_first_child():
            pass


class GrowingText:
    """A text that only grows at its end, parsed again cheaply after each piece."""

    def __init__(self, text: str, language: tree_sitter.Language) -> None:
        self._parser = tree_sitter.Parser(language)
        self.data = text.encode("utf-8", "surrogatepass")
        self.tree = self._parser.parse(self.data)

    def grow(self, piece: str) -> None:
        """Append a piece; only what it changes is parsed."""
        end = len(self.data)
        self.data += piece.encode("utf-8", "surrogatepass")
        row, column = _end_point(self.data, end)
        new_row, new_column = _end_point(self.data, len(self.data))
        self.tree.edit(end, end, len(self.data), (row, column), (row, column), (new_row, new_column))
        self.tree = self._parser.parse(self.data, self.tree)


def _end_point(data: bytes, end: int) -> tuple[int, int]:
    return data.count(b"\n", 0, end), end - (data.rfind(b"\n", 0, end) + 1)
