"""Completion requests and results, suggestions and their traces. Frozen values; no logic."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from qwen_lsp.code.snapshot import Snapshot

Source = Literal["engine", "typed-through", "prefetched", "recall", "none"]


@dataclass(frozen=True, slots=True)
class CompletionRequest:
    """A suggestion is wanted at `cursor` (an offset in code points) of this snapshot."""

    snapshot: Snapshot
    cursor: int
    manual: bool = False
    """Requested by key: no debounce, fewer reasons to show nothing, several alternatives."""
    selected: str | None = None
    """Text of the item highlighted in the editor's completion list, replacing `selected_start`..cursor;
    a suggestion must begin with it."""
    selected_start: int | None = None
    selection: bool = False
    """Something is selected."""
    session: str = ""
    """The editor window and document it is for; a newer request of the same session supersedes it."""


@dataclass(frozen=True, slots=True)
class SourceLocation:
    """Where in the user's code a suggestion was found."""

    uri: str
    line: int


@dataclass(frozen=True, slots=True)
class Suggestion:
    """Text to put in place of start..end (offsets; both the cursor unless a closer is swallowed).

    `text` has \\n line ends whatever the file has. start..end lies on one line.
    """

    id: str
    text: str
    start: int
    end: int
    source: Source = "engine"
    confidence: float | None = None
    places: tuple[SourceLocation, ...] = ()


@dataclass(frozen=True, slots=True)
class Rejection:
    """Nothing is shown. `reason` is the short name of the rule that says so; `detail` a few words more."""

    reason: str
    detail: str = ""

    def __str__(self) -> str:
        return f"{self.reason}: {self.detail}" if self.detail else self.reason


@dataclass(frozen=True, slots=True)
class CompletionResult:
    """What to show, best first; when empty, `reason` says why."""

    suggestions: tuple[Suggestion, ...] = ()
    reason: str = ""
    trace: SuggestionTrace | None = None
    failure: str = ""
    """The engine's own sentence when it failed; the reason says so too."""


@dataclass(frozen=True, slots=True)
class SuggestionTrace:
    """The record every suggestion leaves. Times in ms inside this process; counts in tokens."""

    at_s: float
    """Unix time."""
    source: Source
    reason: str = ""
    uri: str = ""
    language: str = ""
    manual: bool = False
    prompt_tokens: int = 0
    cached_tokens: int = 0
    prefilled_tokens: int = 0
    generated_tokens: int = 0
    debounce_ms: float = 0.0
    queue_ms: float = 0.0
    first_token_ms: float | None = None
    total_ms: float = 0.0
    shown_chars: int = 0
    extra: dict[str, float | str] = field(default_factory=dict)
