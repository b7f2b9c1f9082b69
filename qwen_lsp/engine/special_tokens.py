"""The special tokens of Qwen's models by their spelling."""

from __future__ import annotations

QWEN_ENDINGS = (
    "<|endoftext|>",
    "<|im_start|>",
    "<|im_end|>",
    "<|fim_prefix|>",
    "<|fim_middle|>",
    "<|fim_suffix|>",
    "<|fim_pad|>",
    "<|repo_name|>",
    "<|file_sep|>",
)
"""Whichever of these comes, a filled-in middle has ended."""
