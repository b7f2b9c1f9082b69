"""Positions in all three encodings."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lsprotocol import types

from qwen_lsp.code.snapshot import Snapshot
from qwen_lsp.lsp.positions import Positions

ENCODINGS = ["utf-8", "utf-16", "utf-32"]


def snapshot(text: str) -> Snapshot:
    return Snapshot("file:///a.py", "python", 1, text)


@pytest.mark.parametrize(
    ("encoding", "column"),
    # "é" is 2, 1, 1 units; "😋" is 4, 2, 1; "漢" is 3, 1, 1
    [("utf-8", 2 + 4 + 3), ("utf-16", 1 + 2 + 1), ("utf-32", 3)],
)
def test_columns_are_counted_in_the_clients_units(encoding: str, column: int) -> None:
    document = snapshot("first\r\né😋漢x\n")
    at_x = document.text.index("x")
    positions = Positions(encoding)
    assert positions.position(document, at_x) == types.Position(1, column)
    assert positions.offset(document, types.Position(1, column)) == at_x


@pytest.mark.parametrize("encoding", ENCODINGS)
@given(text=st.text(alphabet="ab é漢😋\t\f\u2028\r\n", max_size=60), data=st.data())
def test_an_offset_survives_the_way_there_and_back(encoding: str, text: str, data: st.DataObject) -> None:
    document, positions = snapshot(text), Positions(encoding)
    offset = data.draw(st.integers(0, len(text)))
    if text[offset - 1 : offset + 1] == "\r\n":
        offset -= 1  # no position lies between the two
    assert positions.offset(document, positions.position(document, offset)) == offset


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize(
    ("position", "offset"),
    [
        ((0, 99), 1),  # past the end of a line: its end, before \r\n
        ((1, 99), 5),
        ((99, 0), 5),  # past the last line: the end of the document
        ((99, 99), 5),
    ],
)
def test_positions_outside_the_document_are_moved_inside(
    encoding: str, position: tuple[int, int], offset: int
) -> None:
    assert Positions(encoding).offset(snapshot("a\r\nbc"), types.Position(*position)) == offset


@pytest.mark.parametrize(("encoding", "inside"), [("utf-8", [1, 2, 3]), ("utf-16", [1])])
def test_a_column_inside_a_character_means_the_place_after_it(encoding: str, inside: list[int]) -> None:
    for column in inside:
        assert Positions(encoding).offset(snapshot("😋x"), types.Position(0, column)) == 1


def test_a_range_given_backwards_is_put_in_order() -> None:
    backwards = types.Range(types.Position(0, 3), types.Position(0, 1))
    assert Positions().span(snapshot("abcd"), backwards) == (1, 3)
