"""Code from other files of the workspace for the prompt; never from secrets or ignored files."""

from qwen_lsp.assist.context.context import Context
from qwen_lsp.assist.context.sources import Snippet

__all__ = ["Context", "Snippet"]
