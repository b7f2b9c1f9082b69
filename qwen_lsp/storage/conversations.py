"""Conversations in one SQLite file of the user's: a tree of messages each, so that edits and retries lose nothing."""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from qwen_lsp.code.markdown import fence
from qwen_lsp.paths import own_file, paths

FILE = "conversations.sqlite"
Role = Literal["user", "assistant"]
_SCHEMA = """
CREATE TABLE IF NOT EXISTS conversation (id INTEGER PRIMARY KEY, title TEXT NOT NULL, updated_s REAL NOT NULL);
CREATE TABLE IF NOT EXISTS message (
  id INTEGER PRIMARY KEY, conversation INTEGER NOT NULL REFERENCES conversation(id) ON DELETE CASCADE,
  parent INTEGER REFERENCES message(id), role TEXT NOT NULL, content TEXT NOT NULL, files TEXT NOT NULL, at_s REAL NOT NULL);
CREATE INDEX IF NOT EXISTS message_by_parent ON message(parent);
"""
_BELOW = "WITH RECURSIVE below(id) AS (SELECT ? UNION SELECT m.id FROM message m JOIN below ON m.parent = below.id)"


@dataclass(frozen=True, slots=True)
class Conversation:
    """One line of the list."""

    id: int
    title: str
    updated_s: float


@dataclass(frozen=True, slots=True)
class StoredConversation:
    """One message; `files` are (path, text) pairs sent along with it."""

    id: int
    conversation: int
    parent: int | None
    role: Role
    content: str
    files: tuple[tuple[str, str], ...] = ()


class Conversations:
    """Opens the file for each call, so any thread may use it; deleted text is overwritten on disk."""

    def __init__(self, file: Path | None = None) -> None:
        self._file = file or paths().data / FILE

    def conversations(self, search: str = "", limit: int = 200) -> list[Conversation]:
        """The newest first; with a search, those whose title or any message holds it."""
        pattern = "%" + search.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_") + "%"
        with self._open() as db:
            rows = db.execute(
                "SELECT id, title, updated_s FROM conversation c WHERE title LIKE ? ESCAPE '\\' OR EXISTS "
                "(SELECT 1 FROM message m WHERE m.conversation = c.id AND m.content LIKE ? ESCAPE '\\') "
                "ORDER BY updated_s DESC, id DESC LIMIT ?",
                (pattern, pattern, limit),
            )
            return [Conversation(*row) for row in rows]

    def start(self, title: str) -> int:
        """A new conversation; its id."""
        with self._open() as db:
            made = db.execute(
                "INSERT INTO conversation(title, updated_s) VALUES (?, ?)", (title, time.time())
            )
            return int(made.lastrowid or 0)

    def keep(self, asked: str, answer: str, title: str = "") -> int:
        """A question and its answer as a new conversation; its id, which the page opens at /?conversation=ID."""
        conversation = self.start(title or asked.strip().splitlines()[0][:80])
        self.add(conversation, self.add(conversation, None, "user", asked), "assistant", answer)
        return conversation

    def add(
        self,
        conversation: int,
        parent: int | None,
        role: Role,
        content: str,
        files: tuple[tuple[str, str], ...] = (),
    ) -> int:
        """A message below `parent` (None: the first); its id."""
        with self._open() as db:
            now = time.time()
            made = db.execute(
                "INSERT INTO message(conversation, parent, role, content, files, at_s) VALUES (?, ?, ?, ?, ?, ?)",
                (conversation, parent, role, content, json.dumps(files), now),
            )
            db.execute("UPDATE conversation SET updated_s = ? WHERE id = ?", (now, conversation))
            return int(made.lastrowid or 0)

    def thread(self, leaf: int | None) -> list[StoredConversation]:
        """The messages from the first down to this one."""
        found: list[StoredConversation] = []
        with self._open() as db:
            while leaf is not None and (one := self._get(db, leaf)) is not None:
                found.append(one)
                leaf = one.parent
        return found[::-1]

    def versions(self, message: int) -> list[int]:
        """This message and its alternatives, oldest first."""
        with self._open() as db:
            one = self._get(db, message)
            if one is None:
                return []
            rows = db.execute(
                "SELECT id FROM message WHERE conversation = ? AND parent IS ? AND role = ? ORDER BY id",
                (one.conversation, one.parent, one.role),
            )
            return [row[0] for row in rows]

    def leaf(self, conversation: int, below: int | None = None) -> int | None:
        """The end of the newest thread of a conversation, or of the part below one message."""
        with self._open() as db:
            if below is None:
                found = db.execute("SELECT MAX(id) FROM message WHERE conversation = ?", (conversation,))
            else:
                found = db.execute(f"{_BELOW} SELECT MAX(id) FROM below", (below,))
            row = found.fetchone()
            return None if row[0] is None else int(row[0])

    def delete_from(self, message: int) -> int | None:
        """Remove a message and all below it; the id of its parent."""
        with self._open() as db:
            one = self._get(db, message)
            if one is None:
                return None
            db.execute(f"{_BELOW} DELETE FROM message WHERE id IN below", (message,))
            return one.parent

    def delete(self, conversation: int) -> None:
        """Remove a conversation."""
        with self._open() as db:
            db.execute("DELETE FROM message WHERE conversation = ?", (conversation,))
            db.execute("DELETE FROM conversation WHERE id = ?", (conversation,))

    def erase(self) -> None:
        """Remove all conversations and the file itself."""
        for name in (self._file, Path(f"{self._file}-journal")):
            name.unlink(missing_ok=True)

    def export(self, leaf: int | None) -> str:
        """A thread as Markdown."""
        turns = [f"## {one.role}\n\n{with_files(one)}\n" for one in self.thread(leaf)]
        return "\n".join(turns)

    def _get(self, db: sqlite3.Connection, message: int) -> StoredConversation | None:
        row: Any = db.execute(
            "SELECT id, conversation, parent, role, content, files FROM message WHERE id = ?", (message,)
        ).fetchone()
        if row is None:
            return None
        files = tuple((str(path), str(text)) for path, text in json.loads(row[5]))
        return StoredConversation(row[0], row[1], row[2], row[3], row[4], files)

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        with closing(sqlite3.connect(own_file(self._file), timeout=10)) as db, db:
            db.execute("PRAGMA secure_delete = ON")
            db.executescript(_SCHEMA)
            yield db


def with_files(message: StoredConversation) -> str:
    """What the model reads: the attached files, fenced, before the words."""
    blocks = [f"{path}:\n{fence(text)}" for path, text in message.files]
    return "\n\n".join([*blocks, message.content])
