"""Fixtures for every room: an own home for our files, and the starter model, built once."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

# Before anything imports them: nothing under test may reach out.
os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")

_CACHE = Path(os.environ.get("QWEN_LSP_TEST_CACHE", Path.home() / ".cache" / "qwen-lsp-tests"))


@pytest.fixture(autouse=True)
def own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Every test has its own config, cache, data and runtime folders."""
    home = tmp_path / "qwen-lsp-home"
    monkeypatch.setenv("QWEN_LSP_HOME", str(home))
    return home


def pytest_sessionstart(session: pytest.Session) -> None:
    """Before several processes share the work: the starter learns in a fixed time and needs the machine for itself."""
    fast = "not model" in session.config.option.markexpr
    if getattr(session.config.option, "numprocesses", None) and not fast:
        starter()


@pytest.fixture(scope="session")
def starter_folder() -> Path:
    """The starter model."""
    return starter()


def starter() -> Path:
    """The starter model, built by its own code; kept between runs while its recipe stays the same."""
    from qwen_lsp.starter.build import ensure_starter, recipe_fingerprint

    return ensure_starter(_CACHE / f"starter-{recipe_fingerprint()}")
