"""A diary that another process keeps: one JSON object on a line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any


def read_diary(file: Path) -> list[dict[str, Any]]:
    """Its entries so far; a line that is just being written is left for the next look."""
    if not file.exists():
        return []
    whole, _, _ = file.read_text("utf-8").rpartition("\n")
    return [json.loads(line) for line in whole.split("\n") if line]


def told(file: Path, event: str) -> list[dict[str, Any]]:
    """The entries of one kind."""
    return [entry for entry in read_diary(file) if entry["event"] == event]


def pids(settings: list[dict[str, Any]]) -> list[int]:
    """The servers that were told their settings, in the order in which they came."""
    return list(dict.fromkeys(entry["pid"] for entry in settings))
