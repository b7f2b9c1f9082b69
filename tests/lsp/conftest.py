"""Servers for code action tests, started once a module, and a project folder for each test."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.lsp.action_bench import Bench, Benches

SETTINGS = {
    "actions": {
        "custom": [
            {"title": "Haiku", "prompt": "A haiku on {code} in {language}.", "answer": "show"},
            {"title": ""},
        ]
    },
    "sandbox": {"allow_root": True},
}


@pytest.fixture(scope="module")
def benches(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Benches]:
    """Benches by editor, each started once."""
    made: dict[str, Bench] = {}

    def start(caps: str = "vscode", **capabilities: Any) -> Bench:
        key = caps + json.dumps(capabilities)
        if key not in made:
            more = {"capabilities": capabilities} if capabilities else {}
            folder = tmp_path_factory.mktemp(caps)
            made[key] = Bench(
                folder, caps, SETTINGS, workspaceFolders=[{"uri": folder.as_uri(), "name": "w"}], **more
            )
        return made[key]

    yield start
    for bench in made.values():
        bench.client.__exit__()


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A folder that looks like a project."""
    (tmp_path / "pyproject.toml").write_text("")
    return tmp_path
