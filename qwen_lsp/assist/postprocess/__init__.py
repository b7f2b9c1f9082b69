"""Raw model text -> Polished or Rejection: small named steps, run while the model writes."""

from qwen_lsp.assist.postprocess.polisher import Polished, Polisher

__all__ = ["Polished", "Polisher"]
