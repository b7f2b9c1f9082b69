"""The one table of languages."""

from __future__ import annotations

from pathlib import PurePath

import pytest

from qwen_lsp.assist.recall.language_groups import family_of
from qwen_lsp.code.cursor_context import CursorContext
from qwen_lsp.code.languages import LANGUAGES, fence_tag, is_code, is_prose, language, language_of
from qwen_lsp.code.snapshot import snapshot_at_mark


def test_every_file_ending_belongs_to_one_language() -> None:
    endings = [ending for row in LANGUAGES.values() for ending in row.endings]
    assert len(endings) == len(set(endings))
    for row in LANGUAGES.values():
        assert not row.endings or language_of(PurePath(f"a{row.ending}")) == row.id


@pytest.mark.parametrize(
    ("path", "id"),
    [
        ("Makefile", "makefile"),
        ("Gemfile", "ruby"),
        ("a.CPP", "cpp"),
        ("b.h", "c"),
        ("x.unknown", None),
        ("CMakeLists.txt", "cmake"),
    ],
)
def test_a_name_says_the_language(path: str, id: str | None) -> None:
    assert language_of(PurePath(path)) == id


def test_an_unknown_language_is_taken_for_code_and_assumes_little() -> None:
    row = language("brainfuck")
    assert (row.name, row.ending, row.scopes) == ("brainfuck", "", "none")
    assert is_code("brainfuck")
    assert not is_prose("brainfuck")


def test_other_ids_of_editors_mean_the_same_row() -> None:
    assert language("bash") is language("shellscript")
    assert fence_tag("zsh") == "sh"


def test_a_row_is_all_that_a_language_needs() -> None:
    snapshot, cursor = snapshot_at_mark("pub fn area(w: u32) u32 {\n¦", uri="file:///w/a.zig", language="zig")
    place = CursorContext.at(snapshot, cursor)
    assert place.is_braced
    assert place.expected_indent == 4
    assert family_of("zig", None) == "zig"
    assert language_of(PurePath("build.zig.zon")) == "zig"
