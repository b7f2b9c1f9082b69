"""The model's half of generate, test, fix: the next version of a file whose tests fail."""

from __future__ import annotations

from qwen_lsp.assist.actions.indentation import dedented, fitted
from qwen_lsp.assist.actions.minimal_edits import smallest_edits
from qwen_lsp.assist.actions.outcome import Reply
from qwen_lsp.assist.actions.parse_answer import code_of
from qwen_lsp.assist.actions.plan import ActionPlan
from qwen_lsp.assist.actions.prompts import Shown, prompt_for
from qwen_lsp.assist.actions.region import whole_file
from qwen_lsp.assist.actions.types import Offer, applied
from qwen_lsp.code.snapshot import Snapshot

MEND = Offer("repair", "Make the tests pass", "")


def mend_plan(snapshot: Snapshot, failures: str) -> ActionPlan:
    """The question: this file, what failed, and the whole file mended."""
    region = whole_file(snapshot)
    shown = Shown(region, dedented(region.text))
    prompt = prompt_for("repair", shown, {"output": failures})
    return ActionPlan(MEND, region, prompt, "rewrite", language=snapshot.language, drafts=(shown.code,))


def mended(plan: ActionPlan, reply: Reply) -> str:
    """The whole file as the answer has it, in its own line endings and indentation."""
    region = plan.region
    code = fitted(code_of(reply.text, region.text, cut=reply.cut).code, region.text)
    return applied(region.text, smallest_edits(region, code))
