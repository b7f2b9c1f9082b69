"""Line starts agree with a plain walk through the text, after any edit."""

from __future__ import annotations

import re
from bisect import bisect_right

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qwen_lsp.code import line_index
from qwen_lsp.code.line_index import LineStarts
from qwen_lsp.code.snapshot import Snapshot

TEXT = st.text(alphabet="ab\r\n\n\f\u2028é", max_size=40)


def walked(text: str) -> list[int]:
    return [0, *(end.end() for end in re.finditer(r"\r\n|\r|\n", text))]


@pytest.mark.parametrize(
    ("text", "starts"),
    [
        ("", [0]),
        ("a", [0]),
        ("a\n", [0, 2]),
        ("a\r\nb\rc\nd", [0, 3, 5, 7]),
        ("\n\r\n\r", [0, 1, 3, 4]),
        ("a\fb\x0bc\x1cd\x85e\u2028f\u2029g", [0]),  # str.splitlines would split at each of these
    ],
)
def test_lines_end_where_lsp_says(text: str, starts: list[int]) -> None:
    assert list(LineStarts(text)) == starts
    assert list(Snapshot("file:///a", "", 1, text).line_starts) == starts


@pytest.mark.parametrize("block_lines", [1, 2, 3, 256])
@given(text=TEXT, edits=st.lists(st.tuples(st.integers(0, 40), st.integers(0, 40), TEXT), max_size=5))
def test_an_edit_gives_the_same_as_starting_afresh(
    block_lines: int, text: str, edits: list[tuple[int, int, str]]
) -> None:
    before, line_index._BLOCK_LINES = line_index._BLOCK_LINES, block_lines
    try:
        starts = LineStarts(text)
        for one, other, inserted in edits:
            start, end = sorted((min(one, len(text)), min(other, len(text))))
            text = text[:start] + inserted + text[end:]
            starts = starts.after_edit(text, start, end, len(inserted))
            assert list(starts) == walked(text)
            assert [starts.line_of(o) for o in range(len(text) + 1)] == [
                bisect_right(walked(text), o) - 1 for o in range(len(text) + 1)
            ]
    finally:
        line_index._BLOCK_LINES = before


def test_the_older_value_is_left_alone() -> None:
    text = "line\n" * 2000
    older = LineStarts(text)
    older.after_edit("x\n" + text, 0, 0, 2)
    assert list(older) == walked(text)


def test_it_is_a_sequence() -> None:
    starts = LineStarts("a\nb\nc")
    assert (len(starts), starts[-1], starts[1:], list(reversed(starts))) == (3, 4, [2, 4], [4, 2, 0])
    with pytest.raises(IndexError):
        starts[3]


def test_an_edit_in_a_long_file_touches_few_blocks() -> None:
    text = "some line of code\n" * 100_000
    starts = LineStarts(text)
    middle = len(text) // 2
    fresh = starts.after_edit(text[:middle] + "x" + text[middle:], middle, middle, 1)
    shared = sum(a is b for a, b in zip(starts._blocks, fresh._blocks, strict=True))
    assert shared >= len(starts._blocks) - 2
