"""One suggestion, or many measured ones, from the command line: `qwen-lsp complete` and `qwen-lsp eval`."""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from qwen_lsp.assist.document import Snapshot
from qwen_lsp.assist.suggestion import Ask
from qwen_lsp.engine.base import Engine
from qwen_lsp.errors import EngineUnavailable, QwenLspError
from qwen_lsp.settings import Settings

if TYPE_CHECKING:
    from qwen_lsp.engine.request import EngineInfo

OpenEngine = Callable[[Settings], Engine]
_POLL_S = 0.2


async def complete_at(place: str, settings: Settings, open_engine: OpenEngine) -> int:
    """Print the suggestion at FILE:LINE[:COLUMN]; 1 when there is none, with the reason on stderr."""
    from qwen_lsp.runtime import build_assistant

    snapshot, cursor = _read_place(place)
    engine = open_engine(settings)
    try:
        await _wait_until_ready(engine)
        root = (snapshot.path or Path.cwd()).parent
        assistant = build_assistant(settings, engine, [root])
        try:
            answer = await assistant.complete(Ask(snapshot, cursor, manual=True, session="complete"))
        finally:
            await assistant.close()
    finally:
        await engine.close()
    if not answer.suggestions:
        print(f"qwen-lsp: no suggestion: {answer.reason}", file=sys.stderr)
        return 1
    print(answer.suggestions[0].text)
    return 0


async def _wait_until_ready(engine: Engine) -> EngineInfo:
    """Wait while it loads, saying how far it is. Raises EngineUnavailable when it failed."""
    said = ""
    while True:
        info = await engine.info()
        if info.state == "failed":
            raise EngineUnavailable(info.detail)
        if info.state != "loading":
            return info
        share = "" if info.progress is None else f" {info.progress:.0%}"
        if (line := f"{info.detail}{share}") != said:
            said = line
            print(f"\r\033[K{line}", end="", file=sys.stderr, flush=True)
        await asyncio.sleep(_POLL_S)


def _read_place(place: str) -> tuple[Snapshot, int]:
    """The file's snapshot and the cursor's offset. Raises QwenLspError for a place that is not there."""
    from qwen_lsp.assist.languages import language_of

    name, line, column = _split_place(place)
    path = Path(name).resolve()
    try:
        with path.open(encoding="utf-8", newline="") as file:
            text = file.read()
    except (OSError, UnicodeDecodeError) as error:
        raise QwenLspError(f"{name} cannot be read: {error}. Give FILE:LINE[:COLUMN].") from error
    snapshot = Snapshot(path.as_uri(), language_of(path) or "plaintext", 1, text)
    if not 1 <= line <= len(snapshot.line_starts):
        raise QwenLspError(f"{name} has {len(snapshot.line_starts)} lines, there is no line {line}.")
    start, length = snapshot.line_start(line - 1), len(snapshot.line_text(line - 1))
    return snapshot, start + (length if column is None else min(max(column - 1, 0), length))


def _split_place(place: str) -> tuple[str, int, int | None]:
    parts = place.rsplit(":", 2)
    if len(parts) == 3 and parts[1].isdigit() and parts[2].isdigit():
        return parts[0], int(parts[1]), int(parts[2])
    name, _, line = place.rpartition(":")
    if name and line.isdigit():
        return name, int(line), None
    raise QwenLspError(f"{place} is no place. Give FILE:LINE or FILE:LINE:COLUMN, such as app.py:12:5.")


async def evaluate_paths(given: argparse.Namespace, settings: Settings, open_engine: OpenEngine) -> int:
    """Punch holes, fill them through the real assistant, print the table and write the JSON."""
    raise NotImplementedError


def compare_results(files: list[Path]) -> int:
    """Print two result files side by side."""
    raise NotImplementedError
