"""How far a build is, in memory and in a small file that a second waiting process reads."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class BuildProgress:
    """What the builder does now, how much of all is done (0..1), and how long it will take."""

    step: str
    share: float
    seconds_left: float | None


def write_progress(file: Path, progress: BuildProgress) -> None:
    """Replace the file at once, so that a reader never sees half of it."""
    draft = file.with_name(f"{file.name}.{os.getpid()}")
    draft.write_text(json.dumps(asdict(progress)), "utf-8")
    draft.replace(file)


def read_progress(file: Path) -> BuildProgress | None:
    """What the builder said last; None when it has said nothing (readable) yet."""
    try:
        said = json.loads(file.read_text("utf-8"))
        return BuildProgress(str(said["step"]), float(said["share"]), said["seconds_left"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
