"""Conversations on disk: a tree that loses nothing until it is told to forget."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from qwen_lsp.code.markdown import fence
from qwen_lsp.storage.conversations import Conversations, with_files


@pytest.fixture
def store(tmp_path: Path) -> Conversations:
    return Conversations(tmp_path / "deep" / "conversations.sqlite")


def test_a_thread_comes_back_in_order_with_its_files(store: Conversations) -> None:
    talk = store.start("first")
    one = store.add(talk, None, "user", "q", (("a.py", "x = 1\n"),))
    two = store.add(talk, one, "assistant", "a")
    assert [(m.role, m.content) for m in store.thread(two)] == [("user", "q"), ("assistant", "a")]
    assert "a.py:\n```\nx = 1\n```" in with_files(store.thread(two)[0])
    assert store.leaf(talk) == two


def test_a_retry_is_a_version_beside_the_old_one(store: Conversations) -> None:
    talk = store.start("t")
    question = store.add(talk, None, "user", "q")
    first = store.add(talk, question, "assistant", "one")
    second = store.add(talk, question, "assistant", "two")
    assert store.versions(first) == [first, second]
    assert store.thread(first)[-1].content == "one"
    assert store.leaf(talk) == second
    later = store.add(talk, first, "user", "and")
    assert store.leaf(talk) == later  # where the talk went on last
    assert store.leaf(talk, second) == second


def test_deleting_a_message_takes_all_below_it(store: Conversations) -> None:
    talk = store.start("t")
    question = store.add(talk, None, "user", "q")
    answer = store.add(talk, question, "assistant", "a")
    later = store.add(talk, answer, "user", "more")
    assert store.delete_from(answer) == question
    assert store.thread(later) == []
    assert store.leaf(talk) == question


def test_search_looks_into_messages_and_takes_signs_literally(store: Conversations) -> None:
    talk = store.start("sorting")
    store.add(talk, None, "user", "how does quick_sort reach 100% here")
    store.start("other")
    assert [c.title for c in store.conversations("quick_sort")] == ["sorting"]
    assert [c.title for c in store.conversations("100%")] == ["sorting"]
    assert store.conversations("quickXsort") == []
    assert len(store.conversations()) == 2


def test_a_deleted_conversation_leaves_no_text_in_the_file(store: Conversations, tmp_path: Path) -> None:
    talk = store.start("secret title")
    store.add(talk, None, "user", "swordfish " * 200)
    store.delete(talk)
    assert b"swordfish" not in (tmp_path / "deep" / "conversations.sqlite").read_bytes()
    store.erase()
    assert list((tmp_path / "deep").iterdir()) == []
    assert store.conversations() == []


def test_only_the_user_may_read_the_file(store: Conversations, tmp_path: Path) -> None:
    store.start("t")
    mode = (tmp_path / "deep" / "conversations.sqlite").stat().st_mode
    assert stat.S_IMODE(mode) == 0o600


def test_a_fence_is_longer_than_any_inside() -> None:
    assert fence("```\nx\n```").startswith("````\n")
