"""What is answered without an engine: typed through, backed into, accepted in part, come back to."""

from __future__ import annotations

from dataclasses import dataclass, field

from qwen_lsp.assist.completion.suggestion_cache import CacheHit, SuggestionCache
from qwen_lsp.assist.suggestion import Suggestion
from qwen_lsp.code.snapshot import Edit, Snapshot

URI = "file:///work/a.py"


@dataclass
class Desk:
    """A document with its known suggestions; `¦` marks the cursor at the start."""

    marked: str
    reuse: SuggestionCache = field(default_factory=SuggestionCache)

    def __post_init__(self) -> None:
        self.cursor = self.marked.index("¦")
        self.text = self.marked.replace("¦", "")

    @property
    def snapshot(self) -> Snapshot:
        return Snapshot(URI, "python", 1, self.text)

    def suggest(self, *texts: str, swallow: int = 0, manual: bool = False) -> None:
        made = [Suggestion(f"s{n}", t, self.cursor, self.cursor + swallow) for n, t in enumerate(texts)]
        self.reuse.remember(self.snapshot, made, manual=manual)

    def edit(self, start: int, end: int, text: str) -> None:
        self.text = self.text[:start] + text + self.text[end:]
        self.reuse.edited(URI, [Edit(start, end, text)])

    def type(self, text: str, after: str = "") -> None:
        self.edit(self.cursor, self.cursor, text + after)
        self.cursor += len(text)

    def backspace(self, count: int = 1) -> None:
        self.edit(self.cursor - count, self.cursor, "")
        self.cursor -= count

    def find(self) -> CacheHit | None:
        return self.reuse.find(self.snapshot, self.cursor)

    def left(self) -> str | None:
        hit = self.find()
        return None if hit is None else hit.text


def test_typing_through_a_suggestion_leaves_its_rest() -> None:
    desk = Desk("x = 1\n¦\nz = 3\n")
    desk.suggest("y = compute(x)")
    for n, char in enumerate("y = comput"):
        desk.type(char)
        hit = desk.find()
        assert hit is not None
        assert (hit.text, hit.end, hit.source) == ("y = compute(x)"[n + 1 :], desk.cursor, "typed-through")


def test_typing_something_else_ends_it() -> None:
    desk = Desk("¦\n")
    desk.suggest("return 1")
    desk.type("rex")
    assert desk.left() is None


def test_backing_out_of_a_wrong_key_brings_it_back() -> None:
    desk = Desk("¦\n")
    desk.suggest("return 1")
    desk.type("rex")
    desk.backspace()
    assert desk.left() == "turn 1"


def test_an_accepted_word_or_line_leaves_the_rest() -> None:
    desk = Desk("def f():\n    ¦\n")
    desk.suggest("first = 1\n    second = 2\n    return first")
    desk.type("first")
    assert desk.left() == " = 1\n    second = 2\n    return first"
    desk.type(" = 1\n")
    assert desk.left() == "    second = 2\n    return first"


def test_indentation_that_the_editor_puts_in_is_typed_too() -> None:
    desk = Desk("def f():\n    ¦\n")
    desk.suggest("a = 1\n    b = 2")
    desk.type("a = 1")
    desk.type("\n    ")
    assert desk.left() == "b = 2"


def test_an_accepted_suggestion_is_over() -> None:
    desk = Desk("¦\n")
    desk.suggest("return 1")
    desk.type("return 1")
    assert desk.find() is None


def test_what_was_fetched_ahead_follows_the_accepted_suggestion() -> None:
    desk = Desk("¦\n")
    desk.suggest("a = 1")
    assert desk.reuse.extend(URI, "s0", "a = 1", "\nb = 2")
    assert desk.left() == "a = 1"
    desk.type("a = 1")
    hit = desk.find()
    assert hit is not None
    assert (hit.text, hit.source) == ("\nb = 2", "prefetched")
    desk.type("\nb")
    assert desk.left() == " = 2"


def test_fetching_ahead_of_something_forgotten_is_harmless() -> None:
    assert not SuggestionCache().extend(URI, "gone", "a", "b")


def test_coming_back_to_a_place_finds_its_suggestion() -> None:
    desk = Desk("a = 1\n¦\nb = 2\n")
    desk.suggest("return 1")
    home, desk.cursor = desk.cursor, 0
    assert desk.find() is None
    desk.cursor = home
    assert desk.left() == "return 1"


def test_edits_elsewhere_carry_it_along() -> None:
    desk = Desk("x" * 600 + "\n" * 20 + "¦\n" + "y" * 600)
    desk.suggest("return 1")
    desk.edit(3, 5, "longer than before")
    desk.cursor += len("longer than before") - 2
    desk.edit(len(desk.text) - 4, len(desk.text), "")
    desk.type("ret")
    assert desk.left() == "urn 1"


def test_edits_close_by_make_it_stale() -> None:
    desk = Desk("value = 1\n¦\nnext = 2\n")
    desk.suggest("return value")
    desk.edit(0, 5, "other")
    assert desk.find() is None


def test_swallowed_closers_are_swallowed_all_the_way() -> None:
    desk = Desk("print(¦)\nnext\n")
    desk.suggest("a, b)", swallow=1)
    hit = desk.find()
    assert hit is not None
    assert hit.end == desk.cursor + 1
    desk.type("a, ")
    hit = desk.find()
    assert hit is not None
    assert (hit.text, hit.end) == ("b)", desk.cursor + 1)


def test_a_closer_that_the_editor_puts_in_while_typing_through_is_swallowed() -> None:
    desk = Desk("¦\nnext\n")
    desk.suggest("print(a)")
    desk.type("print(", after=")")
    hit = desk.find()
    assert hit is not None
    assert (hit.text, hit.end) == ("a)", desk.cursor + 1)


def test_a_closer_that_it_does_not_bring_along_is_not_swallowed() -> None:
    desk = Desk("¦\nnext\n")
    desk.suggest("print a")
    desk.type("pr", after="]")
    assert desk.find() is None


def test_windows_line_ends_in_the_document_match_plain_ones_in_the_suggestion() -> None:
    desk = Desk("def f():\r\n    ¦\r\n")
    desk.suggest("a = 1\n    b = 2")
    desk.type("a = 1\r\n    ")
    assert desk.left() == "b = 2"


def test_each_of_several_offered_can_be_typed_through() -> None:
    desk = Desk("¦\n")
    desk.suggest("return 1", "yield 2", manual=True)
    desk.type("yi")
    hit = desk.find()
    assert hit is not None
    assert (hit.text, hit.known.others) == ("eld 2", ("return 1",))


def test_the_newest_suggestion_of_a_place_wins() -> None:
    desk = Desk("¦\n")
    desk.suggest("return 1")
    desk.suggest("return 2")
    assert desk.left() == "return 2"


def test_it_holds_only_so_many() -> None:
    desk = Desk("\n" * 500 + "¦")
    for _ in range(100):
        desk.cursor -= 1
        desk.suggest("return 1")
    assert len(desk.reuse) == 24
    for n in range(50):
        desk.reuse.remember(Snapshot(f"file:///{n}", "python", 1, ""), [Suggestion("s", "x", 0, 0)])
    assert len(desk.reuse) == 32


def test_a_closed_document_is_forgotten() -> None:
    desk = Desk("¦\n")
    desk.suggest("return 1")
    desk.reuse.forget(URI)
    assert desk.find() is None
