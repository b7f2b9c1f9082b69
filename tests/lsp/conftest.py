"""Every test of the language server has its own home."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A fresh QWEN_LSP_HOME, for this process and those it starts."""
    home = tmp_path / "home"
    monkeypatch.setenv("QWEN_LSP_HOME", str(home))
    return home
