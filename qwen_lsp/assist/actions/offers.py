"""The rules by which actions are offered, from cheap facts only: selection, problems, language, comments."""

from __future__ import annotations

import re
from collections.abc import Iterator

from qwen_lsp.assist.actions.spec import ActionSpec, OfferRule
from qwen_lsp.assist.actions.types import ActionRequest, Offer
from qwen_lsp.code.languages import LANGUAGES, language
from qwen_lsp.code.snapshot import Snapshot

_TITLE_CHARS = 80
_MOST_FIXES = 8
"""More problems than this at one place are offered as one "fix all"."""
_INSTRUCTION = re.compile(
    r"^\s*(?:#|//|--|/\*|\*|<!--|;|%)+\s*qwen\s*:\s*(.+?)\s*(?:\*/|-->)?\s*$", re.IGNORECASE
)
_HOW_TO_INSTRUCT = (
    "Say what to do in a comment that begins with 'qwen:' inside the selection, "
    "or run qwen_lsp.instruct with words."
)
_MOST_COMMENT_LINES = 400
_TRANSLATION_TARGETS = ("python", "cpp", "java", "go", "rust", "typescript")


def always(spec: ActionSpec, request: ActionRequest) -> Iterator[Offer]:
    """Offered wherever there is code."""
    what = "the selection" if request.end > request.start else "this code"
    yield _offer(spec, spec.title.replace("{what}", what))


def for_each_problem(spec: ActionSpec, request: ActionRequest) -> Iterator[Offer]:
    """One offer a problem; the only problem's is the preferred one."""
    is_only = len(request.problems) == 1
    for number, problem in enumerate(request.problems[:_MOST_FIXES]):
        title = spec.title.format(problem=_short(problem.message))
        yield Offer(spec.id, title, spec.kind, problem=number, preferred=is_only)


def for_several_problems(spec: ActionSpec, request: ActionRequest) -> Iterator[Offer]:
    """One offer for all problems, where there is more than one."""
    if len(request.problems) > 1:
        yield _offer(spec, spec.title.format(count=len(request.problems)))


def where_types_are_optional(spec: ActionSpec, request: ActionRequest) -> Iterator[Offer]:
    """In languages where types may be left out."""
    if language(request.snapshot.language).optional_types:
        yield from always(spec, request)


def of_a_selection(spec: ActionSpec, request: ActionRequest) -> Iterator[Offer]:
    """Needs selected lines; without them it is listed as disabled."""
    why = "" if _is_selected(request) else "Select the lines that should become a function."
    yield _offer(spec, spec.title, disabled=why)


def at_a_comment(spec: ActionSpec, request: ActionRequest) -> Iterator[Offer]:
    """With the cursor in a comment, or below one."""
    if not _is_selected(request) and comment_here(request.snapshot, request.start) is not None:
        yield _offer(spec, spec.title)


def for_each_language(spec: ActionSpec, request: ActionRequest) -> Iterator[Offer]:
    """One offer a target language; a document without a path has no folder for a new file, so it is shown."""
    own = language(request.snapshot.language).id
    for target in _TRANSLATION_TARGETS:
        if target != own:
            yield Offer(
                spec.id,
                spec.title.format(target=LANGUAGES[target].name),
                f"{spec.kind}.{target}",
                detail=target,
                ends_in=spec.ends_in if request.snapshot.path is not None else "text",
                makes_file=spec.makes_file,
            )


def with_an_instruction(without: str) -> OfferRule:
    """Needs an instruction of the user's; without one it is listed under this title as disabled."""

    def rule(spec: ActionSpec, request: ActionRequest) -> Iterator[Offer]:
        given = request.instruction or instruction_in_comment(request.snapshot, request.start, request.end)
        title = spec.title.format(instruction=_short(given)) if given else without
        yield _offer(spec, title, disabled="" if given else _HOW_TO_INSTRUCT)

    return rule


def instruction_in_comment(snapshot: Snapshot, start: int, end: int) -> str:
    """The instruction in a `qwen:` comment of the selection's lines (or of the cursor's line and the one above)."""
    last = snapshot.line_of(end)
    first = max(0, snapshot.line_of(start) - 1) if start == end else snapshot.line_of(start)
    for line in range(first, min(last, first + _MOST_COMMENT_LINES) + 1):
        found = _INSTRUCTION.match(snapshot.line_text(line))
        if found:
            return found.group(1)
    return ""


def without_instruction(code: str) -> str:
    """The code without its `qwen:` comments."""
    return "\n".join(row for row in code.split("\n") if not _INSTRUCTION.match(row))


def comment_here(snapshot: Snapshot, cursor: int) -> tuple[int, int] | None:
    """First and last line of the line comments at the cursor, or right above its blank line."""
    mark = language(snapshot.language).line_comment
    line = snapshot.line_of(cursor)
    if not snapshot.line_text(line).strip():
        line -= 1

    def is_comment(number: int) -> bool:
        text = snapshot.line_text(number).strip()
        return text.startswith(mark) and not text.startswith(("#!", "#include", "#define"))

    if line < 0 or not is_comment(line):
        return None
    first = last = line
    while first > 0 and is_comment(first - 1):
        first -= 1
    while last + 1 < len(snapshot.line_starts) and is_comment(last + 1):
        last += 1
    return first, last


def _offer(spec: ActionSpec, title: str, *, disabled: str = "") -> Offer:
    return Offer(
        spec.id, title, spec.kind, disabled=disabled, ends_in=spec.ends_in, makes_file=spec.makes_file
    )


def _is_selected(request: ActionRequest) -> bool:
    return request.end > request.start and bool(
        request.snapshot.text[request.start : request.start + 10_000].strip()
    )


def _short(message: str) -> str:
    line = " ".join(message.split())
    return line if len(line) <= _TITLE_CHARS else line[: _TITLE_CHARS - 1] + "…"
