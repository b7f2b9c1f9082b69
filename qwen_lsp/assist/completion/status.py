"""The assistant's status: engine, last suggestion, why nothing was shown."""

from __future__ import annotations

from dataclasses import dataclass, field

from qwen_lsp.assist.suggestion import SuggestionTrace
from qwen_lsp.engine.request import EngineInfo


@dataclass(frozen=True, slots=True)
class AssistantStatus:
    """Plain values."""

    engine: EngineInfo | None = None
    """As it was last seen; None before the first question."""
    last: SuggestionTrace | None = None
    """The last request: source, counts and times."""
    silence: str = ""
    """Why the last request showed nothing; empty when something was shown."""
    check: str = "not yet"
    """The self-check: not yet, passed, not possible, or what is wrong."""
    response_ms: float | None = None
    """Mean time of the engine for a suggestion."""
    anchors: int = 0
    known_suggestions: int = 0
    prefetched: int = 0
    warmed_tokens: int = 0
    dropped_idle_work: int = 0
    counts: dict[str, int] = field(default_factory=dict)
    """How many answers by source, and silences."""
    indexed: bool = True
    """Whether the workspace has been read."""
    recall: str = ""
    """How far the index of the user's own code is."""
