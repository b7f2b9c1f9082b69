"""The language server of one editor window: `run_stdio` is all that others need."""

from __future__ import annotations

import asyncio
import importlib
import logging
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from qwen_lsp import __version__
from qwen_lsp.engine.base import Engine
from qwen_lsp.lsp.editor import SECTION
from qwen_lsp.lsp.features import (
    commands,
    completion,
    configuration,
    document_sync,
    inline_completion,
    lifecycle,
)
from qwen_lsp.lsp.features.code_action import feature as code_action
from qwen_lsp.lsp.jsonrpc.protocol import LspServer
from qwen_lsp.lsp.jsonrpc.stdio import serve, take_stdio
from qwen_lsp.lsp.session import BuildAssistant, OpenEngine, Session, SessionParts
from qwen_lsp.metrics import Ring
from qwen_lsp.paths import own_file, paths
from qwen_lsp.settings import Settings

if TYPE_CHECKING:
    from qwen_lsp.assist.completion.assistant import Assistant
    from qwen_lsp.assist.suggestion import SuggestionTrace

log = logging.getLogger(__name__)

FEATURES = (lifecycle, document_sync, configuration, inline_completion, completion, code_action, commands)


def run_stdio(open_engine: OpenEngine, *, kind: str | None = None, trace: Path | None = None) -> int:
    """Speak to the editor at stdin and stdout until it leaves; the exit code.

    `kind` overrules the setting engine.kind; `trace` is a file for one JSON line per suggestion.
    """
    return run_parts(SessionParts(open_engine, _assistant_builder(trace), _import_what_is_slow, kind))


def run_parts(parts: SessionParts) -> int:
    """The same with an assistant of the caller's choice."""
    reading, writing = take_stdio()
    _log_to_stderr()
    return asyncio.run(_run(reading, writing, parts))


def create_server(parts: SessionParts) -> tuple[LspServer, Session]:
    """A server with every feature registered, not yet connected to anything."""
    server = LspServer(SECTION, __version__)
    session = Session(server, parts)
    for feature in FEATURES:
        feature.register(server, session)
    return server, session


async def _run(reading: int, writing: BinaryIO, parts: SessionParts) -> int:
    server, session = create_server(parts)
    try:
        return await serve(server, reading, writing)
    finally:
        await session.close()


def _assistant_builder(trace: Path | None) -> BuildAssistant:
    """Build assistants that share one ring of traces, written to a file where that is possible."""
    rings: list[Ring[SuggestionTrace]] = []

    def build(
        settings: Settings, engine: Engine, roots: Sequence[Path], tell: Callable[[str], None]
    ) -> Assistant:
        from qwen_lsp.runtime import build_assistant

        if not rings:
            rings.append(Ring(file=_writable(trace or paths().cache / "traces.jsonl")))
        return build_assistant(settings, engine, roots, rings[0], tell)

    return build


def _import_what_is_slow() -> None:
    for module in (
        "runtime",
        "assist.completion.assistant",
        "assist.context",
        "assist.recall",
        "engine.remote.engine",
    ):
        importlib.import_module(f"qwen_lsp.{module}")


def _writable(file: Path) -> Path | None:
    try:
        with own_file(file).open("a"):
            return file
    except OSError as error:
        log.warning("Suggestions are not traced to a file: %s", error)
        return None


def _log_to_stderr() -> None:
    level = os.environ.get("QWEN_LSP_LOG", "WARNING").upper()
    logging.basicConfig(stream=sys.stderr, format="%(levelname)s %(name)s: %(message)s")
    logging.getLogger("qwen_lsp").setLevel(level if level in logging.getLevelNamesMapping() else "WARNING")
    # pygls writes whole messages, the user's code included, and errors that Server.report_server_error tells too.
    logging.getLogger("pygls").setLevel(logging.WARNING)
    logging.getLogger("pygls.protocol.json_rpc").setLevel(logging.CRITICAL)
