"""Keeps what passed in docs/editors.json when QWEN_LSP_KEEP_RESULTS is set; a Neovim that uses the starter."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.editors.nvim import Neovim
from tests.support.editors.nvim_scene import Scene
from tests.support.lsp.client import server_command
from tests.support.repository import REPOSITORY

RESULTS = REPOSITORY / "docs" / "editors.json"


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
def starter_host(
    own_home: Path, starter_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[pytest.MonkeyPatch]:
    """Editors started by the test use the starter, in a host of their own that is stopped in the end."""
    monkeypatch.setenv("QWEN_LSP_ENGINE_MODEL", str(starter_folder))
    monkeypatch.setenv("QWEN_LSP_HOST_PORT", "0")
    monkeypatch.setenv("QWEN_LSP_HOST_PAGE", "false")
    yield monkeypatch
    stop = [sys.executable, "-m", "qwen_lsp", "serve", "--stop"]
    subprocess.run(stop, timeout=30, check=False, capture_output=True)


@pytest.fixture
def vim(tmp_path: Path, starter_host: pytest.MonkeyPatch) -> Iterator[Neovim]:
    """A Neovim whose server uses the starter."""
    neovim = Neovim(tmp_path)
    neovim.setup(server_command(), keymaps=True)
    yield neovim
    neovim.close()


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    scene = Scene(tmp_path)
    yield scene
    scene.vim.close()


@pytest.fixture
def old_scene(tmp_path: Path) -> Iterator[Scene]:
    """The same with Neovim 0.10: no ghost text, no vim.lsp.enable."""
    scene = Scene(tmp_path, "trixie")
    yield scene
    scene.vim.close()


@pytest.fixture(params=["forky", "trixie"], ids=["0_12", "0_10"])
def each_scene(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Scene]:
    """With one Neovim after the other."""
    scene = Scene(tmp_path, request.param)
    yield scene
    scene.vim.close()
