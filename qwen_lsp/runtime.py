"""The only wiring: settings -> engine -> assistant. Language server, page and command line all begin here."""

from __future__ import annotations

from dataclasses import dataclass, field

from qwen_lsp.assist.suggestion import SuggestionTrace
from qwen_lsp.engine.base import Engine
from qwen_lsp.metrics import Ring
from qwen_lsp.settings import Settings


@dataclass(slots=True)
class Services:
    """What the host and the page share in one process."""

    settings: Settings
    engine: Engine
    traces: Ring[SuggestionTrace] = field(default_factory=Ring)
