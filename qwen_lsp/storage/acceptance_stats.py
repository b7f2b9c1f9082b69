"""Acceptance kept at home: counts per day and language in a small SQLite file. Holds no code and no paths."""

from __future__ import annotations

import datetime
import logging
import math
import sqlite3
import threading
from collections import Counter
from collections.abc import Callable, Iterable
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

from qwen_lsp.paths import own_file, paths

log = logging.getLogger(__name__)

FILE = "stats.sqlite3"
_FLUSH_AFTER_S = 2.0
_KEPT_DAYS = 400
_STEP = math.log(1.1)
"""Latencies are counted in classes 10 % wide, so that any time span has its percentiles."""
_ENDINGS = ("accepted", "partly accepted", "typed through", "dismissed")
_SCHEMA = """
CREATE TABLE IF NOT EXISTS counts
  (day TEXT, language TEXT, what TEXT, n INTEGER NOT NULL, PRIMARY KEY (day, language, what)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS latencies
  (day TEXT, language TEXT, class INTEGER, n INTEGER NOT NULL, PRIMARY KEY (day, language, class)) WITHOUT ROWID;
"""
_ADD_COUNT = "INSERT INTO counts VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET n = n + excluded.n"
_ADD_LATENCY = "INSERT INTO latencies VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET n = n + excluded.n"


@dataclass(frozen=True, slots=True)
class StatsRow:
    """Sums over a day or a language."""

    name: str
    shown: int = 0
    endings: dict[str, int] = field(default_factory=dict)
    p50_ms: float | None = None
    p95_ms: float | None = None

    @property
    def accepted_share(self) -> float | None:
        """Of the shown ones, how many were taken whole, in part or typed out; None when none was shown."""
        taken = sum(self.endings.get(e, 0) for e in _ENDINGS[:3])
        return taken / self.shown if self.shown else None


class Stats:
    """Counts in memory, written to the file by a thread of its own now and then. Never raises, never waits."""

    def __init__(self, file: Path, today: Callable[[], datetime.date] = datetime.date.today) -> None:
        self._file = file
        self._today = today
        self._lock = threading.Lock()
        self._counts: Counter[tuple[str, str, str]] = Counter()
        self._latencies: Counter[tuple[str, str, int]] = Counter()
        self._wake = threading.Event()
        self._closing = threading.Event()
        self._thread: threading.Thread | None = None
        self._complained = False

    @classmethod
    def open(cls, file: Path | None = None) -> Stats:
        """The statistics of this user. Nothing is read or written yet."""
        return cls(file or paths().data / FILE)

    # Counting

    def shown(self, language: str, latency_ms: float) -> None:
        """A suggestion was shown, so long after it was asked for."""
        day = self._today().isoformat()
        with self._lock:
            self._counts[day, language[:40], "shown"] += 1
            self._latencies[day, language[:40], _class_of(latency_ms)] += 1
        self._schedule()

    def ended(self, language: str, ending: str) -> None:
        """A shown suggestion came to this end."""
        with self._lock:
            self._counts[self._today().isoformat(), language[:40], ending] += 1
        self._schedule()

    # Reading

    def rows(self, by: str = "language") -> list[StatsRow]:
        """Sums by `language` or `day`, and a last row over all; the newest day first."""
        if by not in ("language", "day"):
            raise ValueError(f"statistics are by language or day, not by {by}")
        self.flush()
        counts: dict[str, Counter[str]] = {}
        classes: dict[str, Counter[int]] = {}
        try:
            with closing(self._connect()) as db:
                for name, what, n in db.execute(f"SELECT {by}, what, SUM(n) FROM counts GROUP BY {by}, what"):
                    counts.setdefault(name, Counter())[what] = n
                for name, cls, n in db.execute(
                    f"SELECT {by}, class, SUM(n) FROM latencies GROUP BY {by}, class"
                ):
                    classes.setdefault(name, Counter())[cls] = n
        except (sqlite3.Error, OSError) as error:
            self._complain("read", error)
        rows = [
            _row(name, counts[name], classes.get(name, Counter()))
            for name in sorted(counts, reverse=by == "day")
        ]
        total = _row("all", sum(counts.values(), Counter()), sum(classes.values(), Counter()))
        return [*rows, total] if counts else []

    def table(self, days: int = 14) -> str:
        """For people: by language, then the last days."""
        languages = self.rows("language")
        if not languages:
            return "No suggestion has been shown yet. These statistics stay on this machine."
        head = (
            f"{'':14} {'shown':>7} "
            + " ".join(f"{e:>15}" for e in _ENDINGS)
            + f" {'taken':>6} {'p50':>8} {'p95':>8}"
        )
        lines = [head, *map(_line, languages), "", *map(_line, self.rows("day")[:-1][:days])]
        return "\n".join(lines) + f"\nKept in {self._file}, on this machine only."

    # Keeping

    def flush(self) -> None:
        """Write what is counted so far; on failure it stays in memory."""
        with self._lock:
            counts, latencies = self._counts, self._latencies
            self._counts, self._latencies = Counter(), Counter()
        if not counts and not latencies:
            return
        try:
            with closing(self._connect()) as db, db:
                db.executemany(_ADD_COUNT, [(*key, n) for key, n in counts.items()])
                db.executemany(_ADD_LATENCY, [(*key, n) for key, n in latencies.items()])
                oldest = (self._today() - datetime.timedelta(days=_KEPT_DAYS)).isoformat()
                for table in ("counts", "latencies"):
                    db.execute(f"DELETE FROM {table} WHERE day < ?", (oldest,))
        except (sqlite3.Error, OSError) as error:
            self._complain("written", error)
            with self._lock:
                self._counts.update(counts)
                self._latencies.update(latencies)

    def erase(self) -> None:
        """Forget everything, on disk too."""
        with self._lock:
            self._counts.clear()
            self._latencies.clear()
        if not self._file.exists():
            return
        try:
            with closing(self._connect()) as db:
                with db:
                    db.execute("DELETE FROM counts")
                    db.execute("DELETE FROM latencies")
                db.execute("VACUUM")
        except (sqlite3.Error, OSError) as error:
            self._complain("erased", error)

    def close(self) -> None:
        """Write the rest and end the thread."""
        self._closing.set()
        self._wake.set()
        if self._thread is not None:
            self._thread.join(timeout=5)
        self.flush()

    def _schedule(self) -> None:
        if self._thread is None and not self._closing.is_set():
            self._thread = threading.Thread(target=self._work, name="stats", daemon=True)
            self._thread.start()
        self._wake.set()

    def _work(self) -> None:
        while not self._closing.is_set():
            self._wake.wait()
            self._wake.clear()
            # Many suggestions come one after the other; write them in one go.
            self._closing.wait(_FLUSH_AFTER_S)
            self.flush()

    def _connect(self) -> sqlite3.Connection:
        db = sqlite3.connect(own_file(self._file), timeout=2.0)
        try:
            db.executescript(_SCHEMA)
        except sqlite3.Error:
            db.close()
            raise
        return db

    def _complain(self, done: str, error: Exception) -> None:
        if not self._complained:
            self._complained = True
            log.warning("Statistics in %s could not be %s: %s", self._file, done, error)


def _class_of(ms: float) -> int:
    return round(math.log(max(ms, 0.01)) / _STEP)


def _percentile(classes: Counter[int], share: float) -> float | None:
    total = sum(classes.values())
    seen = 0
    for cls in sorted(classes):
        seen += classes[cls]
        if seen >= share * total:
            return math.exp(cls * _STEP)
    return None


def _row(name: str, counts: Counter[str], classes: Counter[int]) -> StatsRow:
    endings = {e: counts[e] for e in _ENDINGS}
    return StatsRow(name, counts["shown"], endings, _percentile(classes, 0.5), _percentile(classes, 0.95))


def _line(row: StatsRow) -> str:
    share = row.accepted_share
    cells: Iterable[str] = (f"{row.endings[e]:>15}" for e in _ENDINGS)
    taken = "" if share is None else f"{share:.0%}"
    times = (("" if ms is None else f"{ms:.0f} ms") for ms in (row.p50_ms, row.p95_ms))
    return f"{row.name:14} {row.shown:>7} {' '.join(cells)} {taken:>6} " + " ".join(f"{t:>8}" for t in times)
