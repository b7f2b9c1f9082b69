"""What an action is: one row says when it is offered, what the model is asked and what its answer is for."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from qwen_lsp.assist.actions.region import Region
from qwen_lsp.assist.actions.types import ActionRequest, Ending, Offer
from qwen_lsp.code.languages import is_prose
from qwen_lsp.engine.request import ChatPrompt

Use = Literal["rewrite", "below", "file", "append", "show", "review"]
"""What becomes of an answer: the region's new text, code below it, a new file, the end of a file, text, findings."""

Read = Callable[[Path], str | None]
"""A file's text as the editor or the disk has it; None when it is not there or too large."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ActionSpec:
    """One action."""

    id: str
    title: str
    """As the editor lists it; {names} are filled in by `offered`."""
    kind: str
    """The LSP kind: quickfix, refactor.rewrite, ..."""
    task: str
    """What the model is asked, after the code; {names} are filled in by `plan`."""
    offered: OfferRule
    plan: PlanRule
    ends_in: Ending = "edits"
    only_code: bool = True
    """Not offered in files of sentences."""
    languages: frozenset[str] = frozenset()
    """Language ids it is offered in; empty: all."""
    makes_file: bool = False
    """Its edits may create a file."""
    only_documents: bool = False
    """It may change nothing but documentation."""
    is_draft: bool = False
    """The user looks at it before it is applied, and reads what the model said beside the code."""
    names_function: bool = False
    """It writes a new function, whose name the user may want to change at once."""

    def fits(self, language: str) -> bool:
        """Whether it is meant for files of this language."""
        if self.only_code and (not language or is_prose(language)):
            return False
        return not self.languages or language in self.languages


@dataclass(frozen=True, slots=True)
class PlanContext:
    """What a plan is made from."""

    spec: ActionSpec
    offer: Offer
    request: ActionRequest
    read: Read


@dataclass(frozen=True, slots=True)
class ActionPlan:
    """One question to the model, and what its answer is for."""

    spec: ActionSpec
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


OfferRule = Callable[[ActionSpec, ActionRequest], Iterable[Offer]]
"""The offers of an action at a place; none where it cannot be done. Reads only cheap facts."""
PlanRule = Callable[[PlanContext], ActionPlan]
"""The plan of an offer; raises ActionRefused when it cannot be done here."""
