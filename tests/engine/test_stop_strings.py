"""Stop texts in a stream."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qwen_lsp.engine.stop_strings import StopScanner


def run(stops: list[str], pieces: list[str]) -> tuple[str, str | None]:
    scanner, shown = StopScanner(stops), []
    for piece in pieces:
        passed = scanner.feed(piece)
        shown.append(passed.text)
        if passed.stop is not None:
            return "".join(shown), passed.stop
    return "".join([*shown, scanner.flush()]), None


@pytest.mark.parametrize(
    ("stops", "pieces", "shown", "met"),
    [
        ([], ["a", "b"], "ab", None),
        (["\n"], ["ab\n   cd"], "ab", "\n"),
        (["END"], ["xE", "N", "Dy"], "x", "END"),
        (["END"], ["xE", "N", "y"], "xENy", None),
        (["END"], ["xEN"], "xEN", None),
        (["aab"], ["aaab"], "a", "aab"),
        (["bc", "abcd"], ["abcd"], "a", "bc"),
        (["cd", "bcd"], ["abcd"], "a", "bcd"),
        (["b", "bc"], ["abc"], "a", "b"),
        (["", "x"], ["ax"], "a", "x"),
        (["\n\n"], ["a\n", "b\n", "\nc"], "a\nb", "\n\n"),
    ],
)
def test_text_up_to_the_first_stop_comes_out(
    stops: list[str], pieces: list[str], shown: str, met: str | None
) -> None:
    assert run(stops, pieces) == (shown, met)


def test_a_half_seen_stop_is_held_back_and_nothing_else_is() -> None:
    scanner = StopScanner(["</code>"])
    assert scanner.feed("x = 1 </co").text == "x = 1 "
    assert scanner.feed("mment>").text == "</comment>"


def test_nothing_follows_a_stop() -> None:
    scanner = StopScanner(["."])
    assert scanner.feed("a.b").text == "a"
    assert scanner.feed("c").text == ""
    assert scanner.flush() == ""


@given(st.text("ab\n", max_size=30), st.lists(st.text("ab\n", min_size=1, max_size=4), max_size=3), st.data())
def test_cutting_the_stream_differently_changes_nothing(
    text: str, stops: list[str], data: st.DataObject
) -> None:
    cuts = sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=6)))
    pieces = [text[a:b] for a, b in zip([0, *cuts], [*cuts, len(text)], strict=True)]
    shown, met = run(stops, pieces)
    places = [(text.find(s) + len(s), text.find(s)) for s in stops if s in text]
    assert shown == (text[: min(places)[1]] if places else text)
    assert (met is None) == (not places)
