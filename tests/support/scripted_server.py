"""The real language server with a scripted assistant: `python -m tests.support.scripted_server SCRIPT DIARY`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from qwen_lsp.engine.none import NoEngine
from qwen_lsp.lsp.server import run_parts
from qwen_lsp.lsp.session import Parts
from tests.support.scripted_assistant import ScriptedAssistant, read_script

REPOSITORY = Path(__file__).resolve().parents[2]


def scripted_command(script: Path, diary: Path) -> list[str]:
    """How to start it."""
    start = f"import sys; sys.path.insert(0, {str(REPOSITORY)!r}); from tests.support.scripted_server import main; main()"
    return [sys.executable, "-c", start, str(script), str(diary)]


def main() -> None:
    """Serve until the editor leaves."""
    script, diary = Path(sys.argv[1]), Path(sys.argv[2])

    def build(*_: Any) -> Any:
        return ScriptedAssistant(read_script(script), diary)

    raise SystemExit(run_parts(Parts(lambda settings: NoEngine(), build)))


if __name__ == "__main__":
    main()
