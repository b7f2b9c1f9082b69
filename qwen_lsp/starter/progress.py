"""How far a build is, in memory and in a small file that a second waiting process reads."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from qwen_lsp.paths import write_atomically


@dataclass(frozen=True, slots=True)
class BuildProgress:
    """What the builder does now, how much of all is done (0..1), and how long it will take."""

    step: str
    share: float
    seconds_left: float | None


def write_progress(file: Path, progress: BuildProgress) -> None:
    """Replace the file at once, so that a reader never sees half of it."""
    write_atomically(file, json.dumps(asdict(progress)))


def read_progress(file: Path) -> BuildProgress | None:
    """What the builder said last; None when it has said nothing (readable) yet."""
    try:
        said = json.loads(file.read_text("utf-8"))
        return BuildProgress(str(said["step"]), float(said["share"]), said["seconds_left"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
