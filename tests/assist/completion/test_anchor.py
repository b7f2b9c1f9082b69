"""The anchored layout: when it stays, when it moves, and that it always tells the truth."""

from __future__ import annotations

from dataclasses import dataclass, field

from hypothesis import given, settings
from hypothesis import strategies as st

from qwen_lsp.assist.completion.anchor import (
    GRID_LINES,
    LONG_TYPED_CHARS,
    MOST_TYPED_CHARS,
    Anchor,
    Anchors,
    Placed,
    Sizes,
    cut,
)
from qwen_lsp.code.snapshot import Edit, Snapshot

SIZES = Sizes()


@dataclass
class Desk:
    """A document being edited, with its anchors."""

    text: str
    cursor: int = 0
    sizes: Sizes = SIZES
    anchors: Anchors = field(default_factory=Anchors)

    @property
    def snapshot(self) -> Snapshot:
        return Snapshot("file:///work/a.py", "python", 1, self.text)

    def edit(self, start: int, end: int, text: str) -> None:
        self.text = self.text[:start] + text + self.text[end:]
        self.anchors.edited(Edit(start, end, text))

    def type(self, text: str) -> None:
        self.edit(self.cursor, self.cursor, text)
        self.cursor += len(text)

    def backspace(self, count: int = 1) -> None:
        self.edit(self.cursor - count, self.cursor, "")
        self.cursor -= count

    def ask(self) -> Placed:
        placed = self.anchors.place(self.snapshot, self.cursor, lambda: self.sizes)
        self.anchors.keep(placed.anchor)
        return placed


def lines(count: int, word: str = "line") -> str:
    return "".join(f"{word}_{n} = {n}\n" for n in range(count))


def desk(above: int = 20, below: int = 20) -> Desk:
    text = lines(above, "above")
    return Desk(text + "\n" + lines(below, "below"), len(text))


def test_typing_a_function_changes_nothing_before_the_typed_text() -> None:
    here = desk()
    frozen = here.ask().anchor
    code = "def area(radius: float) -> float:\n    '''Of a circle.'''\n    return 3.14159 * radius**2\n"
    for char in code:
        here.type(char)
        placed = here.ask()
        assert (placed.anchor.prefix, placed.anchor.suffix) == (frozen.prefix, frozen.suffix)
    assert placed.typed == code
    assert placed.why == "kept"


def test_the_frozen_part_is_what_stands_around_the_cursor() -> None:
    here = desk()
    here.type("  x")
    placed = here.ask()
    assert placed.anchor.prefix == lines(20, "above")
    assert placed.typed == "  x"
    assert placed.anchor.suffix == "\n" + lines(20, "below")


def test_the_rest_of_the_cursors_line_is_part_of_the_frozen_suffix() -> None:
    here = Desk("a = 1\nfoo(, b)\nc = 2\n", len("a = 1\nfoo("))
    placed = here.ask()
    assert (placed.anchor.prefix, placed.typed, placed.anchor.suffix) == ("a = 1\n", "foo(", ", b)\nc = 2\n")
    here.type("x")
    assert here.ask().why == "kept"


def test_deleting_inside_the_typed_text_keeps_the_anchor() -> None:
    here = desk()
    here.ask()
    here.type("return value")
    here.backspace(5)
    placed = here.ask()
    assert (placed.why, placed.typed) == ("kept", "return ")


def test_deleting_past_the_anchor_cuts_a_new_one_that_begins_alike() -> None:
    here = desk()
    old = here.ask().anchor
    here.backspace(3)
    placed = here.ask()
    assert placed.is_new
    assert placed.anchor.start == old.start
    assert placed.anchor.prefix == lines(19, "above")
    assert placed.typed == "above_19 = "


def test_undoing_a_deletion_across_the_anchor_brings_it_back() -> None:
    here = desk()
    here.type("x = 1")
    old = here.ask().anchor
    gone = here.text[here.cursor - 8 : here.cursor]
    here.backspace(8)
    here.ask()
    here.type(gone)
    placed = here.ask()
    assert placed.why == "kept"
    assert placed.anchor.prefix == old.prefix


def test_an_edit_above_the_window_moves_the_anchor_along() -> None:
    here = Desk(lines(2000), 0)
    here.cursor = here.snapshot.line_start(1500)
    old = here.ask().anchor
    assert not old.from_start
    here.edit(0, 0, "import os\nimport sys\n")
    here.cursor += len("import os\nimport sys\n")
    here.type("y")
    placed = here.ask()
    assert placed.why == "kept"
    assert (placed.anchor.prefix, placed.anchor.suffix) == (old.prefix, old.suffix)


def test_an_edit_below_the_window_changes_nothing() -> None:
    here = desk(below=500)
    here.ask()
    here.edit(len(here.text) - 3, len(here.text), "99\n")
    assert here.ask().why == "kept"


def test_an_edit_inside_the_window_is_seen_and_undone() -> None:
    here = desk()
    old = here.ask().anchor
    here.edit(3, 4, "XX")
    here.cursor += 1
    changed = here.ask()
    assert changed.is_new
    assert "XX" in changed.anchor.prefix
    here.edit(3, 5, old.prefix[3:4])
    here.cursor -= 1
    assert here.ask().why == "kept"


def test_an_edit_in_the_suffix_is_seen() -> None:
    here = desk()
    here.ask()
    here.edit(here.cursor + 3, here.cursor + 4, "ZZ")
    placed = here.ask()
    assert placed.is_new
    assert "ZZ" in placed.anchor.suffix


def test_a_line_put_in_at_the_documents_start_is_seen() -> None:
    here = desk()
    here.ask()
    here.edit(0, 0, "import re\n")
    here.cursor += 10
    placed = here.ask()
    assert placed.is_new
    assert placed.anchor.prefix.startswith("import re\n")


def test_text_added_at_the_documents_end_is_seen() -> None:
    here = Desk("a = 1\n", 6)
    assert here.ask().anchor.to_end
    here.edit(6, 6, "b = 2\n")
    assert here.ask().is_new


def test_jumping_away_and_back_finds_the_old_anchor() -> None:
    here = desk()
    here.type("x")
    here.ask()
    home = here.cursor
    here.cursor = 0
    assert here.ask().why == "moved"
    here.cursor = home
    placed = here.ask()
    assert (placed.why, placed.typed) == ("kept", "x")


def test_two_places_in_turn_keep_an_anchor_each() -> None:
    here = desk(above=600, below=600)
    one, two = here.snapshot.line_start(100), here.snapshot.line_start(900)
    for step in range(6):
        here.cursor = one
        assert here.ask().is_new is (step == 0)
        here.type("a")
        one, two = one + 1, two + 1
        here.cursor = two
        assert here.ask().is_new is (step == 0)
        here.type("b")
        two += 1


def test_only_a_few_anchors_live() -> None:
    here = desk(above=800)
    for line in range(0, 800, 50):
        here.cursor = here.snapshot.line_start(line)
        here.ask()
    assert len(here.anchors) == 4


def test_accepting_a_suggestion_keeps_the_anchor() -> None:
    here = desk()
    here.ask()
    here.type("for n in range(10):\n    print(n)")
    placed = here.ask()
    assert (placed.why, placed.typed) == ("kept", "for n in range(10):\n    print(n)")


def test_a_long_paste_cuts_a_new_anchor_at_its_last_line() -> None:
    here = desk()
    here.ask()
    here.type(lines(MOST_TYPED_CHARS // 10, "pasted"))
    placed = here.ask()
    assert (placed.why, placed.typed) == ("too long", "")


def test_closers_that_the_editor_puts_in_do_not_move_the_anchor() -> None:
    here = desk()
    here.ask()
    here.type("print(")
    here.edit(here.cursor, here.cursor, ")")
    assert (here.ask().why, here.ask().gap) == ("kept", 1)
    here.type("[")
    here.edit(here.cursor, here.cursor, "]")
    assert here.ask().gap == 2
    here.cursor += 2  # typed over
    placed = here.ask()
    assert (placed.why, placed.gap, placed.typed) == ("kept", 0, "print([])")


def test_a_block_opened_by_the_editor_does_not_move_the_anchor() -> None:
    here = desk()
    here.ask()
    here.type("if (x) {")
    here.edit(here.cursor, here.cursor, "\n}")
    here.type("\n    ")
    placed = here.ask()
    assert (placed.why, placed.gap) == ("kept", 2)


def test_words_right_of_the_cursor_are_never_left_out() -> None:
    here = desk()
    here.ask()
    here.edit(here.cursor, here.cursor, "done()")
    placed = here.ask()
    assert placed.is_new
    assert placed.anchor.suffix.startswith("done()")


def test_the_window_starts_on_a_coarse_grid_and_does_not_slide_while_one_writes_downwards() -> None:
    here = Desk(lines(1000) + "\n", 0)
    here.cursor = here.snapshot.line_start(1000)
    starts: list[int] = []
    for step in range(300):
        here.type(f"value_{step} = {step}\n")
        starts.append(here.ask().anchor.start)
        if better := here.anchors.better(here.snapshot, here.cursor, lambda: here.sizes):
            here.anchors.keep(better)
    first = here.snapshot.line_of(starts[0])
    assert first % GRID_LINES == 0
    assert 1000 - first >= SIZES.prefix_lines
    assert len(set(starts)) <= 1 + 300 // GRID_LINES


def test_a_window_has_the_same_size_wherever_a_file_is_long() -> None:
    text = lines(100_000)
    snapshot = Snapshot("file:///work/a.py", "python", 1, text)
    for line in (1_000, 50_000, 99_900):
        anchor = cut(snapshot, snapshot.line_start(line), SIZES)
        assert SIZES.prefix_lines <= anchor.prefix.count("\n") <= SIZES.prefix_lines + GRID_LINES
        assert anchor.suffix.count("\n") <= SIZES.suffix_lines + 1


def test_one_endless_line_is_anchored_at_the_word_before_the_cursor() -> None:
    here = Desk("x" * 5 + " = [" + "1, " * 100_000 + "]", 0)
    here.cursor = 200_000
    placed = here.ask()
    assert len(placed.typed) <= 32
    assert len(placed.anchor.prefix) <= SIZES.prefix_chars
    assert len(placed.anchor.suffix) <= SIZES.suffix_chars


def test_windows_line_ends_stay_as_they_are() -> None:
    here = Desk("a = 1\r\nb = 2\r\n\r\nc = 3\r\n", len("a = 1\r\nb = 2\r\n"))
    here.type("x")
    placed = here.ask()
    assert (placed.anchor.prefix, placed.typed, placed.anchor.suffix) == (
        "a = 1\r\nb = 2\r\n",
        "x",
        "\r\nc = 3\r\n",
    )


def test_nothing_is_prepared_while_little_is_typed() -> None:
    here = desk()
    here.ask()
    here.type("short\n")
    assert here.anchors.better(here.snapshot, here.cursor, lambda: here.sizes) is None


def test_after_much_typing_an_anchor_is_prepared_at_this_lines_start() -> None:
    here = desk()
    here.ask()
    here.type("value = 1\n" * (LONG_TYPED_CHARS // 10 + 1) + "  x")
    better = here.anchors.better(here.snapshot, here.cursor, lambda: here.sizes)
    assert better is not None
    assert better.at == here.cursor - 3
    here.anchors.keep(better)
    assert here.ask().typed == "  x"


def test_nothing_is_prepared_while_inserted_closers_are_pending() -> None:
    here = desk()
    here.ask()
    here.type("value = 1\n" * (LONG_TYPED_CHARS // 10 + 1) + "f(")
    here.edit(here.cursor, here.cursor, ")")
    assert here.anchors.better(here.snapshot, here.cursor, lambda: here.sizes) is None


def test_going_back_before_a_prepared_anchor_finds_the_one_before() -> None:
    here = desk()
    here.ask()
    here.type("value = 1\n" * (LONG_TYPED_CHARS // 10 + 1))
    better = here.anchors.better(here.snapshot, here.cursor, lambda: here.sizes)
    assert better is not None
    here.anchors.keep(better)
    here.backspace(4)
    assert here.ask().why == "kept"


def test_a_small_budget_makes_small_windows() -> None:
    sizes = Sizes.of(256, 64, 3_000)
    anchor = cut(Snapshot("file:///a", "python", 1, lines(500)), 4_000, sizes)
    assert len(anchor.prefix) + len(anchor.suffix) + MOST_TYPED_CHARS // 2 <= 3_000


def test_an_anchor_is_compared_not_trusted() -> None:
    anchor = Anchor(4, "abc\n", "\nend", True, True)
    assert anchor.holds("abc\nxy\nend", 6, 4) == 0
    assert anchor.holds("abd\nxy\nend", 6, 4) is None
    assert anchor.holds("abc\nxy\nend", 3, 4) is None
    assert anchor.holds("abc\nxy\nend!", 6, 4) is None


PIECES = st.sampled_from(
    ["a", "\n", "\r\n", "  ", "foo(", ")", "\n}\n", "é𝄞", "x = 1\n" * 30, "}", '"', "\r"]
)
MOVES = st.lists(
    st.tuples(st.sampled_from(["type", "delete", "elsewhere", "jump"]), PIECES, st.integers(0, 10_000)),
    max_size=40,
)


@settings(max_examples=150, deadline=None)
@given(st.text(alphabet="ab \n(){}\r\t", max_size=300), MOVES)
def test_whatever_is_edited_the_prompt_reads_as_the_document_does(
    text: str, moves: list[tuple[str, str, int]]
) -> None:
    here = Desk(text, len(text) // 2, Sizes.of(8, 4, 4_000))
    for how, piece, where in moves:
        if how == "type":
            here.type(piece)
        elif how == "delete":
            here.backspace(min(here.cursor, where % 20))
        elif how == "elsewhere":
            at = where % (len(here.text) + 1)
            here.edit(at, at, piece)
            here.cursor += len(piece) if at < here.cursor else 0
        else:
            here.cursor = where % (len(here.text) + 1)
        placed = here.ask()
        anchor, rest = placed.anchor, here.text[here.cursor :]
        assert here.text[: here.cursor].endswith(anchor.prefix + placed.typed)
        assert rest[placed.gap :].startswith(anchor.suffix)
        assert not rest[: placed.gap].strip(")]}>\"'`;,: \t\r\n")
        if anchor.from_start:
            assert anchor.prefix + placed.typed == here.text[: here.cursor]
        if anchor.to_end:
            assert rest[placed.gap :] == anchor.suffix
