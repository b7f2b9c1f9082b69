"""The edit log: replaying gives the buffer, places and pauses part changes, secrets stay out, memory is bounded."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qwen_lsp.code.change import Change, merge, net
from qwen_lsp.code.edit_log import EditLog
from qwen_lsp.code.snapshot import Edit, Snapshot
from qwen_lsp.code.workspace.ignore import IgnoreRules

URI = "file:///work/a.py"
TEXT = st.text(alphabet="ab\n é", max_size=30)
EDITS = st.lists(
    st.tuples(
        st.integers(0, 1),
        st.integers(0, 60),
        st.integers(0, 6),
        TEXT,
        st.sampled_from([0.5, 20.0]),
        st.booleans(),
    ),
    max_size=25,
)


class Typist:
    """Changes documents as an editor does and tells the log."""

    def __init__(self, *texts: str, log: EditLog | None = None, uri: str = URI) -> None:
        self.log = log or EditLog()
        self.at_s = 0.0
        self.documents = [
            Snapshot(uri if n == 0 else f"file:///work/{n}.py", "python", 1, text)
            for n, text in enumerate(texts)
        ]
        for document in self.documents:
            self.log.opened(document)

    def edit(self, *edits: Edit, pause_s: float = 0.1, accepted: bool = False, nth: int = 0) -> None:
        self.at_s += pause_s
        before = self.documents[nth]
        text = before.text
        for edit in edits:
            text = text[: edit.start] + edit.text + text[edit.end :]
        self.documents[nth] = Snapshot(before.uri, before.language, before.version + 1, text)
        self.log.record(before, edits, self.documents[nth], self.at_s, accepted=accepted)

    def replace(self, old: str, new: str, *, pause_s: float = 0.1, accepted: bool = False) -> None:
        """Change the first `old` to `new` at once."""
        at = self.documents[0].text.index(old)
        self.edit(Edit(at, at + len(old), new), pause_s=pause_s, accepted=accepted)

    def type(self, after: str, text: str, *, backspaces: int = 0, pause_s: float = 0.1) -> None:
        """Type key by key behind the first `after`."""
        at = self.documents[0].text.index(after) + len(after)
        for _ in range(backspaces):
            self.edit(Edit(at - 1, at, ""), pause_s=pause_s)
            at -= 1
        for key in text:
            self.edit(Edit(at, at, key), pause_s=pause_s)
            at += 1

    def last_kind(self) -> str:
        assert self.log.last is not None
        return self.log.last.kind

    def seen(self) -> list[tuple[str, str]]:
        return [(change.old, change.new) for change in self.log.changes(URI)]


@given(texts=st.tuples(TEXT, TEXT), edits=EDITS)
def test_replaying_the_log_gives_the_buffer(
    texts: tuple[str, str], edits: list[tuple[int, int, int, str, float, bool]]
) -> None:
    typist = Typist(*texts)
    for nth, start, length, text, pause_s, accepted in edits:
        there = typist.documents[nth].text
        start = min(start, len(there))
        typist.edit(
            Edit(start, min(len(there), start + length), text), pause_s=pause_s, accepted=accepted, nth=nth
        )
    for document, opened in zip(typist.documents, texts, strict=True):
        assert typist.log.before(document) == opened
        changes = typist.log.changes(document.uri)
        replayed = opened
        for change in changes:
            assert replayed[change.start : change.start + len(change.old)] == change.old
            replayed = change.done(replayed)
        assert replayed == document.text
        places = typist.log.places(document.uri)
        assert all(one.end < other.start for one, other in itertools.pairwise(places))
        for place in reversed(places):
            replayed = place.undone(replayed)
        assert replayed == opened


@given(
    text=TEXT,
    first=st.integers(0, 30),
    cursors=st.lists(st.integers(0, 30), min_size=1, max_size=8, unique=True),
)
def test_many_cursors_make_one_change_each(text: str, first: int, cursors: list[int]) -> None:
    text = "x" * 31 + text
    typist = Typist(text)
    places = sorted(2 * at for at in cursors if 2 * at <= 30)
    for nth, key in enumerate("key"):
        # As VS Code sends them: the last cursor first, all in the text before.
        typist.edit(
            *[
                Edit(at + n * nth + nth, at + n * nth + nth, key)
                for n, at in reversed(list(enumerate(places)))
            ]
        )
    assert typist.seen() == [("", "key")] * len(places)
    assert typist.log.before(typist.documents[0]) == text


def test_what_is_typed_in_one_place_is_one_change() -> None:
    typist = Typist("def total(items):\n    return sum(items)\n")
    typist.type("def total", "count", backspaces=5)
    (change,) = typist.log.changes(URI)
    assert (change.old, change.new, change.line) == ("total", "count", 0)
    assert (change.old_lines, change.new_lines) == ("def total(items):", "def count(items):")


def test_another_place_is_another_change_and_coming_back_goes_on_with_the_first() -> None:
    typist = Typist("one = 1\ntwo = 2\n")
    typist.type("one = 1", "0")
    typist.type("two = 2", "0")
    typist.type("one = 10", "0")
    assert typist.seen() == [("", "00"), ("", "0")]
    assert [c.new for c in typist.log.recent(9)] == ["00", "0"]


def test_a_pause_ends_a_change() -> None:
    typist = Typist("one = 1\n")
    typist.type("one = 1", "2")
    typist.type("one = 12", "3", pause_s=60)
    assert typist.seen() == [("", "2"), ("", "3")]
    (place,) = typist.log.places(URI)
    assert (place.old, place.new) == ("", "23")


def test_an_accepted_suggestion_stays_apart_and_marked() -> None:
    typist = Typist("a = \n")
    typist.type("a = ", "f")
    typist.replace("f", "f(x)", accepted=True)
    typist.type("f(x)", "[0]")
    assert [(c.kind, c.new) for c in typist.log.changes(URI)] == [
        ("typed", "f"),
        ("accepted", "f(x)"),
        ("typed", "[0]"),
    ]
    assert typist.last_kind() == "typed"


@pytest.mark.parametrize("pause_s", [0.1, 100.0])
def test_an_undo_takes_the_change_out_and_says_so(pause_s: float) -> None:
    typist = Typist("total = 1\n")
    typist.replace("total", "count")
    typist.replace("count", "total", pause_s=pause_s)
    assert typist.log.changes(URI) == ()
    assert typist.last_kind() == "undone"
    typist.replace("total", "count")
    assert typist.seen() == [("total", "count")]
    assert typist.last_kind() == "typed"


def test_an_undone_acceptance_is_out_as_well() -> None:
    typist = Typist("total = 1\n")
    typist.replace("1", "1 + 1", accepted=True)
    typist.replace("1 + 1", "1")
    assert typist.log.changes(URI) == ()


def test_private_files_are_never_in_it(tmp_path: Path) -> None:
    (tmp_path / ".qwenignore").write_text("hidden/\n")
    log = EditLog(IgnoreRules([tmp_path]).is_private)
    for name in (".env", "hidden/a.py", "id_rsa"):
        typist = Typist("A=1\n", log=log, uri=(tmp_path / name).as_uri())
        typist.replace("1", "a very secret word")
    assert log.recent(9) == ()
    assert log.bytes == 0
    assert log.last is None


@pytest.mark.parametrize("by", ["opening", "pasting"])
def test_a_private_key_hides_its_document(by: str) -> None:
    key = "-----BEGIN RSA PRIVATE KEY-----\nMIIE\n"
    typist = Typist("note\n" if by == "pasting" else key)
    typist.type("\n", "word")
    if by == "pasting":
        typist.edit(Edit(0, 0, key))
    typist.type("\n", "more")
    assert typist.log.recent(9) == ()
    assert typist.log.bytes == 0


def test_a_file_that_became_private_is_forgotten(tmp_path: Path) -> None:
    rules = IgnoreRules([tmp_path])
    typist = Typist("a = 1\n", log=EditLog(rules.is_private), uri=(tmp_path / "a.py").as_uri())
    typist.replace("1", "2")
    (tmp_path / ".qwenignore").write_text("a.py\n")
    rules.forget()
    typist.log.reconsider()
    typist.replace("2", "3")
    assert typist.log.recent(9) == ()


def test_it_stays_within_its_bytes_and_the_newest_stay() -> None:
    typist = Typist("x\n" * 5000, log=EditLog(most_bytes=20_000))
    for nth in range(1000):
        typist.edit(Edit(6 * nth, 6 * nth, f"{nth} "), pause_s=1.0)
        assert typist.log.bytes <= 20_000
    changes = typist.log.changes(URI)
    assert len(changes) > 30
    assert changes[-1].new == "999 "
    text = typist.log.before(typist.documents[0])
    for change in changes:
        text = change.done(text)
    assert text == typist.documents[0].text


def test_a_huge_change_is_forgotten_with_what_came_before() -> None:
    typist = Typist("a\n")
    typist.type("a", "b")
    typist.edit(Edit(0, 0, "x" * 200_000))
    assert typist.log.changes(URI) == ()
    typist.type("ab", "c")
    assert typist.seen() == [("", "c")]


def test_a_closed_document_stays_in_the_recent_changes_only() -> None:
    typist = Typist("a = 1\n", "b = 1\n")
    typist.replace("1", "2")
    typist.edit(Edit(4, 5, "3"), nth=1)
    typist.log.closed(URI)
    assert typist.log.changes(URI) == ()
    assert [c.new for c in typist.log.recent(9)] == ["3", "2"]
    assert typist.log.uris() == ("file:///work/1.py",)


def test_changes_elsewhere_do_not_disturb_a_merge() -> None:
    earlier = Change(URI, 4, "old", "newer")
    later = Change(URI, 2, "xxnew", "y")
    text = "aaxxoldbb"
    assert merge(earlier, later).done(text) == later.done(earlier.done(text))
    assert net([earlier, later])[0].done(text) == later.done(earlier.done(text))
