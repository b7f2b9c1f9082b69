"""The evaluation's window: it asks a real server as an editor does, and says so when the server leaves."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from qwen_lsp.assist.suggestion import CompletionRequest
from qwen_lsp.code.snapshot import snapshot_at_mark
from qwen_lsp.errors import QwenLspError
from qwen_lsp.evaluation.lsp_client import language_server

pytestmark = pytest.mark.process

DEMO = [sys.executable, "-m", "qwen_lsp", "lsp", "--engine", "demo"]


async def test_a_hole_is_filled_as_in_an_editor(tmp_path: Path) -> None:
    snapshot, cursor = snapshot_at_mark("é = 1\ndef f(x):\n    ¦\n", uri=(tmp_path / "a.py").as_uri())
    async with language_server(DEMO, [tmp_path], {}) as window:
        await window.until_ready(lambda line: None)
        result = await window.complete(CompletionRequest(snapshot, cursor, manual=True))
    [suggestion] = result.suggestions
    assert (suggestion.start, suggestion.end) == (cursor, cursor)
    assert suggestion.text
    assert result.trace is not None
    assert result.trace.source == "engine"


async def test_a_server_that_leaves_is_an_error_and_its_last_words_are_shown(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    leaves = [sys.executable, "-c", "import sys; sys.exit('no such model')"]
    with pytest.raises(QwenLspError, match="has left"):
        async with language_server(leaves, [tmp_path], {}):
            pass
    assert "no such model" in capsys.readouterr().err
