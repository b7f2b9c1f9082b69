"""Documents follow the editor exactly, whatever is in them."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lsprotocol import types

from qwen_lsp.code.snapshot import Edit
from qwen_lsp.lsp.documents import DocumentChange, Documents, smallest_edit
from qwen_lsp.lsp.positions import Positions

URI = "file:///a.py"
TEXT = st.text(alphabet="ab é漢😋\f\x1c\u2028\r\n", max_size=30)


def documents_with(text: str, encoding: str = "utf-16") -> Documents:
    documents = Documents()
    documents.positions = Positions(encoding)
    documents.open(types.TextDocumentItem(URI, "python", 1, text))
    return documents


def partial(
    start: tuple[int, int], end: tuple[int, int], text: str
) -> types.TextDocumentContentChangePartial:
    span = types.Range(types.Position(*start), types.Position(*end))
    return types.TextDocumentContentChangePartial(span, text)


def changed(
    documents: Documents, *changes: types.TextDocumentContentChangeEvent, version: int = 2
) -> DocumentChange:
    change = documents.change(types.VersionedTextDocumentIdentifier(version, URI), changes)
    assert change is not None
    return change


def as_an_editor_would(
    text: str, start: tuple[int, int], end: tuple[int, int], new: str, encoding: str
) -> str:
    """The same change made by another road: on the encoded bytes of each line."""
    lines = re.findall(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+\Z", text) or [""]
    if not lines[-1] or lines[-1][-1] in "\r\n":
        lines.append("")
    codec, width = {"utf-8": ("utf-8", 1), "utf-16": ("utf-16-le", 2), "utf-32": ("utf-32-le", 4)}[encoding]

    def split(line: int, column: int) -> tuple[str, str]:
        raw = lines[line].encode(codec)
        head = raw[: column * width].decode(codec)
        return "".join(lines[:line]) + head, raw[column * width :].decode(codec) + "".join(lines[line + 1 :])

    return split(*start)[0] + new + split(*end)[1]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "utf-32"])
@given(text=TEXT, inserted=TEXT, data=st.data())
def test_a_change_leaves_what_the_editor_has(
    encoding: str, text: str, inserted: str, data: st.DataObject
) -> None:
    documents = documents_with(text, encoding)
    before = documents.get(URI)
    assert before is not None
    at = sorted(data.draw(st.tuples(st.integers(0, len(text)), st.integers(0, len(text)))))
    ends = [documents.positions.position(before, o - (text[o - 1 : o + 1] == "\r\n")) for o in at]
    start, end = [(p.line, p.character) for p in ends]
    change = changed(documents, partial(start, end, inserted))
    assert change.after.text == as_an_editor_would(text, start, end, inserted, encoding)
    assert documents.get(URI) == change.after
    assert list(change.after.line_starts) == [
        0,
        *(m.end() for m in re.finditer(r"\r\n|\r|\n", change.after.text)),
    ]


def test_the_edits_lead_from_before_to_after() -> None:
    documents = documents_with("one\ntwo\n")
    change = changed(documents, partial((0, 0), (0, 1), "éé"), partial((1, 0), (1, 3), "zwei"))
    text = change.before.text
    for edit in change.edits:
        text = text[: edit.start] + edit.text + text[edit.end :]
    assert (text, change.edits) == ("ééne\nzwei\n", (Edit(0, 1, "éé"), Edit(5, 8, "zwei")))
    assert (change.before.version, change.after.version) == (1, 2)


def test_a_form_feed_does_not_move_a_later_edit() -> None:
    change = changed(documents_with("a\fb\nsecond\nthird\n"), partial((2, 0), (2, 5), "3"))
    assert change.after.text == "a\fb\nsecond\n3\n"


def test_a_whole_new_text_becomes_the_smallest_edit() -> None:
    change = changed(documents_with("abc def"), types.TextDocumentContentChangeWholeDocument("abc xyz def"))
    assert change.edits == (Edit(4, 4, "xyz "),)


@given(before=TEXT, after=TEXT)
def test_the_smallest_edit_is_right(before: str, after: str) -> None:
    edit = smallest_edit(before, after)
    assert before[: edit.start] + edit.text + before[edit.end :] == after


def test_an_older_snapshot_does_not_move() -> None:
    documents = documents_with("a\nb\n")
    older = documents.get(URI)
    assert older is not None
    changed(documents, partial((0, 0), (0, 0), "x\n"))
    assert (older.text, list(older.line_starts)) == ("a\nb\n", [0, 2, 4])


def test_a_change_of_a_closed_document_changes_nothing() -> None:
    documents = documents_with("a")
    documents.close(URI)
    assert (
        documents.change(types.VersionedTextDocumentIdentifier(2, URI), [partial((0, 0), (0, 0), "x")])
        is None
    )
    assert documents.get(URI) is None


def test_lone_surrogates_become_one_replacement_character_each() -> None:
    documents = documents_with("a\ud83db", "utf-16")
    change = changed(documents, partial((0, 2), (0, 3), "c"))
    assert change.after.text == "a\ufffdc"
    change.after.text.encode("utf-8")


def test_a_document_is_found_however_its_address_is_quoted() -> None:
    documents = Documents()
    documents.open(types.TextDocumentItem("file:///a%20b.py", "python", 1, "x"))
    assert documents.get("file:///a b.py") is not None


def test_an_empty_change_still_takes_the_new_version() -> None:
    change = changed(documents_with("a"), version=7)
    assert (change.after.version, change.after.text, change.edits) == (7, "a", ())
