"""`qwen-lsp serve --status` and `--stop` speak to a running host without loading what a host is made of."""

from __future__ import annotations

import subprocess
import sys

import pytest

pytestmark = pytest.mark.process
HEAVY = {
    "fastapi",
    "starlette",
    "uvicorn",
    "gradio",
    "mlx",
    "httpx",
    "transformers",
    "qwen_lsp.server",
    "qwen_lsp.engine.mlx",
}


@pytest.mark.parametrize("option", ["--status", "--stop"])
def test_no_server_is_loaded(option: str) -> None:
    code = (
        "import sys\nfrom qwen_lsp.cli.main import main\n"
        f"main(['serve', {option!r}])\nprint(*sys.modules, file=sys.stderr)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "No host is running" in done.stdout
    assert HEAVY.isdisjoint(done.stderr.split())
