"""Code actions: offers from cheap facts, prompts, and answers made into the smallest edits."""

from qwen_lsp.assist.actions.actions import Actions, offers_here
from qwen_lsp.assist.actions.types import (
    ActionAsk,
    EditOutcome,
    FileEdit,
    Finding,
    FindingsOutcome,
    Offer,
    Outcome,
    Problem,
    Progress,
    Report,
    ShowOutcome,
    applied,
)

__all__ = [
    "ActionAsk", "Actions", "EditOutcome", "FileEdit", "Finding", "FindingsOutcome", "Offer", "Outcome", "Problem",
    "Progress", "Report", "ShowOutcome", "applied", "offers_here",
]  # fmt: skip
