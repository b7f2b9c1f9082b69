"""From the model's answer to an outcome: the second half of a plan. Asks nobody."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from qwen_lsp.assist.actions.indentation import fitted, reindented, step_of
from qwen_lsp.assist.actions.minimal_edits import inserted_below, rebased, smallest_edits
from qwen_lsp.assist.actions.parse_answer import code_of
from qwen_lsp.assist.actions.prompts import fenced
from qwen_lsp.assist.actions.region import Region, common_indent, whole_file
from qwen_lsp.assist.actions.review_findings import findings_of
from qwen_lsp.assist.actions.spec import ActionPlan
from qwen_lsp.assist.actions.types import (
    EditOutcome,
    FileEdit,
    FindingsOutcome,
    Outcome,
    ShowOutcome,
    applied,
)
from qwen_lsp.assist.actions.validate import Parses, doubts, only_documents, whole_file_instead
from qwen_lsp.code.languages import language
from qwen_lsp.code.snapshot import Edit, Snapshot
from qwen_lsp.errors import ActionRefused

_NAMED = re.compile(
    r"\b(?:def|func|fn|function)\s+([A-Za-z_]\w*)|\b([A-Za-z_]\w*)\s*\([^;(){}]*\)\s*(?:const\s*)?\{"
)
_NOT_NAMES = frozenset({"if", "for", "while", "switch", "catch", "return", "function"})


@dataclass(frozen=True, slots=True)
class Reply:
    """What the model said; `cut`: it was stopped by the token limit."""

    text: str
    cut: bool = False


def finish(plan: ActionPlan, reply: Reply, now: Snapshot, there: Snapshot | None, parses: Parses) -> Outcome:
    """The outcome. `now` is the document at this moment, `there` the file to append to (version -1: on disk only).

    Raises ActionRefused with the reason when the answer must not be used.
    """
    if plan.use == "show":
        return _show(plan, reply)
    if plan.use == "review":
        return FindingsOutcome(plan.region.snapshot, findings_of(reply.text, plan.region))
    if plan.use == "rewrite":
        return _rewrite(plan, reply, now, parses)
    if plan.use == "below":
        return _below(plan, reply, now, parses)
    if plan.use == "append" and there is not None:
        return _append(plan, reply, there, parses)
    return _file(plan, reply, parses)


def repaired(plan: ActionPlan, reply: Reply) -> str:
    """The whole file as the answer has it, in its own line endings and indentation."""
    region = plan.region
    code = fitted(code_of(reply.text, region.text, cut=reply.cut).code, region.text)
    return applied(region.text, smallest_edits(region, code))


def _show(plan: ActionPlan, reply: Reply) -> ShowOutcome:
    text = reply.text.strip()
    if not text:
        raise ActionRefused("The model gave no answer. Try again, or select more code.")
    if plan.language != plan.region.snapshot.language:  # a translation: only the code is of use
        text = fenced(code_of(text, "", cut=reply.cut).code, plan.language)
    elif reply.cut:
        text += "\n\n*(cut off at actions.max_tokens)*"
    return ShowOutcome(plan.offer.title, text)


def _rewrite(plan: ActionPlan, reply: Reply, now: Snapshot, parses: Parses) -> EditOutcome:
    region = plan.region
    answered = code_of(reply.text, region.text, cut=reply.cut)
    if whole_file_instead(region, answered.code):
        region = whole_file(region.snapshot)
    code = fitted(answered.code, region.text, region.snapshot.text)
    code = _with_edge_blanks(region, code)
    edits = smallest_edits(region, code)
    why = doubts(region, edits, code, parses, closed=answered.closed)
    if plan.spec.only_documents and not why and not only_documents(region.text, code, plan.language):
        why = "More than documentation was changed."
    note = answered.prose if plan.spec.is_draft else ""
    if plan.spec.is_draft and not why:
        why = "A migration is a draft: look at its risks before you keep it."
    moved = rebased(edits, region, now)
    name = _new_name(region.text, code) if plan.spec.names_function else ""
    return EditOutcome(plan.offer.title, (FileEdit(now.uri, now, moved),), why, note, name)


def _below(plan: ActionPlan, reply: Reply, now: Snapshot, parses: Parses) -> EditOutcome:
    region = plan.region
    answered = code_of(reply.text, "", cut=reply.cut)
    comment = region.text.strip()
    own = answered.code.strip()
    code = own.removeprefix(comment).lstrip("\n") if own.startswith(comment) else answered.code
    rows = region.text.splitlines()
    step = step_of(region.snapshot.text.splitlines())
    code = reindented(code.strip("\n").split("\n"), common_indent(rows), step)
    edits = inserted_below(region, code)
    why = doubts(region, edits, region.text + code, parses, closed=answered.closed)
    return EditOutcome(plan.offer.title, (FileEdit(now.uri, now, rebased(edits, region, now)),), why)


def _append(plan: ActionPlan, reply: Reply, there: Snapshot, parses: Parses) -> EditOutcome:
    """New tests at the end of a test file; what stands there already is not written again."""
    answered = code_of(reply.text, "", cut=reply.cut)
    known = {
        line.strip()
        for line in there.text.splitlines()
        if re.match(r"\s*(import|from|using|#include)\b", line)
    }
    rows = [row for row in answered.code.split("\n") if row.strip() not in known or not row.strip()]
    code = "\n".join(rows).strip("\n")
    if not code or code in there.text.replace("\r\n", "\n"):
        raise ActionRefused(f"The tests that the model wrote are in {Path(there.uri).name} already.")
    region = whole_file(there)
    base = there.text.rstrip()
    text = there.newline * 3 + code.replace("\n", there.newline) + there.newline
    edits = (Edit(len(base), len(there.text), text),)
    why = doubts(region, edits, there.text + code, parses, closed=answered.closed)
    return EditOutcome(plan.offer.title, (FileEdit(there.uri, there, edits),), why)


def _file(plan: ActionPlan, reply: Reply, parses: Parses) -> EditOutcome:
    """A file that is not there yet."""
    assert plan.path is not None
    answered = code_of(reply.text, "", cut=reply.cut)
    code = answered.code.strip("\n") + "\n"
    good = parses(code, plan.language)
    if good is False and not answered.closed:
        raise ActionRefused("The model's answer broke off in the middle of the code. Try again.")
    why = f"The new file does not parse as {language(plan.language).name}." if good is False else ""
    edit = FileEdit(plan.path.as_uri(), None, (Edit(0, 0, code),))
    return EditOutcome(plan.offer.title, (edit,), why)


def _with_edge_blanks(region: Region, code: str) -> str:
    """The rewritten code with the blank lines that the region had at both ends."""
    rows = [row.rstrip("\r\n") for row in region.text.splitlines(keepends=True)] if region.text else []
    full = [row for row in rows if row.strip()]
    if not full:
        return code
    above = next(n for n, row in enumerate(rows) if row.strip())
    below = next(n for n, row in enumerate(reversed(rows)) if row.strip())
    return "\n".join([*rows[:above], code, *rows[len(rows) - below :]])


def _new_name(before: str, after: str) -> str:
    """The one function that is new, or nothing."""
    new = {name for name in _names(after) if not re.search(rf"\b{name}\b", before)}
    return new.pop() if len(new) == 1 else ""


def _names(code: str) -> set[str]:
    found = {first or second for first, second in _NAMED.findall(code)}
    return found - _NOT_NAMES
