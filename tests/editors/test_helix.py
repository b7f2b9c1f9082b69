"""Real Helix in a terminal with editors/helix/languages.toml, `qwen-lsp` on its PATH being a scripted server."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.scripted_assistant import Line, write_script
from tests.support.scripted_server import REPOSITORY, scripted_command
from tests.support.tmux import TOOLS, Terminal, program_file, terminal

pytestmark = [pytest.mark.editor, pytest.mark.heavy]

HELIX = TOOLS / "helix" / "bin" / "hx"
TEXT = "def é(a):\n    return a\n\n\né = []\f\n"
DOCUMENTED = '```python\ndef é(a):\n    """Return a."""\n    return a\n```'


@pytest.fixture(params=["\n", "\r\n"], ids=["lf", "crlf"])
def file(tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    file = tmp_path / "sample.py"
    file.write_bytes(TEXT.replace("\n", request.param).encode())
    return file


@pytest.fixture
def helix(tmp_path: Path, file: Path) -> Iterator[Terminal]:
    """Helix at the end of the file, its server told of it."""
    assert HELIX.exists(), "Helix is missing; `.ci/install-tools full` installs it"
    config = tmp_path / "config" / "helix"
    config.mkdir(parents=True)
    shutil.copy(REPOSITORY / "editors" / "helix" / "languages.toml", config)
    script, diary, answers = (tmp_path / name for name in ("script.json", "diary.jsonl", "answer.json"))
    write_script(script, [Line("é.app", ("end(wörd)\né.sort()",))])
    answers.write_text(json.dumps({"answer": DOCUMENTED, "finish": "stop"}))
    program_file(tmp_path / "bin" / "qwen-lsp", scripted_command(script, diary, answers))
    environment = {
        "PATH": f"{tmp_path / 'bin'}:{os.environ['PATH']}",
        "HOME": str(tmp_path),
        "XDG_CONFIG_HOME": str(tmp_path / "config"),
        "XDG_CACHE_HOME": str(tmp_path / "cache"),
        "QWEN_LSP_HOME": str(tmp_path / "qwen"),
    }
    with terminal(tmp_path, [str(HELIX), str(file)], environment) as helix:
        helix.wait(lambda: diary.exists() and '"opened"' in diary.read_text(), "the server knows the file")
        yield helix


def saved(helix: Terminal, file: Path, text: str) -> None:
    """Save, and see what is in the file."""
    wanted = text.replace("\n", "\r\n" if b"\r" in file.read_bytes() else "\n").encode()
    helix.press("Escape")
    helix.type(":w")
    helix.press("Enter")

    def is_written() -> bool:
        try:
            return file.read_bytes() == wanted
        except FileNotFoundError:  # Helix moves the old file away first
            return False

    helix.wait(is_written, f"saved {wanted!r}")


def test_the_suggestion_is_in_the_completion_list(helix: Terminal, file: Path) -> None:
    helix.type("geo")
    helix.type("é.app")
    helix.until("append(wörd) …")
    helix.press("Tab")
    helix.press("Enter")
    helix.until("é.sort()")
    helix.press("Escape")
    saved(helix, file, TEXT + "é.append(wörd)\né.sort()\n")


def test_a_code_action_is_chosen_and_applied(helix: Terminal, file: Path) -> None:
    helix.type("gg")
    helix.type(" a")
    helix.until("Document")  # the first of the list, and chosen already
    helix.press("Enter")
    helix.until("Return a.")
    saved(helix, file, TEXT.replace("    ret", '    """Return a."""\n    ret'))
