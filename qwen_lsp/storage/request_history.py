"""The last day of requests and gauges, on disk, so that the monitor outlives a restart."""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import asdict
from pathlib import Path

from qwen_lsp.metrics import RequestTrace
from qwen_lsp.paths import own_file

DAY_S = 86_400.0
_SCHEMA = """
CREATE TABLE IF NOT EXISTS request (at_s REAL NOT NULL, record TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS request_at ON request(at_s);
CREATE TABLE IF NOT EXISTS gauge (at_s REAL NOT NULL, name TEXT NOT NULL, value REAL NOT NULL);
CREATE INDEX IF NOT EXISTS gauge_at ON gauge(at_s);
"""


class RequestHistory:
    """Opens the file for each call; holds no prompt and no answer, only counts and times."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def keep(
        self, requests: Sequence[RequestTrace], gauges: dict[str, float], at_s: float | None = None
    ) -> None:
        """Add what is new and forget what is older than a day."""
        now = time.time() if at_s is None else at_s
        with self._open() as db:
            db.executemany(
                "INSERT INTO request VALUES (?, ?)", [(one.at_s, json.dumps(asdict(one))) for one in requests]
            )
            db.executemany("INSERT INTO gauge VALUES (?, ?, ?)", [(now, *pair) for pair in gauges.items()])
            for table in ("request", "gauge"):
                db.execute(f"DELETE FROM {table} WHERE at_s < ?", (now - DAY_S,))

    def requests(self, since_s: float) -> list[RequestTrace]:
        """Requests that ended since then, oldest first."""
        with self._open() as db:
            rows = db.execute("SELECT record FROM request WHERE at_s >= ? ORDER BY at_s", (since_s,))
            return [RequestTrace(**json.loads(row[0])) for row in rows]

    def gauges(self, name: str, since_s: float) -> list[tuple[float, float]]:
        """(time, value) of one gauge, oldest first."""
        with self._open() as db:
            rows = db.execute(
                "SELECT at_s, value FROM gauge WHERE name = ? AND at_s >= ? ORDER BY at_s", (name, since_s)
            )
            return [(float(at), float(value)) for at, value in rows]

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        with closing(sqlite3.connect(own_file(self._file), timeout=10)) as db, db:
            db.executescript(_SCHEMA)
            yield db
