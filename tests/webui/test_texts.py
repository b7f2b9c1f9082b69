"""The table of texts: complete, used to the last one, filled in alike, and shown safely."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import qwen_lsp
import webui
from qwen_lsp.engine.request import Lane
from webui.i18n.texts import TEXTS, bilingual, in_language, tables

PAGE_FOLDER = Path(webui.__file__).parent
PRODUCT_FOLDER = Path(qwen_lsp.__file__).parent
LOOKUPS = frozenset({"translated", "bilingual", "in_language"})


def _nodes(folder: Path) -> Iterator[ast.AST]:
    """Every node of the code in a folder, but for the tables themselves and the ids of components."""
    for file in sorted(folder.rglob("*.py")):
        if file.parent.name == "i18n" and file.name.startswith("texts"):
            continue
        waiting: list[ast.AST] = [ast.parse(file.read_text("utf-8"))]
        while waiting:
            node = waiting.pop()
            yield node
            waiting += [child for child in ast.iter_child_nodes(node) if not _is_id(child)]


def _is_id(node: ast.AST) -> bool:
    return isinstance(node, ast.keyword) and node.arg in ("title", "elem_id", "elem_classes")


def _strings(folder: Path) -> set[str]:
    return {
        node.value
        for node in _nodes(folder)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }


def _patterns() -> list[re.Pattern[str]]:
    """The keys that are put together, such as f"phase_{...}"."""
    return [
        re.compile("".join(_pattern(part) for part in node.values))
        for node in _nodes(PAGE_FOLDER)
        if isinstance(node, ast.JoinedStr) and isinstance(node.values[0], ast.Constant)
    ]


def _pattern(part: ast.expr) -> str:
    return re.escape(str(part.value)) if isinstance(part, ast.Constant) else "(.+)"


def test_every_text_exists_in_both_languages_with_the_same_blanks() -> None:
    for key, (english, chinese) in TEXTS.items():
        assert english.strip(), key
        assert chinese.strip(), key
        blanks = [sorted(set(re.findall(r"\{(\w+)\}", text))) for text in (english, chinese)]
        assert blanks[0] == blanks[1], key


def test_every_text_that_the_page_looks_up_is_in_the_table() -> None:
    used = {
        node.args[0].value
        for node in _nodes(PAGE_FOLDER)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id in LOOKUPS
        and node.args
        and isinstance(node.args[0], ast.Constant)
    }
    assert len(used) > 80
    assert sorted(str(key) for key in used - set(TEXTS)) == []


def test_every_text_of_the_table_is_used() -> None:
    named = _strings(PAGE_FOLDER)
    lanes = {lane.name.lower() for lane in Lane}
    parts = named | _strings(PRODUCT_FOLDER) | lanes | {f"queue_{lane}" for lane in lanes}
    patterns = _patterns()
    unused = [
        key
        for key in TEXTS
        if key not in named
        and not any(
            found and set(found.groups()) <= parts for found in (one.fullmatch(key) for one in patterns)
        )
    ]
    assert unused == [], unused


def test_tables_answer_for_both_spellings_of_chinese() -> None:
    assert tables()["zh"] == tables()["zh-CN"]
    assert tables()["en"]["go"] == "Generate / complete code"
    assert in_language("go", "zh-CN") == "生成/补全代码"


def test_values_are_escaped() -> None:
    assert "<img>" not in bilingual("preset_saved", name="<img>")
