"""The real language server with a scripted assistant: `python -m tests.support.lsp.scripted_server SCRIPT DIARY [ANSWERS]`.

With ANSWERS code actions are answered from that file, as in action_server.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

from qwen_lsp.engine.stubs.none import NoEngine
from qwen_lsp.lsp.server import run_parts
from qwen_lsp.lsp.session import SessionParts
from qwen_lsp.settings import Settings
from tests.support.lsp.action_server import FileEngine
from tests.support.repository import REPOSITORY
from tests.support.scripted_assistant import ScriptedAssistant, read_script


def scripted_command(script: Path, diary: Path, answers: Path | None = None) -> list[str]:
    """How to start it."""
    start = f"import sys; sys.path.insert(0, {str(REPOSITORY)!r}); from tests.support.lsp.scripted_server import main; main()"
    return [sys.executable, "-c", start, str(script), str(diary), *([str(answers)] if answers else [])]


def main() -> None:
    """Serve until the editor leaves."""
    script, diary = Path(sys.argv[1]), Path(sys.argv[2])

    engine = FileEngine(Path(sys.argv[3]), diary) if len(sys.argv) > 3 else NoEngine()

    def build(settings: Settings, *_: Any) -> Any:
        assistant = ScriptedAssistant(read_script(script), diary)
        suggest = settings.suggest
        assistant.note(
            "settings",
            off_languages=list(suggest.off_languages),
            completion_items=suggest.completion_items,
            pid=os.getpid(),
        )
        return assistant

    raise SystemExit(run_parts(SessionParts(lambda settings: engine, build)))


if __name__ == "__main__":
    main()
