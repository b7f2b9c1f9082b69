"""Records of what happened: kept in a ring, summed, written as JSON lines when asked."""

from __future__ import annotations

import dataclasses
import json
import threading
from collections import Counter, deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

Record = TypeVar("Record")


class Ring(Generic[Record]):
    """The last `size` records (dataclass instances); any thread may add."""

    def __init__(self, size: int = 2048, file: Path | None = None) -> None:
        self._records: deque[Record] = deque(maxlen=size)
        self._lock = threading.Lock()
        self._file = file
        self.counts: Counter[str] = Counter()

    def add(self, record: Record, *counters: str, sums: Mapping[str, int] | None = None) -> None:
        """Keep a record, count it under each name, add up the sums, and append it to the trace file, if any."""
        with self._lock:
            self._records.append(record)
            self.counts.update(counters)
            self.counts.update(sums or {})
            if self._file is not None:
                with self._file.open("a", encoding="utf-8") as out:
                    out.write(json.dumps(as_json(record), ensure_ascii=False) + "\n")

    def last(self, count: int = 100) -> list[Record]:
        """The newest records, oldest first."""
        with self._lock:
            return list(self._records)[-count:]


@dataclass(frozen=True, slots=True)
class RequestTrace:
    """One request of an engine, when it is over. Counts are tokens."""

    at_s: float
    """When it ended, seconds since the epoch"""
    lane: str
    model: str
    prompt_tokens: int
    cached_tokens: int
    prefilled_tokens: int
    generated_tokens: int
    queue_ms: float
    first_token_ms: float | None
    total_ms: float
    finish: str
    """stop, length, abort or error"""
    error: str = ""
    id: str = ""


def as_json(record: Any) -> dict[str, Any]:
    """A dataclass record as a plain dictionary."""
    return dataclasses.asdict(record)


def percentile(values: Iterable[float], share: float) -> float | None:
    """The value below which `share` (0..1) of the values lie (nearest rank); None when there are none."""
    ordered = sorted(values)
    if not ordered:
        return None
    return ordered[min(len(ordered) - 1, max(0, round(share * (len(ordered) - 1))))]
