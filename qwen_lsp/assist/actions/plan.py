"""From an offer and an ask to a plan: what the model is asked, and what its answer is for. Asks nobody."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from qwen_lsp.assist.actions.custom_actions import CustomAction
from qwen_lsp.assist.actions.indentation import dedented
from qwen_lsp.assist.actions.offers import comment_here, wanted_words, without_wanted_words
from qwen_lsp.assist.actions.prompts import Shown, chat, fenced, fill, prompt_for
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
from qwen_lsp.assist.actions.test_location import Read, TestPlace, place_for_tests
from qwen_lsp.assist.actions.types import ActionRequest, Offer, Problem
from qwen_lsp.code.languages import LANGUAGES, language
from qwen_lsp.engine.request import ChatPrompt
from qwen_lsp.errors import ActionRefused

Use = Literal["rewrite", "below", "file", "append", "show", "review"]


@dataclass(frozen=True, slots=True)
class ActionPlan:
    """One question to the model. `use` says what becomes of the answer."""

    offer: Offer
    region: Region
    prompt: ChatPrompt
    use: Use
    path: Path | None = None
    """The file to write, for file and append."""
    language: str = ""
    """The language of the answer's code."""
    drafts: tuple[str, ...] = ()

    @property
    def writes_all(self) -> bool:
        """The answer repeats the region, so it is about as long."""
        return self.use == "rewrite"


@dataclass(frozen=True, slots=True)
class _Around:
    offer: Offer
    ask: ActionRequest
    custom: Sequence[CustomAction]
    read: Read


def plan_for(offer: Offer, ask: ActionRequest, custom: Sequence[CustomAction], read: Read) -> ActionPlan:
    """The plan of an offer; raises ActionRefused when it cannot be done here."""
    if not ask.snapshot.text.strip():
        raise ActionRefused("The file is empty.")
    make = _PLANS.get(offer.id, _rewrite)
    return make(_Around(offer, ask, custom, read))


def _region(ask: ActionRequest) -> Region:
    found = region_for(ask.snapshot, ask.start, ask.end)
    if found is None:
        raise ActionRefused("There is no definition around the cursor. Select the code that is meant.")
    return found


def _asked(
    around: _Around,
    task: str,
    region: Region,
    words: Mapping[str, str],
    use: Use,
    path: Path | None = None,
    to: str = "",
) -> ActionPlan:
    shown = Shown(region, dedented(region.text))
    spoken = to or region.snapshot.language
    drafts = (shown.code,) if use == "rewrite" else ()
    return ActionPlan(around.offer, region, prompt_for(task, shown, words), use, path, spoken, drafts)


def _rewrite(around: _Around) -> ActionPlan:
    region = _region(around.ask)
    words = {"documentation": language(region.snapshot.language).documentation}
    return _asked(around, around.offer.id, region, words, "rewrite")


def _explain(around: _Around) -> ActionPlan:
    return _asked(around, "explain", _region(around.ask), {}, "show")


def _review(around: _Around) -> ActionPlan:
    ask = around.ask
    region = (
        selected_lines(ask.snapshot, ask.start, ask.end) if ask.end > ask.start else whole_file(ask.snapshot)
    )
    return _asked(around, "review", region, {}, "review")


def _fix(around: _Around) -> ActionPlan:
    number, problems = around.offer.problem, around.ask.problems
    if number is None or not 0 <= number < len(problems):
        raise ActionRefused("This problem is no longer there.")
    problem = problems[number]
    region = region_around(around.ask.snapshot, problem.start, problem.end)
    return _asked(around, "fix", region, {"problems": _listed(region, [problem])}, "rewrite")


def _fix_all(around: _Around) -> ActionPlan:
    ask = around.ask
    if not ask.problems:
        raise ActionRefused("There is no problem here to fix.")
    start = min(min(p.start for p in ask.problems), ask.start)
    end = max(max(p.end for p in ask.problems), ask.end)
    region = definition_around(ask.snapshot, start, end) or selected_lines(ask.snapshot, start, end)
    return _asked(around, "fix", region, {"problems": _listed(region, ask.problems)}, "rewrite")


def _listed(region: Region, problems: Sequence[Problem]) -> str:
    """The problems, one a line, with lines counted from 1 inside the region and the code they are at."""
    snapshot, rows = region.snapshot, []
    top = snapshot.line_of(region.start)
    for problem in problems:
        line = snapshot.line_of(problem.start)
        code = snapshot.line_text(line).strip()
        rows.append(f"- line {line - top + 1}, `{code}`: {' '.join(problem.message.split())}")
    return "\n".join(rows)


def _extract(around: _Around) -> ActionPlan:
    ask = around.ask
    selected = selected_lines(ask.snapshot, ask.start, ask.end)
    if ask.end <= ask.start or not selected.text.strip():
        raise ActionRefused("Select the lines that should become a function.")
    region = definition_around(ask.snapshot, selected.start, max(selected.start, selected.end - 1))
    region = region or short_file(ask.snapshot) or selected
    quoted = fenced(dedented(selected.text), ask.snapshot.language)
    return _asked(around, "extract", region, {"selection": quoted}, "rewrite")


def _complete(around: _Around) -> ActionPlan:
    snapshot = around.ask.snapshot
    found = comment_here(snapshot, around.ask.start)
    if found is None:
        raise ActionRefused("There is no comment at the cursor to write code from.")
    region = lines(snapshot, *found)
    return _asked(around, "complete", region, {"comment": dedented(region.text)}, "below")


def _translate(around: _Around) -> ActionPlan:
    ask, target = around.ask, LANGUAGES.get(around.offer.detail)
    if target is None:
        raise ActionRefused(f"There is no translation to '{around.offer.detail}'.")
    region = region_for(ask.snapshot, ask.start, ask.end) if ask.end > ask.start else whole_file(ask.snapshot)
    region = region or whole_file(ask.snapshot)
    source = ask.snapshot.path
    path = _free(_named(source, target.ending, target.id), around.read) if source is not None else None
    use: Use = "file" if path is not None else "show"
    return _asked(around, "translate", region, {"target": target.name}, use, path, target.id)


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


def _tests(around: _Around) -> ActionPlan:
    ask = around.ask
    source = ask.snapshot.path
    if source is None:
        raise ActionRefused("Save the file first: its place decides where the tests go.")
    place = place_for_tests(source, ask.snapshot.language, ask.roots, around.read)
    region = region_for(ask.snapshot, ask.start, ask.end) or whole_file(ask.snapshot)
    words = {"framework": place.framework, "place": place.reach}
    existing = around.read(place.path)
    if existing is None and place.path.exists():
        raise ActionRefused(f"{place.path.name} is there but cannot be read.")
    if existing and existing.strip():
        return _more_tests(around, region, place, existing, words)
    return _asked(around, "tests", region, words, "file", place.path)


def _more_tests(
    around: _Around, region: Region, place: TestPlace, existing: str, words: Mapping[str, str]
) -> ActionPlan:
    same = place.path == around.ask.snapshot.path
    shown = place.reach if same else fenced(existing[-6_000:], around.ask.snapshot.language)
    return _asked(around, "more-tests", region, {**words, "existing": shown}, "append", place.path)


def _with_words(around: _Around) -> ActionPlan:
    ask = around.ask
    typed = ask.words.strip()
    words = typed or wanted_words(ask.snapshot, ask.start, ask.end)
    if not words:
        raise ActionRefused(
            "Say what to do: in a comment that begins with 'qwen:', or with qwen_lsp.instruct."
        )
    region = _region(ask)
    code = dedented(region.text)
    shown = Shown(region, code if typed else without_wanted_words(code))
    prompt = prompt_for(around.offer.id, shown, {"words": words})
    return ActionPlan(
        around.offer, region, prompt, "rewrite", language=ask.snapshot.language, drafts=(shown.code,)
    )


def _custom(around: _Around) -> ActionPlan:
    ask, number = around.ask, around.offer.detail
    if not number.isdecimal() or int(number) >= len(around.custom):
        raise ActionRefused("This action is no longer in the settings.")
    action = around.custom[int(number)]
    region = _region(ask)
    shown = Shown(region, dedented(region.text))
    words = {
        "code": fenced(shown.code, ask.snapshot.language),
        "language": language(ask.snapshot.language).name,
        "path": str(ask.snapshot.path or ask.snapshot.uri),
    }
    use: Use = "show" if action.answer == "show" else "rewrite"
    how = "" if use == "show" else "\nAnswer with the whole code in one fenced block."
    prompt = chat(shown, fill(action.prompt, words) + how)
    return ActionPlan(around.offer, region, prompt, use, language=ask.snapshot.language, drafts=(shown.code,))


_PLANS: Mapping[str, Callable[[_Around], ActionPlan]] = {
    "explain": _explain,
    "review": _review,
    "fix": _fix,
    "fix-all": _fix_all,
    "extract": _extract,
    "complete": _complete,
    "translate": _translate,
    "tests": _tests,
    "instruct": _with_words,
    "migrate": _with_words,
    "custom": _custom,
}


def is_known(offer_id: str) -> bool:
    """There is such an action."""
    return offer_id in _PLANS or offer_id in {"document", "types", "simplify", "rename", "errors", "optimise"}
