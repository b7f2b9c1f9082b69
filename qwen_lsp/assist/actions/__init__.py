"""Code actions: offers from cheap facts, prompts, and answers made into the smallest edits."""

from qwen_lsp.assist.actions.actions import Actions, offers_here
from qwen_lsp.assist.actions.types import (
    ActionProgress,
    ActionRequest,
    EditOutcome,
    FileEdit,
    Finding,
    FindingsOutcome,
    Offer,
    Outcome,
    Problem,
    Report,
    ShowOutcome,
    applied,
)

__all__ = [
    "ActionProgress",
    "ActionRequest",
    "Actions",
    "EditOutcome",
    "FileEdit",
    "Finding",
    "FindingsOutcome",
    "Offer",
    "Outcome",
    "Problem",
    "Report",
    "ShowOutcome",
    "applied",
    "offers_here",
]  # fmt: skip
