"""Real VS Code on a workspace that names a program of its own."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.editors.vscode_scene import scripted_vscode

pytestmark = [pytest.mark.editor, pytest.mark.browser, pytest.mark.heavy]


@pytest.mark.parametrize("trusted", [False, True])
def test_a_workspace_chooses_the_program_only_when_it_is_trusted(tmp_path: Path, trusted: bool) -> None:
    theirs, ran = tmp_path / "work" / "qwen-lsp", tmp_path / "ran"
    files = {
        "sample.py": "",
        "qwen-lsp": f"#!/bin/sh\ntouch '{ran}'\n",
        ".vscode/settings.json": f'{{"qwen.command": "{theirs}"}}',
    }
    with scripted_vscode(tmp_path, files, [], trusted=trusted) as scene:
        theirs.chmod(0o755)
        code = scene.code
        code.command("Qwen: Restart the Language Server")
        if trusted:
            code.until(ran.exists, "the workspace's program runs")
        else:
            code.until(lambda: bool(scene.told("settings")), "the user's program runs")
            code.picture("vscode-untrusted")
            assert not ran.exists()
