"""On the starter, which says known texts: everything that makes the engine fast changes no token."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.engine_exact import compare

pytestmark = pytest.mark.model


async def test_every_feature_on_says_what_all_off_says(starter_folder: Path) -> None:
    found = await compare(starter_folder, 40)
    assert found.prompts == 40
    assert found.same == {"alone": 40, "together": 40}
    # The features were at work.
    assert found.accepted_drafts > 0
    assert found.forwards["alone"] < found.forwards["off"]
    assert found.prefilled["alone"] < found.prefilled["off"]
