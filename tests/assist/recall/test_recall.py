"""Recall: suggestions from the user's own code, and the honesty of its confidence."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from qwen_lsp.assist.recall import Recall, Recollection
from qwen_lsp.assist.recall.confidence import PRIOR, Calibration, fit
from qwen_lsp.assist.recall.lexer import LexerVocabulary, lex
from qwen_lsp.assist.recall.open_document import IndexedDocument
from qwen_lsp.assist.recall.token_runs import run_hash, run_hashes
from qwen_lsp.code.snapshot import Snapshot, snapshot_at_mark
from qwen_lsp.settings import RecallSettings

FIRST_TEST = """async def test_sum_is_served(client):
    response = await client.get("/sum", params={"a": 1, "b": 2})
    assert response.status_code == 200
    assert response.json() == {"result": 3}
"""


def nothing_private(path: Path) -> bool:
    return False


@pytest.fixture
def recall() -> Iterator[Recall]:
    """Recall of an empty workspace: it knows only what is open."""
    it = Recall(RecallSettings(), [], nothing_private)
    yield it
    it.close()


def ask(
    recall: Recall,
    marked: str,
    *,
    multiline: bool = False,
    uri: str = "file:///work/a.py",
    language: str = "python",
) -> Recollection | None:
    snapshot, cursor = snapshot_at_mark(marked, uri=uri, language=language)
    return recall.suggest(snapshot, cursor, multiline=multiline)


def test_the_rest_of_a_line_comes_from_the_same_file(recall: Recall) -> None:
    told = ask(
        recall,
        FIRST_TEST
        + "\nasync def test_more(client):\n    response = await client.get('/x')\n    assert response.status¦\n",
    )
    assert told is not None
    assert told.text == "_code == 200"
    assert told.places[0].line == 2


def test_a_half_typed_word_is_completed_not_repeated(recall: Recall) -> None:
    told = ask(recall, FIRST_TEST + FIRST_TEST + "\nasync def test_more(client):\n    response = awa¦\n")
    assert told is not None
    assert told.text.startswith("it client.get")


def test_names_of_here_replace_names_of_there(recall: Recall) -> None:
    code = """
def load_users(path, limit):
    users = read_rows(path)
    return users[:limit]

def load_items(path, limit):
    items = read_rows(path)
    return items[:limit]

def load_orders(path, limit):
    orders = read_rows(path)
    return¦
"""
    told = ask(recall, code)
    assert told is not None
    assert told.text == " orders[:limit]"


def test_several_lines_follow_only_where_they_are_very_like(recall: Recall) -> None:
    twice = FIRST_TEST + "\n\n" + FIRST_TEST.replace("/sum", "/total")
    told = ask(
        recall, twice + "\n\nasync def test_sum_is_served(client):\n    response = await¦\n", multiline=True
    )
    assert told is not None
    assert told.text.count("\n") >= 2
    assert "assert response.status_code == 200" in told.text


def test_lines_are_indented_as_here(recall: Recall) -> None:
    block = "if ready:\n    first_step(queue, worker)\n    second_step(queue, worker)\n    third_step(queue, worker)\n"
    deeper = "".join("        " + line + "\n" for line in block.splitlines()[:1])
    told = ask(
        recall,
        block * 3 + "\ndef run():\n    while True:\n" + deeper + "            first_step(queue,¦\n",
        multiline=True,
    )
    assert told is not None
    assert told.text.split("\n")[1] == "            second_step(queue, worker)"


def test_another_language_is_not_mixed_in(recall: Recall) -> None:
    recall.opened(Snapshot("file:///work/a.js", "javascript", 1, "total = sum_of(values, start, stop)\n" * 5))
    assert ask(recall, "total = sum_of(¦\n") is None
    assert ask(recall, "total = sum_of(¦\n", uri="file:///work/b.ts", language="typescript") is not None


def test_the_text_around_the_cursor_is_never_its_own_suggestion(recall: Recall) -> None:
    assert ask(recall, "alpha = beta(gamma, delta¦, epsilon)\n") is None


def test_nothing_is_said_of_what_was_never_seen(recall: Recall) -> None:
    assert ask(recall, "import os\n\nprint(¦\n") is None
    assert ask(recall, "¦") is None


def test_switched_off_it_says_nothing() -> None:
    off = Recall(RecallSettings(mode="off"), [], nothing_private)
    assert ask(off, FIRST_TEST * 2 + "\n    response = await client.get¦\n") is None
    assert off.state().ready


def test_the_workspace_is_read_in_the_background_and_private_files_are_not(tmp_path: Path) -> None:
    (tmp_path / "known.py").write_text("connection = open_connection(host, port, timeout)\n" * 4)
    (tmp_path / "secret.py").write_text("password = unlock_vault(master, token, salt)\n" * 4)
    it = Recall(RecallSettings(), [tmp_path], lambda p: p.name == "secret.py")
    try:
        assert it.wait_until_built(20)
        assert it.state().files == 1
        new = (tmp_path / "new.py").as_uri()
        told = ask(it, "connection = open_connection(¦", uri=new)
        assert told is not None
        assert told.text == "host, port, timeout)"
        assert told.places[0].uri == (tmp_path / "known.py").as_uri()
        assert ask(it, "password = unlock_vault(¦", uri=new) is None
    finally:
        it.close()


def test_an_open_document_counts_instead_of_its_file(tmp_path: Path) -> None:
    file = tmp_path / "known.py"
    file.write_text("connection = open_connection(host, port, timeout)\n" * 4)
    it = Recall(RecallSettings(), [tmp_path], nothing_private)
    try:
        assert it.wait_until_built(20)
        it.opened(Snapshot(file.as_uri(), "python", 1, "connection = open_connection(address)\n" * 4))
        new = (tmp_path / "new.py").as_uri()
        told = ask(it, "connection = open_connection(¦", uri=new)
        assert told is not None
        assert told.text == "address)"
        it.closed(file.as_uri())
        again = ask(it, "connection = open_connection(¦", uri=new)
        assert again is not None
        assert again.text == "address)"
    finally:
        it.close()


def test_drafts_are_texts_that_followed_before(recall: Recall) -> None:
    snapshot, cursor = snapshot_at_mark(
        FIRST_TEST + "\nasync def test_more(client):\n    response = await client¦\n"
    )
    drafts = recall.drafts(snapshot, cursor)
    assert drafts
    assert drafts[0].startswith('.get("/sum"')


@pytest.mark.parametrize("seed", range(4))
def test_an_edited_document_equals_one_read_afresh(seed: int) -> None:
    draw = random.Random(seed)
    vocabulary = LexerVocabulary()
    text = FIRST_TEST * 3
    document = IndexedDocument("u", text, vocabulary)
    for _ in range(600):
        start = draw.randrange(len(text) + 1)
        end = min(len(text), start + draw.choice([0, 0, 0, 1, 2, 30]))
        text = (
            text[:start]
            + draw.choice(["", "x", "\n", "  ", "\n\n   ", "foo bar", "(", "é\r\n", "\f"])
            + text[end:]
        )
        document.replace(text)
        fresh = lex(text, vocabulary)
        assert document.tokens.tolist() == fresh.tokens.tolist()
        assert document.starts.tolist() == fresh.starts.tolist()
        for length in (3, 5, 8):
            assert document._hashes[length].tolist() == run_hashes(document.tokens, length).tolist()


def test_one_hash_equals_the_hashes_of_all() -> None:
    tokens = np.array([5, 9, 2, 9, 7, 5, 9, 2], np.int32)
    assert run_hashes(tokens, 3)[3:].tolist() == [run_hash(tokens[i - 3 : i].tolist()) for i in range(3, 9)]


def test_the_cut_keeps_what_is_shown_right_as_often_as_asked() -> None:
    draw = random.Random(3)
    sampled = tuple((chance, draw.random() < chance) for chance in (draw.random() for _ in range(3_000)))
    calibration = Calibration(sampled=sampled)
    for threshold in (0.5, 0.6, 0.8):
        cut = calibration.cut(threshold)
        shown = [right for chance, right in sampled if chance >= cut]
        assert sum(shown) / len(shown) >= threshold
        assert len(shown) > 600


def test_a_fit_learns_what_is_true_in_this_workspace() -> None:
    draw = random.Random(5)
    rows, right = [], []
    for _ in range(2_000):
        row = [1.0, *(draw.random() for _ in range(len(PRIOR) - 2)), 0.0]
        rows.append(row)
        right.append(draw.random() < 1 / (1 + math.exp(-8 * (row[5] - 0.5))))
    calibration = fit(rows, right)
    for low in (0.0, 0.2, 0.4, 0.6, 0.8):
        cases = [(c, r) for c, r in calibration.sampled if low <= c < low + 0.2]
        if len(cases) >= 200:
            stated = sum(c for c, _ in cases) / len(cases)
            assert abs(stated - sum(r for _, r in cases) / len(cases)) < 0.1
