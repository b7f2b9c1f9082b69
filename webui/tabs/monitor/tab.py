"""The monitor: requests by lane, gauges, suggestions; live and the last day."""

from __future__ import annotations

import asyncio
import datetime
import logging
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import gradio as gr
import psutil

from qwen_lsp.metrics import RequestTrace
from qwen_lsp.paths import paths
from qwen_lsp.storage.acceptance_stats import Stats, StatsRow
from qwen_lsp.storage.request_history import DAY_S, RequestHistory
from webui.gradio_types import Handler
from webui.i18n.texts import bilingual
from webui.i18n.translator import translated
from webui.page_context import QUIET, PageContext
from webui.parts.progress import memory_bytes
from webui.tabs.monitor.tables import acceptance_table, charts, gauges_list, lanes_table, suggestions_chart

_LIVE_S = 600.0
_PERIOD_S = 2.0
_KEEP_EVERY_S = 10.0
_LOG = logging.getLogger(__name__)


def build(context: PageContext, page: gr.Blocks, tab: gr.Tab) -> None:
    """Lay out the tab; it looks only once it has been opened."""
    span = gr.Radio(
        [(translated("monitor_live"), "live"), (translated("monitor_day"), "day")],
        value="live",
        label=translated("monitor_span"),
        elem_id="monitor-span",
        elem_classes="q-inline",
    )
    board = gr.HTML(elem_id="monitor", apply_default_css=False)
    timer = gr.Timer(_PERIOD_S, active=False)
    look = _looker(context)
    tab.select(lambda: gr.Timer(active=True), None, timer, **QUIET)
    tab.select(look, span, board, **QUIET)
    timer.tick(look, span, board, **QUIET)
    span.change(look, span, board, **QUIET)


def _looker(context: PageContext) -> Handler:
    async def look(span: str) -> str:
        info = await context.services.engine.info()
        now = time.time()
        start = now - (DAY_S if span == "day" else _LIVE_S)
        kept = await asyncio.to_thread(_kept, start)
        requests, memory = _merged(kept[0], context.requests.last(2048), start), kept[1]
        by_language, by_day = await asyncio.to_thread(_accepted)
        suggested = acceptance_table(by_language) + suggestions_chart(by_day, datetime.date.today())
        sections = (
            ("monitor_gauges", gauges_list(info, _process())),
            ("monitor_requests", lanes_table(requests) + charts(requests, memory, start, now)),
            ("monitor_suggestions", suggested),
        )
        return "".join(
            f'<section><h2 class="q-heading">{bilingual(key)}</h2>{html}</section>' for key, html in sections
        )

    return look


def _process() -> list[tuple[str, float]]:
    """Memory and processor of the process that holds page and engine."""
    with _SELF.oneshot():
        return [
            ("process_memory_bytes", float(_SELF.memory_info().rss)),
            ("process_cpu_percent", _SELF.cpu_percent()),  # since it was asked last
        ]


_SELF = psutil.Process()


def _accepted() -> tuple[list[StatsRow], list[StatsRow]]:
    """What editors counted, by language and by day."""
    stats = Stats.open()
    return stats.rows("language"), stats.rows("day")


def _kept(start: float) -> tuple[list[RequestTrace], list[tuple[float, float]]]:
    history = _history()
    return history.requests(start), history.gauges("memory_bytes", start)


def _merged(kept: list[RequestTrace], fresh: list[RequestTrace], start: float) -> list[RequestTrace]:
    """All that is still in memory, and from the file what is older than that."""
    oldest = fresh[0].at_s if fresh else float("inf")
    return [*(one for one in kept if one.at_s < oldest), *(one for one in fresh if one.at_s >= start)]


def _history() -> RequestHistory:
    return RequestHistory(paths().data / "monitor.sqlite")


@asynccontextmanager
async def keeping(context: PageContext) -> AsyncIterator[None]:
    """Write the day's history while the page app runs."""
    task = asyncio.create_task(_keep(context))
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def _keep(context: PageContext) -> None:
    last_s = time.time()
    while True:
        await asyncio.sleep(_KEEP_EVERY_S)
        fresh = [one for one in context.requests.last(2048) if one.at_s > last_s]
        last_s = max([last_s, *(one.at_s for one in fresh)])
        info = await context.services.engine.info()
        used = memory_bytes(info) or float(psutil.Process().memory_info().rss)
        try:
            await asyncio.to_thread(_history().keep, fresh, {"memory_bytes": used})
        except OSError:
            _LOG.warning("the monitor's history cannot be written", exc_info=True)
