"""A language server whose engine is somebody else's server with the starter's weights; what it shows is checked."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping
from typing import Any

from qwen_lsp.samples import PROGRAMS
from tests.support.lsp.typing_windows import typing_windows

_PATIENCE_S = 120.0


def recite(url: str, home: str) -> tuple[Counter[str], Mapping[str, Any]]:
    """Ask in the middle of each sample program; what came of it, and the server's status in the end."""
    environment = {
        "QWEN_LSP_HOME": home,
        "QWEN_LSP_ENGINE_KIND": "remote",
        "QWEN_LSP_ENGINE_URL": url,
        "QWEN_LSP_ENGINE_REMOTE_FIM": "qwen",
    }
    with typing_windows(1, environment) as (window,):
        until = time.monotonic() + _PATIENCE_S
        while sum(window.counts.values()) < len(PROGRAMS):
            assert window.problem is None, window.problem
            assert time.monotonic() < until, (window.counts, window.client.stderr[-2000:])
            time.sleep(0.05)
        window.stop()
        assert not window.wrong, window.wrong
        return window.counts, window.client.command("qwen_lsp.status")
