"""Token healing: what may come so that the bytes taken back come out again."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from qwen_lsp.engine.token_healing import HealingVocabulary

PIECES = [bytes((b,)) for b in range(256)]
WORDS = [
    b"<marker>",
    b" r",
    b" ret",
    b" return",
    b" returns",
    b"urn",
    "é".encode(),
    b"    ",
    b"   ",
    b"\xff\xff",
]


def vocabulary() -> HealingVocabulary:
    return HealingVocabulary([*PIECES, *WORDS], never=[256])


def spelled(words: HealingVocabulary, remaining: bytes) -> list[bytes]:
    allowed = words.allowed(remaining)
    ids = [*words.order[allowed.start : allowed.stop], *allowed.shorter]
    return sorted([*PIECES, *WORDS][i] for i in ids)


def test_tokens_that_begin_with_the_rest_or_are_its_beginning_may_come() -> None:
    assert spelled(vocabulary(), b" ret") == [b" ", b" r", b" ret", b" return", b" returns"]


def test_a_marker_never_may() -> None:
    assert b"<marker>" not in spelled(vocabulary(), b"<")


def test_the_constraint_goes_on_over_several_tokens() -> None:
    words = vocabulary()
    rest = words.spelled(b" retu", 256 + 2)  # " ret"
    assert rest == b"u"
    assert spelled(words, rest) == [b"u", b"urn"]
    assert words.spelled(rest, 256 + 5) == b""


def test_it_works_inside_a_character() -> None:
    words = vocabulary()
    both = "é".encode()
    assert spelled(words, both) == sorted([both[:1], both])
    assert spelled(words, both[1:]) == [both[1:]]


def test_bytes_at_the_end_of_the_order_have_a_range_too() -> None:
    assert spelled(vocabulary(), b"\xff") == [b"\xff", b"\xff\xff"]


def test_indentation_can_be_split_as_the_model_likes() -> None:
    assert spelled(vocabulary(), b"    ") == [b" ", b"   ", b"    "]


def test_a_vocabulary_without_all_bytes_says_so() -> None:
    assert vocabulary().spells_everything
    assert not HealingVocabulary([b"a", b"b"]).spells_everything
    assert HealingVocabulary([b"a", b"b"]).can_spell(b"ab")
    assert not HealingVocabulary([b"a", b"b"]).can_spell(b"abc")


@given(
    st.lists(st.binary(min_size=1, max_size=3), unique=True, max_size=40), st.binary(min_size=1, max_size=4)
)
def test_exactly_the_matching_tokens_may_come(pieces: list[bytes], remaining: bytes) -> None:
    words = HealingVocabulary(pieces)
    allowed = words.allowed(remaining)
    found = {pieces[i] for i in [*words.order[allowed.start : allowed.stop], *allowed.shorter]}
    assert found == {p for p in pieces if p.startswith(remaining) or remaining.startswith(p)}
