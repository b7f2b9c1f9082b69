"""Special tokens by their spelling, in one place: Qwen's own, and those that tell other families."""

from __future__ import annotations

import re

# In the real model's order; True: hidden when text is decoded for people.
QWEN_TOKENS: tuple[tuple[str, bool], ...] = (
    ("<|endoftext|>", True),
    ("<|im_start|>", True),
    ("<|im_end|>", True),
    ("<|object_ref_start|>", True),
    ("<|object_ref_end|>", True),
    ("<|box_start|>", True),
    ("<|box_end|>", True),
    ("<|quad_start|>", True),
    ("<|quad_end|>", True),
    ("<|vision_start|>", True),
    ("<|vision_end|>", True),
    ("<|vision_pad|>", True),
    ("<|image_pad|>", True),
    ("<|video_pad|>", True),
    ("<tool_call>", False),
    ("</tool_call>", False),
    ("<|fim_prefix|>", False),
    ("<|fim_middle|>", False),
    ("<|fim_suffix|>", False),
    ("<|fim_pad|>", False),
    ("<|repo_name|>", False),
    ("<|file_sep|>", False),
    ("<tool_response>", False),
    ("</tool_response>", False),
    ("<think>", False),
    ("</think>", False),
)
QWEN_FIM = ("<|fim_prefix|>", "<|fim_suffix|>", "<|fim_middle|>")
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
QWEN_MARKERS = re.compile("(" + "|".join(map(re.escape, QWEN_ENDINGS)) + ")")
"""Those that clients spell in a raw prompt and mean as tokens."""


def call_opening(tool: str | None) -> str:
    """How Qwen3-Coder begins to call this tool, "" for any; the markers in it are meant as tokens."""
    if tool is None:
        return ""
    return f"<tool_call>\n<function={tool}>\n" if tool else "<tool_call>\n<function="


FIM_FAMILY_BY_TOKEN = (
    (QWEN_FIM[0], "qwen"),
    ("<fim_prefix>", "starcoder"),
    ("<｜fim▁begin｜>", "deepseek"),
)
"""A model whose vocabulary has this as one token was trained to fill holes, whatever it is called."""
STARTER_MARK = "qwen_lsp_starter"
"""The entry of a model's config.json that says it is the starter."""
