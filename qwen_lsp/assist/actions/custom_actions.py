"""The user's own actions, from settings.actions.custom."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class CustomAction:
    """One of them. `answer` is edit (rewrite the code) or show (read the answer)."""

    title: str
    prompt: str
    languages: frozenset[str]
    answer: str = "edit"

    def fits(self, language: str) -> bool:
        """It is meant for this language."""
        return not self.languages or language in self.languages


def custom_actions(given: Sequence[object]) -> tuple[list[CustomAction], list[str]]:
    """The actions that can be used, and a sentence for each that cannot."""
    actions: list[CustomAction] = []
    problems: list[str] = []
    for number, row in enumerate(given, 1):
        fields = row if isinstance(row, Mapping) else {}
        title, prompt = str(fields.get("title") or "").strip(), str(fields.get("prompt") or "").strip()
        answer = str(fields.get("answer") or "edit")
        if not title or not prompt:
            problems.append(f"actions.custom, number {number}: give it a title and a prompt.")
        elif answer not in {"edit", "show"}:
            problems.append(f"actions.custom, '{title}': answer is edit or show, not '{answer}'.")
        else:
            named = fields.get("languages") or ""
            names = named if isinstance(named, list | tuple) else str(named).split(",")
            languages = frozenset(str(name).strip() for name in names if str(name).strip())
            actions.append(CustomAction(title, prompt, languages, answer))
    return actions, problems
