"""Keeps what passed in docs/editors.json when QWEN_LSP_KEEP_RESULTS is set; a Neovim that uses the starter."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.lsp_client import server_command
from tests.support.nvim import Neovim

RESULTS = Path(__file__).parents[2] / "docs" / "editors.json"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    """Note the outcome of a test, by its file and name without parameters."""
    report: pytest.TestReport = yield  # type: ignore[assignment]
    if os.environ.get("QWEN_LSP_KEEP_RESULTS") and (report.when == "call" or report.failed):
        kept = json.loads(RESULTS.read_text("utf-8")) if RESULTS.exists() else {}
        name = f"{item.path.stem}::{item.name}"
        kept[name] = "failed" if report.failed and report.when != "call" else report.outcome
        RESULTS.write_text(
            json.dumps(dict(sorted(kept.items())), indent=1, ensure_ascii=True) + "\n", "utf-8"
        )
    return report  # type: ignore[return-value]


@pytest.fixture
def vim(
    tmp_path: Path, own_home: Path, starter_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Neovim]:
    """A Neovim whose server uses the starter, in a host of its own that is stopped in the end."""
    monkeypatch.setenv("QWEN_LSP_ENGINE_MODEL", str(starter_folder))
    monkeypatch.setenv("QWEN_LSP_HOST_PORT", "0")
    monkeypatch.setenv("QWEN_LSP_HOST_PAGE", "false")
    neovim = Neovim(tmp_path)
    neovim.setup(server_command(), keymaps=True)
    yield neovim
    neovim.close()
    stop = [sys.executable, "-m", "qwen_lsp", "serve", "--stop"]
    subprocess.run(stop, timeout=30, check=False, capture_output=True)
