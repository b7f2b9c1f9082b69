"""How good are the suggestions? Holes in real files, filled through the real assistant and measured."""

from qwen_lsp.evaluation.evaluate import EvaluationOptions, evaluate
from qwen_lsp.evaluation.report import HoleResult, Report, compare, load

__all__ = ["EvaluationOptions", "HoleResult", "Report", "compare", "evaluate", "load"]
