"""Whatever code comes back, the smallest edits make exactly it, and moved edits land where they were meant."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qwen_lsp.assist.actions import applied
from qwen_lsp.assist.actions.indentation import dedented, fitted
from qwen_lsp.assist.actions.minimal_edits import rebased, smallest_edits
from qwen_lsp.assist.actions.region import Region, definition_around, whole_file
from qwen_lsp.code.snapshot import Snapshot
from qwen_lsp.errors import ActionRefused

LINES = st.lists(st.text("ab(){} \t😋é", max_size=12).map(lambda row: row.rstrip()), min_size=1, max_size=12)


def snapshot(text: str, language: str = "python") -> Snapshot:
    return Snapshot("file:///a.py", language, 1, text)


@given(LINES, LINES, st.sampled_from(["\n", "\r\n"]), st.booleans())
def test_the_edits_make_the_new_code(old: list[str], new: list[str], newline: str, ends: bool) -> None:
    before = newline.join(old) + (newline if ends else "")
    if newline not in before:
        newline = "\n"  # a single line does not say how lines end
    region = whole_file(snapshot(before))
    if not region.text or not new[-1]:
        return  # code never ends in a blank line: answers are trimmed
    after = applied(before, smallest_edits(region, "\n".join(new)))
    rows = [row.rstrip() for row in after.split(newline)]
    assert rows in (new, [*new, ""])
    assert newline == "\n" or "\n" not in after.replace("\r\n", "")


@given(LINES, st.sampled_from(["", "  ", "\t", "    "]))
def test_dedenting_and_fitting_give_the_code_back(rows: list[str], base: str) -> None:
    original = "\n".join(base + row if row else "" for row in rows)
    if not original.strip():
        return
    back = fitted(dedented(original), original)
    assert [row.strip() for row in back.split("\n")] == [
        row.strip() for row in original.strip("\n").split("\n")
    ]


@given(st.text("ab\n", max_size=20), st.text("cd\n", max_size=20))
def test_edits_move_with_what_is_typed_around(above: str, below: str) -> None:
    before = "x = 1\ny = 2\nz = 3\n"
    region = Region(snapshot(before), 6, 12)
    edits = smallest_edits(region, "y = 22")
    above = above and above + "\n"
    now = snapshot(above + before + below)
    assert applied(now.text, rebased(edits, region, now)) == above + "x = 1\ny = 22\nz = 3\n" + below


@pytest.mark.parametrize("now", ["x = 1\ny = 3\nz = 3\n", "x = 1\nz = 3\n", "", "y = 2\ny = 2\n"])
def test_edits_are_refused_where_the_code_is_gone_or_twofold(now: str) -> None:
    before = "x = 1\ny = 2\nz = 3\n"
    region = Region(snapshot(before), 6, 12)
    with pytest.raises(ActionRefused, match="changed while"):
        rebased(smallest_edits(region, "y = 22"), region, snapshot(now))


DEFINITIONS = {
    "python": ("import a\n\n@cached\ndef f(\n    a,\n):\n    if a:\n        ret¦urn 1\n\nx = 1\n", "@cached\ndef f(\n    a,\n):\n    if a:\n        return 1\n"),
    "cpp": ("int a;\n\n// adds\nint add(int a, int b)\n{\n    if (a) {\n        b++;¦\n    }\n    return b;\n}\n\nint c;\n", "// adds\nint add(int a, int b)\n{\n    if (a) {\n        b++;\n    }\n    return b;\n}\n"),
    "lua": ("local x = 1\n\nlocal function f(a)\n  return a¦\nend\n\nprint(x)\n", "local function f(a)\n  return a\nend\n"),
}  # fmt: skip


@pytest.mark.parametrize("language", DEFINITIONS)
def test_the_definition_around_the_cursor_is_found(language: str) -> None:
    marked, wanted = DEFINITIONS[language]
    cursor = marked.index("¦")
    region = definition_around(snapshot(marked.replace("¦", ""), language), cursor, cursor)
    assert region is not None
    assert region.text == wanted
