"""Acceptance kept at home: counted, summed, bounded, erased; never in the way."""

from __future__ import annotations

import datetime
import sqlite3
import threading
from pathlib import Path

import pytest

from qwen_lsp.assist.completion.acceptance import AcceptanceTracker
from qwen_lsp.assist.suggestion import Suggestion
from qwen_lsp.code.snapshot import Edit
from qwen_lsp.paths import paths
from qwen_lsp.storage.acceptance_stats import FILE, Stats

URI = "file:///work/a.py"


class Days:
    """A calendar that the test turns."""

    def __init__(self) -> None:
        self.day = datetime.date(2026, 3, 1)

    def __call__(self) -> datetime.date:
        return self.day


def test_counts_are_summed_by_language_and_by_day(tmp_path: Path) -> None:
    days = Days()
    stats = Stats(tmp_path / "s.sqlite3", days)
    for language, ending in [("python", "accepted"), ("python", "dismissed"), ("go", "typed through")]:
        stats.shown(language, 20.0)
        stats.ended(language, ending)
    days.day += datetime.timedelta(days=1)
    stats.shown("go", 20.0)
    stats.ended("go", "partly accepted")
    by_language = {row.name: row for row in stats.rows("language")}
    assert {name: row.shown for name, row in by_language.items()} == {"go": 2, "python": 2, "all": 4}
    assert by_language["python"].accepted_share == 0.5
    assert by_language["go"].endings == {
        "accepted": 0, "partly accepted": 1, "typed through": 1, "dismissed": 0,
    }  # fmt: skip
    assert [row.name for row in stats.rows("day")] == ["2026-03-02", "2026-03-01", "all"]
    stats.close()


def test_percentiles_are_right_within_a_tenth(tmp_path: Path) -> None:
    stats = Stats(tmp_path / "s.sqlite3")
    for ms in range(1, 1001):
        stats.shown("python", float(ms))
    total = stats.rows()[-1]
    assert total.p50_ms == pytest.approx(500, rel=0.1)
    assert total.p95_ms == pytest.approx(950, rel=0.1)
    stats.close()


def test_another_process_adds_to_the_same_counts(tmp_path: Path) -> None:
    one, two = Stats(tmp_path / "s.sqlite3"), Stats(tmp_path / "s.sqlite3")
    one.shown("python", 1.0)
    two.shown("python", 1.0)
    one.close()
    two.close()
    assert Stats(tmp_path / "s.sqlite3").rows()[-1].shown == 2


def test_it_lives_with_the_users_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QWEN_LSP_HOME", str(tmp_path))
    stats = Stats.open()
    assert not paths().data.exists()
    stats.shown("python", 1.0)
    stats.close()
    assert (paths().data / FILE).is_file()


def test_erasing_leaves_nothing_on_disk(tmp_path: Path) -> None:
    file = tmp_path / "s.sqlite3"
    stats = Stats(file)
    stats.shown("klingon", 1.0)
    stats.flush()
    assert b"klingon" in file.read_bytes()
    stats.shown("klingon", 1.0)
    stats.erase()
    stats.close()
    assert b"klingon" not in file.read_bytes()
    assert stats.rows() == []


def test_days_long_past_are_dropped(tmp_path: Path) -> None:
    days = Days()
    stats = Stats(tmp_path / "s.sqlite3", days)
    stats.shown("python", 1.0)
    stats.flush()
    days.day += datetime.timedelta(days=401)
    stats.shown("go", 1.0)
    assert [row.name for row in stats.rows()] == ["go", "all"]
    stats.close()


def test_a_broken_file_never_stops_anyone(tmp_path: Path) -> None:
    file = tmp_path / "s.sqlite3"
    file.write_bytes(b"this is not a database at all" * 100)
    stats = Stats(file)
    stats.shown("python", 1.0)
    stats.ended("python", "accepted")
    assert stats.rows() == []
    assert "No suggestion" in stats.table()
    stats.erase()
    stats.close()


def test_what_could_not_be_written_is_written_later(tmp_path: Path) -> None:
    file = tmp_path / "s.sqlite3"
    stats = Stats(file)
    file.mkdir()
    stats.shown("python", 1.0)
    stats.flush()
    file.rmdir()
    assert stats.rows()[-1].shown == 1
    stats.close()


def test_counting_writes_in_a_thread_of_its_own(tmp_path: Path) -> None:
    stats = Stats(tmp_path / "s.sqlite3")
    before = set(threading.enumerate())
    for _ in range(1000):
        stats.shown("python", 5.0)
    writers = [thread for thread in threading.enumerate() if thread not in before]
    assert [writer.name for writer in writers] == ["stats"]
    stats.close()
    assert not writers[0].is_alive()


def test_the_file_holds_neither_code_nor_paths(tmp_path: Path) -> None:
    file = tmp_path / "s.sqlite3"
    stats = Stats(file)
    desk = Desk(stats)
    desk.show("secret_function()")
    stats.close()
    columns = {
        row[1]
        for table in ("counts", "latencies")
        for row in sqlite3.connect(file).execute(f"PRAGMA table_info({table})")
    }
    assert columns == {"day", "language", "what", "n", "class"}
    assert b"secret_function" not in file.read_bytes()
    assert b"/work/" not in file.read_bytes()


def test_the_table_is_for_people(tmp_path: Path) -> None:
    stats = Stats(tmp_path / "s.sqlite3")
    stats.shown("python", 80.0)
    stats.ended("python", "accepted")
    table = stats.table()
    assert "accepted" in table
    assert "100%" in table
    assert "on this machine only" in table
    stats.close()


class Desk:
    """Shows suggestions and records how they end."""

    def __init__(self, counter: Stats | None = None) -> None:
        self.counted: list[str] = []
        self.outcomes = AcceptanceTracker(counter or self)
        self.ids = 0

    def shown(self, language: str, latency_ms: float) -> None:
        self.counted.append("shown")

    def ended(self, language: str, ending: str) -> None:
        self.counted.append(ending)

    def show(self, text: str, root: str = "") -> str:
        self.ids += 1
        made = Suggestion(f"s{self.ids}", text, 0, 0)
        self.outcomes.offered(made, root or made.id, URI, "python", 12.0)
        self.outcomes.shown(made.id)
        return made.id

    def put_in(self, *texts: str) -> None:
        for text in texts:
            self.outcomes.edited(URI, Edit(0, 0, text))


def test_a_suggestion_ends_in_exactly_one_way() -> None:
    desk = Desk()
    desk.show("one")
    desk.show("two")
    desk.outcomes.over(URI)
    desk.outcomes.over(URI)
    assert desk.counted == ["shown", "dismissed", "shown", "dismissed"]


def test_an_editor_that_says_so_has_accepted() -> None:
    desk = Desk()
    name = desk.show("return value")
    desk.put_in("return value")
    desk.outcomes.accepted(name, None)
    desk.outcomes.over(URI)
    assert desk.counted == ["shown", "accepted"]


def test_an_insertion_of_the_whole_is_an_acceptance_without_being_told() -> None:
    desk = Desk()
    desk.show("return value")
    desk.put_in("return value")
    desk.outcomes.over(URI)
    assert desk.counted == ["shown", "accepted"]


def test_a_word_of_it_is_a_part() -> None:
    desk = Desk()
    desk.show("return value of all things")
    desk.put_in("return")
    desk.outcomes.over(URI)
    assert desk.counted == ["shown", "partly accepted"]


def test_key_by_key_is_typed_through_not_accepted() -> None:
    desk = Desk()
    desk.show("return value")
    desk.put_in(*"return va")
    desk.outcomes.over(URI)
    assert desk.counted == ["shown", "typed through"]


def test_what_is_left_while_typing_is_not_shown_anew() -> None:
    desk = Desk()
    root = desk.show("return value")
    desk.put_in("r")
    desk.show("eturn value", root)
    desk.outcomes.over(URI)
    assert desk.counted == ["shown", "dismissed"]


def test_several_offered_together_are_shown_once_and_the_taken_one_counts() -> None:
    desk = Desk()
    root = desk.show("return 1")
    desk.show("yield 2", root)
    desk.put_in("yield 2")
    desk.outcomes.over(URI)
    assert desk.counted == ["shown", "accepted"]


def test_taking_back_what_was_typed_ends_as_dismissed() -> None:
    desk = Desk()
    desk.show("return value")
    desk.put_in(*"return va")
    desk.outcomes.edited(URI, Edit(0, 9, ""))
    desk.outcomes.over(URI)
    assert desk.counted == ["shown", "dismissed"]
