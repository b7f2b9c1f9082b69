"""A suggestion from the user's own code: when it comes before the model, when instead of it, and how it is made."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from qwen_lsp.assist.completion.engine_call import MakePolisher
from qwen_lsp.assist.completion.generate import PolishedLike
from qwen_lsp.assist.completion.target import CompletionTarget
from qwen_lsp.assist.completion.trace_builder import TraceBuilder
from qwen_lsp.assist.completion.trigger import Triggered
from qwen_lsp.assist.suggestion import Rejection
from qwen_lsp.engine.request import EngineInfo
from qwen_lsp.settings import Settings

if TYPE_CHECKING:
    from qwen_lsp.assist.recall import Recall, Recollection

VERY_SURE = 0.9
"""Right nine times out of ten: then a cautious user need not wait for a model."""
SLOW_MS = 1_200.0
"""A remote engine that takes longer than this for an answer is no help while typing."""

Mode = Literal["off", "cautious", "eager"]


def least_confidence(
    mode: Mode, info: EngineInfo, response_ms: float | None, threshold: float
) -> float | None:
    """How sure recall must be to answer before the engine; None: it does not answer; 0: as sure as it finds right.

    Recall itself offers only what is right as often as `threshold` asks, on this workspace, taken together.
    """
    if mode == "off":
        return None
    if mode == "eager" or not answers_well(info, response_ms):
        return 0.0
    return max(threshold, VERY_SURE)


def answers_well(info: EngineInfo, response_ms: float | None) -> bool:
    """Whether a real model answers, soon enough to type along with."""
    if info.state != "ready" or info.is_starter or info.kind in ("none", "demo"):
        return False
    return info.kind != "remote" or response_ms is None or response_ms < SLOW_MS


class RecallCall:
    """Has recall fill a target; without recall it finds nothing."""

    def __init__(self, recall: Recall | None, settings: Settings, make_polisher: MakePolisher) -> None:
        self._recall, self._settings, self._make_polisher = recall, settings, make_polisher

    def find(
        self,
        target: CompletionTarget,
        triggered: Triggered,
        info: EngineInfo | None,
        response_ms: float | None,
        trace: TraceBuilder,
    ) -> tuple[Recollection, PolishedLike] | None:
        """What was recalled, and that post-processed, when it may come before this engine; without one (None) always."""
        settings = self._settings.recall
        if self._recall is None or settings.mode == "off":
            return None
        least: float | None = 0.0
        if info is not None:
            least = least_confidence(settings.mode, info, response_ms, settings.threshold)
        if least is None:
            return None
        found = self._recall.suggest(target.snapshot, target.cursor, multiline=triggered.multiline)
        if found is None or found.confidence < least:
            return None
        polisher = self._make_polisher(
            target.snapshot, target.cursor, self._settings.suggest, triggered.multiline
        )
        polisher.feed(found.text)
        result = polisher.result()
        if isinstance(result, Rejection):
            trace.extra["recall"] = str(result)
            return None
        return found, result
