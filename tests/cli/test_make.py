"""What make does besides running us."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from tests.support.repository import REPOSITORY

pytestmark = pytest.mark.process
ROOT = REPOSITORY


def test_install_puts_a_working_command_on_the_path(tmp_path: Path) -> None:
    made = subprocess.run(
        ["make", "-s", "install"],
        cwd=ROOT,
        env={**os.environ, "HOME": str(tmp_path), "PATH": "/usr/local/bin:/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=True,
        timeout=300,
    )
    assert "not on your PATH yet" in made.stdout
    command = tmp_path / ".local" / "bin" / "qwen-lsp"
    told = subprocess.run([command, "--version"], cwd="/", capture_output=True, text=True, timeout=60)
    assert told.stdout.startswith("qwen-lsp ")
