"""The user's own actions, from settings.actions.custom, as rows like ours."""

from __future__ import annotations

from collections.abc import Sequence

from qwen_lsp.assist.actions import plan
from qwen_lsp.assist.actions.offers import always
from qwen_lsp.assist.actions.spec import ActionSpec

_WHOLE = "\nAnswer with the whole code in one fenced block."


def custom_actions(given: Sequence[object]) -> tuple[list[ActionSpec], list[str]]:
    """The actions that can be used, and a sentence for each that cannot."""
    actions: list[ActionSpec] = []
    problems: list[str] = []
    for number, row in enumerate(given, 1):
        fields = row if isinstance(row, dict) else {}
        title, prompt = str(fields.get("title") or "").strip(), str(fields.get("prompt") or "").strip()
        answer = str(fields.get("answer") or "edit")
        if not title or not prompt:
            problems.append(f"actions.custom, number {number}: give it a title and a prompt.")
        elif answer not in {"edit", "show"}:
            problems.append(f"actions.custom, '{title}': answer is edit or show, not '{answer}'.")
        else:
            languages = _languages(fields.get("languages"))
            actions.append(_spec(number, title, prompt, languages, shows=answer == "show"))
    return actions, problems


def _spec(number: int, title: str, prompt: str, languages: frozenset[str], *, shows: bool) -> ActionSpec:
    return ActionSpec(
        id=f"custom-{number}",
        title=title,
        kind="refactor.rewrite.custom",
        task=prompt if shows else prompt + _WHOLE,
        offered=always,
        plan=plan.custom,
        ends_in="text" if shows else "edits",
        only_code=False,
        languages=languages,
    )


def _languages(given: object) -> frozenset[str]:
    """Language ids out of a list, or out of a text with commas."""
    names = given if isinstance(given, list | tuple) else str(given or "").split(",")
    return frozenset(str(name).strip() for name in names if str(name).strip())
