"""Every action, one row each, in the order in which editors list them. A new action is a row here."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from qwen_lsp.assist.actions import offers as offer
from qwen_lsp.assist.actions import plan
from qwen_lsp.assist.actions.spec import ActionPlan, ActionSpec, PlanContext, Read
from qwen_lsp.assist.actions.types import ActionRequest, Offer
from qwen_lsp.errors import ActionRefused

_REWRITE = "refactor.rewrite"
_WHOLE = "Answer with the whole code in one fenced block."


def _rewrite(id: str, title: str, task: str, *, only_documents: bool = False) -> ActionSpec:
    """A rewrite of the selection or of the definition around the cursor."""
    return ActionSpec(
        id=id,
        title=title,
        kind=f"{_REWRITE}.{id}",
        task=f"{task} {_WHOLE}",
        offered=offer.always,
        plan=plan.rewrite,
        only_documents=only_documents,
    )


CATALOGUE: tuple[ActionSpec, ...] = (
    ActionSpec(
        id="fix",
        title="Fix: {problem}",
        kind="quickfix",
        task=f"Fix this problem and nothing else:\n{{problems}}\n{_WHOLE}",
        offered=offer.for_each_problem,
        plan=plan.fix,
        only_code=False,
    ),
    ActionSpec(
        id="fix-all",
        title="Fix all {count} problems here",
        kind="quickfix",
        task=f"Fix this problem and nothing else:\n{{problems}}\n{_WHOLE}",
        offered=offer.for_several_problems,
        plan=plan.fix_all,
        only_code=False,
    ),
    ActionSpec(
        id="explain",
        title="Explain {what}",
        kind="qwen_lsp.explain",
        task="Explain this code.",
        offered=offer.always,
        plan=plan.explain,
        ends_in="text",
        only_code=False,
    ),
    _rewrite(
        "document",
        "Document",
        "Document this code with {documentation}. Change nothing else.",
        only_documents=True,
    ),
    ActionSpec(
        id="types",
        title="Add types",
        kind=f"{_REWRITE}.types",
        task=f"Add the missing type annotations. Change nothing else. {_WHOLE}",
        offered=offer.where_types_are_optional,
        plan=plan.rewrite,
    ),
    _rewrite("simplify", "Simplify", "Make this code simpler. It must do exactly the same."),
    _rewrite(
        "rename",
        "Rename for clarity",
        "Give unclear local names clearer ones. Names used from outside stay.",
    ),
    _rewrite("errors", "Handle errors", "Handle the errors that can happen here, in the way of this code."),
    _rewrite("optimise", "Optimise", "Make this code faster. Its results must stay the same."),
    ActionSpec(
        id="extract",
        title="Extract function",
        kind="refactor.extract.function",
        task=f"Move these lines into a well-named function of their own and call it:\n{{selection}}\n{_WHOLE}",
        offered=offer.of_a_selection,
        plan=plan.extract,
        names_function=True,
    ),
    ActionSpec(
        id="tests",
        title="Generate tests",
        kind="qwen_lsp.tests",
        task="Write tests for this code with {framework}. {place} Answer with the whole test file in one fenced block.",
        offered=offer.always,
        plan=plan.tests,
        makes_file=True,
    ),
    ActionSpec(
        id="repair",
        title="Make the tests pass",
        kind="qwen_lsp.tests.pass",
        task=f"These tests fail:\n{{output}}\nMend the code, not the tests. {_WHOLE}",
        offered=offer.always,
        plan=plan.repair,
        ends_in="rounds",
    ),
    ActionSpec(
        id="complete",
        title="Complete from comment",
        kind=f"{_REWRITE}.complete",
        task="Write the code that this comment asks for; it will stand right below the comment:\n{comment}\n"
        "Answer with only the new code in one fenced block, without the comment.",
        offered=offer.at_a_comment,
        plan=plan.complete,
    ),
    ActionSpec(
        id="translate",
        title="Translate to {target}",
        kind="qwen_lsp.translate",
        task="Translate this code to {target}, in the manner of {target} programmers. "
        "Answer with the whole {target} file in one fenced block.",
        offered=offer.for_each_language,
        plan=plan.translate,
        makes_file=True,
    ),
    ActionSpec(
        id="review",
        title="Review {what}",
        kind="qwen_lsp.review",
        task="Review this code for faults of quality and security. Lines are counted from 1. "
        "Answer with a JSON array in one fenced block; each element has line, end_line, "
        'severity ("error", "warning" or "information"), area ("quality" or "security"), message and fix. '
        "An empty array when nothing is wrong.",
        offered=offer.always,
        plan=plan.review,
        ends_in="findings",
    ),
    ActionSpec(
        id="instruct",
        title="Do: {instruction}",
        kind=f"{_REWRITE}.instruct",
        task=f"{{instruction}} {_WHOLE}",
        offered=offer.with_an_instruction("Custom instruction …"),
        plan=plan.instruct,
        only_code=False,
    ),
    ActionSpec(
        id="migrate",
        title="Migrate: {instruction}",
        kind=f"{_REWRITE}.migrate",
        task="Migrate this code: {instruction}\nAnswer with the whole code in one fenced block, and after it a list of "
        "the risks to check, one line each, beginning with '- '.",
        offered=offer.with_an_instruction("Migrate …"),
        plan=plan.instruct,
        is_draft=True,
    ),
)
BY_ID: Mapping[str, ActionSpec] = {spec.id: spec for spec in CATALOGUE}


def offers(request: ActionRequest, custom: Iterable[ActionSpec] = ()) -> list[Offer]:
    """What can be done here, the likeliest first. Reads only the selection and the lines at its ends."""
    if not request.snapshot.text.strip():
        return []
    specs = [spec for spec in (*CATALOGUE, *custom) if spec.fits(request.snapshot.language)]
    return [found for spec in specs for found in spec.offered(spec, request)]


def plan_for(
    offer: Offer, request: ActionRequest, read: Read, custom: Iterable[ActionSpec] = ()
) -> ActionPlan:
    """The plan of an offer; raises ActionRefused when it cannot be done here."""
    spec = next((spec for spec in (*CATALOGUE, *custom) if spec.id == offer.id), None)
    if spec is None:
        raise ActionRefused(f"There is no action '{offer.id}'.")
    if not request.snapshot.text.strip():
        raise ActionRefused("The file is empty.")
    return spec.plan(PlanContext(spec, offer, request, read))
