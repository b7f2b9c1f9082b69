"""Requests and outcomes of code actions. Frozen values; offsets are code points of the snapshot."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from qwen_lsp.code.snapshot import Edit, Snapshot

Severity = Literal["error", "warning", "information", "hint"]
Ending = Literal["edits", "text", "findings", "rounds"]
"""What an action ends in: edits, text to read, diagnostics, or rounds of running tests."""


@dataclass(frozen=True, slots=True)
class Problem:
    """A diagnostic the editor shows."""

    start: int
    end: int
    message: str
    severity: Severity = "error"
    source: str = ""


@dataclass(frozen=True, slots=True)
class ActionRequest:
    """A selection (start..end; both the cursor when nothing is selected) and the problems known there."""

    snapshot: Snapshot
    start: int
    end: int
    problems: tuple[Problem, ...] = ()
    roots: tuple[Path, ...] = ()
    instruction: str = ""
    """What the user typed, for the actions that need it; what the tests said, for a repair."""


@dataclass(frozen=True, slots=True)
class Offer:
    """One action that could be done here. `id` and `detail` say which; the request says where."""

    id: str
    """The id of its ActionSpec."""
    title: str
    kind: str
    """The LSP kind: quickfix, refactor.rewrite, ..."""
    detail: str = ""
    """The target language of a translation."""
    problem: int | None = None
    """Which problem of the request this fixes."""
    preferred: bool = False
    disabled: str = ""
    """Why it cannot be done here; empty: it can."""
    ends_in: Ending = "edits"
    makes_file: bool = False
    """Its edits may create a file."""


@dataclass(frozen=True, slots=True)
class ActionProgress:
    """How far an action is: `share` 0..1 when it can be known."""

    message: str
    share: float | None = None


Report = Callable[[ActionProgress], None]


@dataclass(frozen=True, slots=True)
class FileEdit:
    """Edits of one document; or a new file, whose one edit holds all its text."""

    uri: str
    base: Snapshot | None
    """What the edits' offsets are of (version below 0: a file that is not open); None: the file is created."""
    edits: tuple[Edit, ...]


@dataclass(frozen=True, slots=True)
class EditOutcome:
    """Text edits to apply, all or none."""

    title: str
    files: tuple[FileEdit, ...]
    needs_confirmation: str = ""
    """Why the user should look before this is applied; empty: apply."""
    note: str = ""
    """What the model said beside the code, when the action asks for it (the risks of a migration)."""
    name: str = ""
    """A new name in the edits which the user may want to change at once (snippet edits)."""


@dataclass(frozen=True, slots=True)
class ShowOutcome:
    """Markdown to read."""

    title: str
    markdown: str


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing a review found."""

    start: int
    end: int
    severity: Severity
    message: str
    fix: str = ""
    area: Literal["quality", "security"] = "quality"


@dataclass(frozen=True, slots=True)
class FindingsOutcome:
    """What a review found, for the version it read."""

    snapshot: Snapshot
    findings: tuple[Finding, ...]


Outcome = EditOutcome | ShowOutcome | FindingsOutcome


def applied(text: str, edits: Iterable[Edit]) -> str:
    """`text` with edits of this version applied; they are in order and do not overlap."""
    pieces: list[str] = []
    at = 0
    for edit in edits:
        pieces += text[at : edit.start], edit.text
        at = edit.end
    return "".join(pieces) + text[at:]
