"""The only wiring: settings -> engine -> assistant. Language server, page and command line all begin here."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from qwen_lsp.assist.suggestion import SuggestionTrace
from qwen_lsp.engine.base import Engine
from qwen_lsp.errors import SettingsError
from qwen_lsp.metrics import Ring
from qwen_lsp.settings import Settings

if TYPE_CHECKING:
    from qwen_lsp.assist.completion.assistant import Assistant
    from qwen_lsp.engine.supervised import Report
    from qwen_lsp.starter.build import BuildProgress


@dataclass(slots=True)
class Services:
    """What the host and the page share in one process."""

    settings: Settings
    engine: Engine
    traces: Ring[SuggestionTrace] = field(default_factory=Ring)


def open_engine(settings: Settings) -> Engine:
    """The engine of this process: MLX, a remote server, the demo or none. Returns at once; loading goes on behind.

    Raises SettingsError for a remote engine without an address or with one that may not be used.
    """
    kind = settings.engine.kind
    if kind == "none":
        from qwen_lsp.engine.stubs.none import NoEngine

        return NoEngine()
    if kind == "demo":
        from qwen_lsp.engine.stubs.demo import DemoEngine

        return DemoEngine()
    if kind == "remote":
        return _remote(settings)
    return _local(settings)


def build_assistant(
    settings: Settings,
    engine: Engine,
    roots: Sequence[Path],
    traces: Ring[SuggestionTrace] | None = None,
    tell: Callable[[str], None] | None = None,
) -> Assistant:
    """The assistant of one editor window, with the context and the recall of its workspace.

    `tell` hears the few sentences a user should read without asking, once each.
    """
    from qwen_lsp.assist.completion.assistant import Assistant
    from qwen_lsp.assist.context import Context
    from qwen_lsp.assist.recall import Recall
    from qwen_lsp.storage.acceptance_stats import Stats

    context = Context(settings.context, roots)
    recall = Recall(settings.recall, roots, context.is_private)
    return Assistant(
        engine, settings, context=context, recall=recall, traces=traces, stats=Stats.open(), tell=tell
    )


def _remote(settings: Settings) -> Engine:
    from qwen_lsp.engine.remote.api_key import api_key
    from qwen_lsp.engine.remote.engine import RemoteEngine

    options = settings.engine
    if not options.url:
        raise SettingsError("engine.kind is remote, but engine.url is empty. Set it to the server's address.")
    return RemoteEngine(
        options.url,
        model=options.remote_model,
        api_key=api_key(options.api_key_env, options.url),
        fim=options.remote_fim,
        allow_elsewhere=options.allow_elsewhere,
    )


def _local(settings: Settings) -> Engine:
    from qwen_lsp.engine.models.local import choose_model
    from qwen_lsp.engine.supervised import SupervisedEngine

    async def load(model: str, report: Report) -> Engine:
        choice = await asyncio.to_thread(choose_model, model)
        folder = choice.folder or await _starter_folder(report)
        return await _open_mlx(folder, settings, report)

    options = settings.engine
    return SupervisedEngine(load, find=choose_model, model=options.model, keep_alive_s=options.keep_alive_s)


async def _starter_folder(report: Report) -> Path:
    """The starter's folder, built first when it is not there."""
    from qwen_lsp.starter.build import ensure_starter

    stopped = False

    def tell(progress: BuildProgress) -> None:
        report(progress.share, f"Building the starter model: {progress.step}", progress.seconds_left)

    try:
        return await asyncio.to_thread(ensure_starter, progress=tell, stop=lambda: stopped)
    finally:
        stopped = True


async def _open_mlx(folder: Path, settings: Settings, report: Report) -> Engine:
    from qwen_lsp.engine.mlx.engine import MlxEngine

    engine = MlxEngine(folder, settings.engine, on_progress=lambda share, step: report(share, step, None))
    await engine.ready()
    return engine
