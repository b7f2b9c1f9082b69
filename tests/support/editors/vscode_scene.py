"""A VS Code window over a language server that says what a test wrote down."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from tests.support.diary import told
from tests.support.editors.vscode import VSCode, vscode
from tests.support.lsp.scripted_server import scripted_command
from tests.support.lsp.wire import watched
from tests.support.scripted_assistant import Line, write_script


class Scene:
    """A window and the diary of the server behind it."""

    def __init__(self, code: VSCode, diary: Path, wire: Path, answers: Path) -> None:
        self.code = code
        self.wire = wire
        self._diary = diary
        self._answers = answers

    def answer(self, text: str, **more: Any) -> None:
        """What the engine says to code actions from now on."""
        self._answers.write_text(json.dumps({"answer": text, "finish": "stop", **more}))

    def told(self, event: str) -> list[dict[str, Any]]:
        """What the assistant was told."""
        return told(self._diary, event)

    def fresh(self, name: str) -> VSCode:
        """A file, open, its server told of it."""
        self.code.open(name)
        self.code.until(
            lambda: any(e["uri"].endswith(name) for e in self.told("opened")), "the server knows the file"
        )
        return self.code


@contextlib.contextmanager
def scripted_vscode(
    home: Path, files: Mapping[str, str], lines: Sequence[Line], answer: str = "", **options: Any
) -> Iterator[Scene]:
    """VS Code on a folder with these files."""
    folder = home / "work"
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(text.encode())
    script, diary, answers = home / "script.json", home / "diary.jsonl", home / "answer.json"
    write_script(script, lines)
    wire = home / "wire.log"
    command = watched(wire, scripted_command(script, diary, answers))
    with vscode(home, folder, command, **options) as code:
        scene = Scene(code, diary, wire, answers)
        scene.answer(answer)
        yield scene
