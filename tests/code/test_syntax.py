"""The door to tree-sitter: what parses, what encloses, what is defined and imported."""

from __future__ import annotations

import subprocess
import sys

import pytest

from qwen_lsp.code.languages import is_code
from qwen_lsp.code.symbols import definitions, imported_words
from qwen_lsp.code.syntax import LANGUAGES, GrowingText, grammar, parse, parses

GOOD = {
    "python": "def f(x):\n    return x\n",
    "javascript": "function f(x) { return x; }\n",
    "typescript": "function f(x: number): number { return x; }\n",
    "typescriptreact": "const a = <b>{x as string}</b>;\n",
    "c": "int f(int x) { return x; }\n",
    "cpp": "template <class T> T f(T x) { return x; }\n",
    "java": "class A { int f(int x) { return x; } }\n",
    "go": "package a\n\nfunc f(x int) int { return x }\n",
    "rust": "fn f(x: i32) -> i32 { x }\n",
}


@pytest.mark.parametrize("language", sorted(GOOD))
def test_every_grammar_tells_good_from_broken(language: str) -> None:
    assert parses(GOOD[language], language) is True
    assert parses(GOOD[language] + "\n)]} ((", language) is False


def test_without_a_grammar_nobody_can_say() -> None:
    assert parses("x", "cobol") is None
    assert parse("x", "cobol") is None


def test_a_grammar_is_imported_only_when_needed() -> None:
    code = (
        "import sys; from qwen_lsp.code import syntax\n"
        "assert not [m for m in sys.modules if m.startswith('tree_sitter_')]\n"
        "syntax.parses('x', 'go'); print([m for m in sys.modules if m.startswith('tree_sitter_') and '.' not in m])"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "['tree_sitter_go']"


def test_offsets_are_code_points_with_any_text_before() -> None:
    text = 'é = "😀"\n\ndef größe(x):\n    return "¦" + x\n'
    parsed = parse(text, "python")
    assert parsed is not None
    span = parsed.enclosing_function(text.index("return"))
    assert span is not None
    assert text[span.start : span.end].startswith("def größe")
    assert parsed.inside(text.index("¦")) == "string"
    assert parsed.inside(text.index("+")) is None


@pytest.mark.parametrize(
    ("language", "text", "inside"),
    [
        ("python", "x = 1  # no¦te\n", "comment"),
        ("python", "x = 1  # note¦\n", "comment"),
        ("python", "x = f'{a¦}'\n", None),
        ("javascript", "x = `a${b¦}`;\n", None),
        ("javascript", "x = `a¦${b}`;\n", "string"),
        ("c", "/* a¦ */ int x;\n", "comment"),
        ("c", "/* a */¦ int x;\n", None),
        ("rust", 'let x = "a¦";\n', "string"),
        ("go", 'x := "a"¦\n', None),
    ],
)
def test_strings_and_comments_are_known(language: str, text: str, inside: str | None) -> None:
    at = text.index("¦")
    parsed = parse(text.replace("¦", ""), language)
    assert parsed is not None
    assert parsed.inside(at) == inside


def test_the_enclosing_block_ends_where_the_scope_ends() -> None:
    text = "def f():\n    if a:\n        b()\n    c()\n\nd()\n"
    parsed = parse(text, "python")
    assert parsed is not None
    block = parsed.enclosing_block(text.index("b()"))
    assert block is not None
    assert text[block.start : block.end] == "b()"


def test_a_growing_text_has_the_tree_of_the_whole() -> None:
    whole = "def f(a):\n    return [a, 'é', (1, 2)]\n\nclass B:\n    pass\n"
    found = grammar("python")
    assert found is not None
    growing = GrowingText(whole[:7], found)
    for at in range(7, len(whole), 5):
        growing.grow(whole[at : at + 5])
    parsed = parse(whole, "python")
    assert parsed is not None
    assert str(growing.tree.root_node) == str(parsed.tree.root_node)


def test_every_language_names_its_definitions() -> None:
    texts = {
        "python": ("@d\ndef f(): pass\nclass A:\n    def m(self): pass\n", ["f", "A", "m"]),
        "javascript": ("const f = (x) => x;\nexport class A { m() {} }\n", ["f", "A", "m"]),
        "typescript": ("export interface A { x: number }\nexport function f() {}\n", ["A", "f"]),
        "c": ("int f(int a);\nstruct S { int x; };\n#define M(x) x\n", ["f", "S", "M"]),
        "cpp": ("namespace n { class A { public: int m() { return 1; } }; }\n", ["A", "m"]),
        "java": ("class A { int m() { return 1; } }\n", ["A", "m"]),
        "go": ("package a\nfunc (s *S) M() {}\ntype S struct { a int }\n", ["M", "S"]),
        "rust": ("pub struct A;\nimpl A { fn m(&self) {} }\n", ["A", "m"]),
        "csharp": ("namespace N { public class A { int M() { return 1; } } }\n", ["A", "M"]),
        "kotlin": ("class A {\n  fun m(): Int = 1\n}\nobject O { }\n", ["A", "m", "O"]),
        "swift": ("class A {\n  func m() -> Int { return 1 }\n}\nprotocol P { }\n", ["A", "m", "P"]),
        "scala": ("class A {\n  def m(): Int = 1\n}\nobject O { }\n", ["A", "m", "O"]),
        "php": ("<?php\nclass A { function m() { return 1; } }\nfunction f() {}\n", ["A", "m", "f"]),
        "ruby": ("class A\n  def m\n    1\n  end\nend\nmodule M\nend\n", ["A", "m", "M"]),
        "lua": ("local function f(x)\n  return x\nend\nfunction M.g(y)\nend\n", ["f", "g"]),
        "shellscript": ("f() {\n  echo hi\n}\n", ["f"]),
    }
    programs = {id for id in LANGUAGES if is_code(id)} - {"html", "css", "sql"}
    assert set(texts) | {"javascriptreact", "typescriptreact"} == programs
    for language, (text, names) in texts.items():
        assert [symbol.name for symbol in definitions(text, language)] == names, language
    assert definitions(texts["python"][0], "python")[0].first == 0


@pytest.mark.parametrize(
    ("language", "text", "names"),
    [
        ("python", "try:\n    import a\nexcept ImportError:\n    def f(): pass\n", ["f"]),
        ("python", "def f():\n    def g(): pass\n    class A: pass\n", ["f"]),
        (
            "c",
            "#ifdef A\nchar *f(void (*g)(int));\ntypedef struct s { int x; } t;\n#endif\n",
            ["f", "t", "s"],
        ),
        ("c", "struct s;\nstruct s *f(struct s *a) { return a; }\n", ["f"]),
        ("cpp", "namespace n { struct A { int *m(); }; }\nint n::A::k() { return 1; }\n", ["A", "m", "k"]),
        ("javascript", "exports.f = function () { const g = () => 1; };\n", ["f"]),
        ("php", "<?php\nnamespace n { class A { function m() {} } }\n", ["A", "m"]),
        ("ruby", "class A\n  private def m\n  end\nend\n", ["A", "m"]),
        ("typescript", "export default { m() { return 1; } };\n", ["m"]),
    ],
)
def test_definitions_are_what_can_be_used_from_elsewhere(language: str, text: str, names: list[str]) -> None:
    assert [symbol.name for symbol in definitions(text, language)] == names


@pytest.mark.parametrize("language", sorted(LANGUAGES))
def test_every_grammar_can_be_asked_for_definitions(language: str) -> None:
    assert isinstance(definitions("x", language), list)


def test_import_lines_give_names_and_places() -> None:
    lines = ["from shop.cart import (", "    Cart,", "    total as t,", ")", "import shapes", "x = Other()"]
    assert imported_words(lines) >= {"shop", "cart", "Cart", "total", "shapes"}
    assert "Other" not in imported_words(lines)
    assert imported_words(['#include "list.h"', "use crate::geo::{Point, area};"]) >= {
        "list",
        "geo",
        "Point",
        "area",
    }
