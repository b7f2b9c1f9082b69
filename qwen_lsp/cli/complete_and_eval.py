"""One suggestion, or many measured ones, from the command line: `qwen-lsp complete` and `qwen-lsp eval`."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import dataclasses
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import TYPE_CHECKING

from qwen_lsp.assist.suggestion import CompletionRequest, CompletionResult
from qwen_lsp.code.snapshot import Snapshot
from qwen_lsp.engine.base import Engine
from qwen_lsp.errors import EngineUnavailable, QwenLspError
from qwen_lsp.settings import Settings

if TYPE_CHECKING:
    from qwen_lsp.engine.request import EngineInfo
    from qwen_lsp.evaluation.evaluate import Complete
    from qwen_lsp.evaluation.holes import Kind

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
            answer = await assistant.complete(
                CompletionRequest(snapshot, cursor, manual=True, session="complete")
            )
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
            _show("")
            return info
        share = "" if info.progress is None else f" {info.progress:.0%}"
        if (line := f"{info.detail}{share}") != said:
            said = line
            _show(line)
        await asyncio.sleep(_POLL_S)


def _read_place(place: str) -> tuple[Snapshot, int]:
    """The file's snapshot and the cursor's offset. Raises QwenLspError for a place that is not there."""
    from qwen_lsp.code.languages import language_of

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
    from qwen_lsp.evaluation import EvaluationOptions, evaluate

    options = EvaluationOptions(
        seed=given.seed,
        kinds=_kinds(given.kinds),
        per_kind=given.per_file,
        max_holes=given.holes,
        manual=given.by_key,
        tests=given.tests or "",
    )
    roots = [path if path.is_dir() else path.parent for path in given.paths]
    settings = _unhurried(settings)
    asking = _through_lsp(given, settings, roots) if given.through == "lsp" else None
    async with asking or _in_here(settings, roots, open_engine) as complete:
        report = await evaluate(given.paths, complete, options, progress=_show_progress)
    _show("")
    print(report.table())
    if given.json is not None:
        given.json.write_text(report.to_json(), "utf-8")
    return 0


def _unhurried(settings: Settings) -> Settings:
    """One suggestion a hole, asked at once: the holes are no typing."""
    suggest = dataclasses.replace(settings.suggest, debounce_ms=0, prefetch=False, alternatives=1)
    return dataclasses.replace(settings, suggest=suggest)


@contextlib.asynccontextmanager
async def _in_here(settings: Settings, roots: list[Path], open_engine: OpenEngine) -> AsyncIterator[Complete]:
    """The assistant in this process, ready and with the folders read."""
    from qwen_lsp.runtime import build_assistant

    async with contextlib.AsyncExitStack() as closing:
        engine = open_engine(settings)
        closing.push_async_callback(engine.close)
        await _wait_until_ready(engine)
        assistant = build_assistant(settings, engine, roots)
        closing.push_async_callback(assistant.close)
        _show("Reading the files")
        await assistant.wait_until_indexed()

        async def fill(ask: CompletionRequest) -> CompletionResult:
            # Open, so that the file on disk, which holds the answer, is not looked at.
            assistant.opened(ask.snapshot)
            try:
                return await assistant.complete(ask)
            finally:
                assistant.closed(ask.snapshot.uri)

        yield fill


@contextlib.asynccontextmanager
async def _through_lsp(
    given: argparse.Namespace, settings: Settings, roots: list[Path]
) -> AsyncIterator[Complete]:
    """The real language server in a process of its own, as an editor starts it."""
    from qwen_lsp.evaluation.lsp_client import language_server

    command = [sys.executable, "-m", "qwen_lsp", "lsp"]
    command += ["--engine", given.engine] if given.engine else []
    options = {"suggest": dataclasses.asdict(settings.suggest), "recall": {"mode": settings.recall.mode}}
    async with language_server(command, roots, options) as server:
        await server.until_ready(_show)
        yield server.complete


def _kinds(names: str) -> tuple[Kind, ...]:
    """The kinds of holes, by name."""
    from qwen_lsp.evaluation.holes import KINDS

    wanted = [n.strip() for n in names.split(",")]
    unknown = [n for n in wanted if n not in KINDS]
    if unknown:
        raise QwenLspError(f"There is no kind of hole called {unknown[0]}; there are {', '.join(KINDS)}.")
    return tuple(k for k in KINDS if k in wanted)


def _show_progress(done: int, total: int) -> None:
    _show(f"{done} of {total} holes")


def _show(line: str) -> None:
    """One line that the next one replaces; nothing where nobody watches."""
    if sys.stderr.isatty():
        print(f"\r\033[K{line}", end="", file=sys.stderr, flush=True)


def compare_results(files: list[Path]) -> int:
    """Print two result files side by side."""
    from qwen_lsp.evaluation import compare, load

    if len(files) != 2:
        raise QwenLspError("--compare takes two result files, written by --json.")
    print(compare(load(files[0]), load(files[1])))
    return 0
