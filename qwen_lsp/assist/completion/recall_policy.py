"""When suggestions from the user's own code come before the model, and when instead of it. Pure."""

from __future__ import annotations

from typing import Literal

from qwen_lsp.engine.request import EngineInfo

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
