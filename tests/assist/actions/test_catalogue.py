"""The rows of the catalogue: each is known to editors, is offered and has a plan whose words are complete."""

from __future__ import annotations

import re
from enum import Enum
from pathlib import Path

import pytest

from qwen_lsp.assist.actions.catalogue import BY_ID, CATALOGUE, offers, plan_for
from qwen_lsp.assist.actions.custom_actions import custom_actions
from qwen_lsp.assist.actions.spec import ActionSpec
from qwen_lsp.assist.actions.types import ActionRequest, Problem
from qwen_lsp.code.snapshot import snapshot_at_mark
from qwen_lsp.errors import ActionRefused
from qwen_lsp.lsp.features.code_action.feature import KINDS

MARKED = "# qwen: make it faster¦\ndef f(x):\n    return x * 2\n"


def request(folder: Path, *, selected: bool) -> ActionRequest:
    snapshot, cursor = snapshot_at_mark(MARKED, uri=(folder / "a.py").as_uri())
    problems = (Problem(cursor, cursor + 1, "first"), Problem(cursor, cursor + 1, "second"))
    return ActionRequest(snapshot, 0 if selected else cursor, cursor, problems, (folder,))


def test_ids_are_unique() -> None:
    assert len(BY_ID) == len(CATALOGUE)


@pytest.mark.parametrize("spec", CATALOGUE, ids=lambda spec: spec.id)
def test_an_editor_is_told_of_the_kind(spec: ActionSpec) -> None:
    kind = spec.kind
    told = [known.value if isinstance(known, Enum) else known for known in KINDS]
    assert any(kind == known or kind.startswith(f"{known}.") for known in told)


@pytest.mark.parametrize("spec", CATALOGUE, ids=lambda spec: spec.id)
def test_its_words_are_complete(spec: ActionSpec, tmp_path: Path) -> None:
    id = spec.id
    asked = next(
        each
        for each in (request(tmp_path, selected=True), request(tmp_path, selected=False))
        if any(offer.id == id and not offer.disabled for offer in offers(each))
    )
    offer = next(offer for offer in offers(asked) if offer.id == id)
    assert "{" not in offer.title
    if offer.ends_in == "rounds":
        asked = ActionRequest(asked.snapshot, 0, 0, instruction="assert 1 == 2")
    plan = plan_for(offer, asked, lambda path: None)
    assert not re.search(r"\{\w+\}", str(plan.prompt.messages[-1].content))


def test_the_users_own_actions_are_rows_too(tmp_path: Path) -> None:
    given = [
        {
            "title": "Haiku",
            "prompt": "A haiku on {code}, not on {x}.",
            "languages": "python",
            "answer": "show",
        },
        {},
    ]
    custom, problems = custom_actions(given)
    assert problems == ["actions.custom, number 2: give it a title and a prompt."]
    asked = request(tmp_path, selected=True)
    offer = offers(asked, custom)[-1]
    plan = plan_for(offer, asked, lambda path: None, custom)
    assert (offer.title, offer.ends_in, plan.use) == ("Haiku", "text", "show")
    assert "A haiku on ```python\n# qwen" in plan.prompt.messages[-1].content
    assert plan.prompt.messages[-1].content.endswith("not on {x}.")
    with pytest.raises(ActionRefused, match="no action"):
        plan_for(offer, asked, lambda path: None)
