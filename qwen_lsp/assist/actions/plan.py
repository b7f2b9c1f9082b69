"""The rules that make an action's plan: the region, what the model is asked about it, what its answer is for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from qwen_lsp.assist.actions.indentation import dedented
from qwen_lsp.assist.actions.offers import comment_here, instruction_in_comment, without_instruction
from qwen_lsp.assist.actions.prompts import fenced, fill, prompt_for
from qwen_lsp.assist.actions.region import (
    Region,
    definition_around,
    lines,
    region_around,
    region_for,
    selected_lines,
    short_file,
    whole_file,
)
from qwen_lsp.assist.actions.spec import ActionPlan, PlanContext, Read, Use
from qwen_lsp.assist.actions.test_location import TestPlace, place_for_tests
from qwen_lsp.assist.actions.types import ActionRequest, Problem
from qwen_lsp.code.languages import LANGUAGES, language
from qwen_lsp.errors import ActionRefused

_MOST_EXISTING_CHARS = 6_000
"""Of a test file that new tests are added to, its end."""
_MORE_TESTS = (
    "Write more tests for this code with {framework}, to be added at the end of this test file:\n{existing}\n"
    "Answer with only the new tests in one fenced block."
)


def rewrite(context: PlanContext) -> ActionPlan:
    """The selection or the definition around the cursor, written anew."""
    region = _region(context.request)
    return _plan(context, region, {"documentation": language(region.snapshot.language).documentation})


def explain(context: PlanContext) -> ActionPlan:
    """Text about the region."""
    return _plan(context, _region(context.request), use="show")


def review(context: PlanContext) -> ActionPlan:
    """Findings in the selection or in the whole file."""
    return _plan(context, _selected_or_all(context.request), use="review")


def fix(context: PlanContext) -> ActionPlan:
    """The code around one problem."""
    number, problems = context.offer.problem, context.request.problems
    if number is None or not 0 <= number < len(problems):
        raise ActionRefused("This problem is no longer there.")
    problem = problems[number]
    region = region_around(context.request.snapshot, problem.start, problem.end)
    return _plan(context, region, {"problems": _listed(region, [problem])})


def fix_all(context: PlanContext) -> ActionPlan:
    """The code around all problems at the place."""
    request = context.request
    if not request.problems:
        raise ActionRefused("There is no problem here to fix.")
    start = min(min(p.start for p in request.problems), request.start)
    end = max(max(p.end for p in request.problems), request.end)
    region = definition_around(request.snapshot, start, end) or selected_lines(request.snapshot, start, end)
    return _plan(context, region, {"problems": _listed(region, request.problems)})


def extract(context: PlanContext) -> ActionPlan:
    """The definition that holds the selected lines."""
    request = context.request
    selected = selected_lines(request.snapshot, request.start, request.end)
    if request.end <= request.start or not selected.text.strip():
        raise ActionRefused("Select the lines that should become a function.")
    region = definition_around(request.snapshot, selected.start, max(selected.start, selected.end - 1))
    region = region or short_file(request.snapshot) or selected
    return _plan(context, region, {"selection": fenced(dedented(selected.text), request.snapshot.language)})


def complete(context: PlanContext) -> ActionPlan:
    """New code below a comment."""
    snapshot = context.request.snapshot
    found = comment_here(snapshot, context.request.start)
    if found is None:
        raise ActionRefused("There is no comment at the cursor to write code from.")
    region = lines(snapshot, *found)
    return _plan(context, region, {"comment": dedented(region.text)}, use="below")


def translate(context: PlanContext) -> ActionPlan:
    """A new file in another language; text to read when the document has no path."""
    request, target = context.request, LANGUAGES.get(context.offer.detail)
    if target is None:
        raise ActionRefused(f"There is no translation to '{context.offer.detail}'.")
    source = request.snapshot.path
    path = _free(_named(source, target.ending, target.id), context.read) if source is not None else None
    use: Use = "file" if path is not None else "show"
    region = _selected_or_all(request)
    return _plan(context, region, {"target": target.name}, use=use, path=path, language_id=target.id)


def tests(context: PlanContext) -> ActionPlan:
    """A new test file, or more tests at the end of the one that is there."""
    request = context.request
    source = request.snapshot.path
    if source is None:
        raise ActionRefused("Save the file first: its place decides where the tests go.")
    place = place_for_tests(source, request.snapshot.language, request.roots, context.read)
    region = region_for(request.snapshot, request.start, request.end) or whole_file(request.snapshot)
    fields = {"framework": place.framework, "place": place.reach}
    existing = context.read(place.path)
    if existing is None and place.path.exists():
        raise ActionRefused(f"{place.path.name} is there but cannot be read.")
    if existing and existing.strip():
        return _more_tests(context, region, place, existing, fields)
    return _plan(context, region, fields, use="file", path=place.path)


def repair(context: PlanContext) -> ActionPlan:
    """The whole file, so that its tests pass; what they said is the request's instruction."""
    output = context.request.instruction
    if not output:
        raise ActionRefused("No test has failed yet.")
    return _plan(context, whole_file(context.request.snapshot), {"output": output})


def instruct(context: PlanContext) -> ActionPlan:
    """What the user asks for, typed or in a `qwen:` comment."""
    request = context.request
    typed = request.instruction.strip()
    instruction = typed or instruction_in_comment(request.snapshot, request.start, request.end)
    if not instruction:
        raise ActionRefused(
            "Say what to do: in a comment that begins with 'qwen:', or with qwen_lsp.instruct."
        )
    region = _region(request)
    code = dedented(region.text)
    code = code if typed else without_instruction(code)
    return _plan(context, region, {"instruction": instruction}, code=code)


def custom(context: PlanContext) -> ActionPlan:
    """An action of the user's own, which names the code where it wants it."""
    snapshot = context.request.snapshot
    region = _region(context.request)
    fields = {
        "code": fenced(dedented(region.text), snapshot.language),
        "language": language(snapshot.language).name,
        "path": str(snapshot.path or snapshot.uri),
    }
    return _plan(context, region, fields, use="show" if context.spec.ends_in == "text" else "rewrite")


def _plan(
    context: PlanContext,
    region: Region,
    fields: Mapping[str, str] | None = None,
    *,
    use: Use = "rewrite",
    task: str = "",
    code: str | None = None,
    path: Path | None = None,
    language_id: str = "",
) -> ActionPlan:
    """The plan that asks for the spec's task (or another) about a region."""
    shown = dedented(region.text) if code is None else code
    prompt = prompt_for(region, shown, fill(task or context.spec.task, fields or {}))
    return ActionPlan(
        context.spec,
        context.offer,
        region,
        prompt,
        use,
        path,
        language_id or region.snapshot.language,
        drafts=(shown,) if use == "rewrite" else (),
    )


def _region(request: ActionRequest) -> Region:
    found = region_for(request.snapshot, request.start, request.end)
    if found is None:
        raise ActionRefused("There is no definition around the cursor. Select the code that is meant.")
    return found


def _selected_or_all(request: ActionRequest) -> Region:
    if request.end > request.start:
        return selected_lines(request.snapshot, request.start, request.end)
    return whole_file(request.snapshot)


def _listed(region: Region, problems: Sequence[Problem]) -> str:
    """The problems, one a line, with lines counted from 1 inside the region and the code they are at."""
    snapshot, rows = region.snapshot, []
    top = snapshot.line_of(region.start)
    for problem in problems:
        line = snapshot.line_of(problem.start)
        code = snapshot.line_text(line).strip()
        rows.append(f"- line {line - top + 1}, `{code}`: {' '.join(problem.message.split())}")
    return "\n".join(rows)


def _named(source: Path, ending: str, target: str) -> Path:
    """The translated file beside its source; a Java file is named as its class."""
    stem = source.stem
    if target == "java":
        stem = "".join(part[:1].upper() + part[1:] for part in stem.replace("-", "_").split("_")) or stem
    return source.with_name(stem + ending)


def _free(path: Path, read: Read) -> Path:
    """The path, with a number when a file is there already."""
    candidate, number = path, 2
    while candidate.exists() or read(candidate) is not None:
        candidate = path.with_name(f"{path.stem}_{number}{path.suffix}")
        number += 1
    return candidate


def _more_tests(
    context: PlanContext, region: Region, place: TestPlace, existing: str, fields: Mapping[str, str]
) -> ActionPlan:
    in_file = place.path == context.request.snapshot.path
    shown = (
        place.reach
        if in_file
        else fenced(existing[-_MOST_EXISTING_CHARS:], context.request.snapshot.language)
    )
    fields = {**fields, "existing": shown}
    return _plan(context, region, fields, use="append", task=_MORE_TESTS, path=place.path)
