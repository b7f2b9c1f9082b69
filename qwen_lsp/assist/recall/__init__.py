"""Suggestions from the user's own code, with no model."""

from qwen_lsp.assist.recall.recall import Recall, RecallState, Recollection

__all__ = ["Recall", "RecallState", "Recollection"]
