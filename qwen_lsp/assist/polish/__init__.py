"""Raw model text -> Polished or Rejection: small named steps, run while the model writes."""

from qwen_lsp.assist.polish.polisher import Polished, Polisher

__all__ = ["Polished", "Polisher"]
