"""What the monitor shows, worked out of request records and gauges: pure."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Sequence
from html import escape

from qwen_lsp.engine.request import EngineInfo
from qwen_lsp.metrics import RequestTrace, percentile
from qwen_lsp.sizes import size_in_words
from qwen_lsp.storage.acceptance_stats import StatsRow
from webui.i18n.texts import TEXTS, bilingual
from webui.parts.line_chart import line_chart

_LANES = ("inline", "action", "chat", "warm")


def lanes_table(requests: Sequence[RequestTrace]) -> str:
    """One row a lane: how many, how long, how fast, how much came from the cache."""
    head = ("lane", "count", "first", "total", "rate", "cached")
    rows = [
        _lane_row(lane, [one for one in requests if one.lane.lower() == lane])
        for lane in _LANES
        if any(one.lane.lower() == lane for one in requests)
    ]
    if not rows:
        return f'<p class="q-say">{bilingual("monitor_none")}</p>'
    titles = "".join(f'<th scope="col">{bilingual(f"monitor_{name}")}</th>' for name in head)
    return f'<div class="q-table" tabindex="0"><table><thead><tr>{titles}</tr></thead><tbody>{"".join(rows)}</tbody></table></div>'


def _lane_row(lane: str, requests: Sequence[RequestTrace]) -> str:
    first = [one.first_token_ms for one in requests if one.first_token_ms is not None]
    prompt = sum(one.prompt_tokens for one in requests)
    cells = (
        str(len(requests)),
        _pair(first),
        _pair([one.total_ms for one in requests]),
        _rate(requests),
        f"{sum(one.cached_tokens for one in requests) / prompt:.0%}" if prompt else "–",
    )
    return f'<tr><th scope="row">{bilingual(f"lane_{lane}")}</th>{"".join(f"<td>{cell}</td>" for cell in cells)}</tr>'


def _pair(values: Sequence[float]) -> str:
    middle, high = percentile(values, 0.5), percentile(values, 0.95)
    return "–" if middle is None or high is None else f"{middle:,.0f} / {high:,.0f} ms"


def _rate(requests: Sequence[RequestTrace]) -> str:
    writing_ms = sum(max(0.0, one.total_ms - (one.first_token_ms or one.total_ms)) for one in requests)
    tokens = sum(max(0, one.generated_tokens - 1) for one in requests)
    return f"{1000 * tokens / writing_ms:.0f}" if writing_ms > 0 and tokens else "–"


def gauges_list(info: EngineInfo, process: Sequence[tuple[str, float]]) -> str:
    """Every gauge of this process and of the engine, in words."""
    cells = "".join(
        f"<div><dt>{_gauge_name(name)}</dt><dd>{_gauge(name, value)}</dd></div>"
        for name, value in (*process, *info.load)
    )
    return f'<dl class="q-gauges">{cells}</dl>'


def _gauge_name(name: str) -> str:
    key = f"gauge_{name}"
    return bilingual(key) if key in TEXTS else escape(name.removesuffix("_bytes").replace("_", " "))


def _gauge(name: str, value: float) -> str:
    if name == "on_gpu":
        return "GPU" if value else "CPU"
    if name.endswith("_bytes"):
        return escape(size_in_words(value))
    if name.endswith("_percent"):
        return f"{value:.0f} %"
    return f"{value:,.0f}" if value == int(value) else f"{value:.3g}"


def acceptance_table(rows: Sequence[StatsRow]) -> str:
    """Suggestions shown and accepted in editors, by language, as the local statistics count them."""
    if not any(row.shown for row in rows):
        return f'<p class="q-say">{bilingual("monitor_no_suggestions")}</p>'
    titles = "".join(f'<th scope="col">{bilingual(f"monitor_{name}")}</th>' for name in _ACCEPTANCE)
    lines = "".join(f"<tr>{_acceptance_cells(row)}</tr>" for row in rows)
    return f'<div class="q-table" tabindex="0"><table><thead><tr>{titles}</tr></thead><tbody>{lines}</tbody></table></div>'


_ACCEPTANCE = ("language", "shown", "accepted", "share", "latency")


def _acceptance_cells(row: StatsRow) -> str:
    share = "–" if row.accepted_share is None else f"{row.accepted_share:.0%}"
    wait = "–" if row.p50_ms is None or row.p95_ms is None else f"{row.p50_ms:,.0f} / {row.p95_ms:,.0f} ms"
    cells = "".join(f"<td>{cell}</td>" for cell in (row.shown, _taken(row), share, wait))
    name = bilingual("monitor_all") if row.name == "all" else escape(row.name)
    return f'<th scope="row">{name}</th>{cells}'


def suggestions_chart(days: Sequence[StatsRow], today: datetime.date) -> str:
    """Suggestions shown and accepted, day by day of the last month; empty when there were none."""
    start = today - datetime.timedelta(days=_DAYS)
    counted = {(datetime.date.fromisoformat(row.name) - start).days: row for row in days if row.name != "all"}
    if not any(at >= 0 for at in counted):
        return ""
    since = _since("monitor_days", _DAYS)
    drawn = [
        line_chart(
            [(float(at), float(pick(counted[at])) if at in counted else 0.0) for at in range(_DAYS + 1)],
            0.0,
            float(_DAYS),
            bilingual(f"monitor_{key}"),
            since,
        )
        for key, pick in (("shown", lambda row: row.shown), ("accepted", _taken))
    ]
    return f'<div class="q-charts">{"".join(drawn)}</div>'


_DAYS = 30


def _taken(row: StatsRow) -> int:
    return sum(count for ending, count in row.endings.items() if ending != "dismissed")


def charts(
    requests: Sequence[RequestTrace], memory: Sequence[tuple[float, float]], start_s: float, end_s: float
) -> str:
    """Throughput, waiting, cache and memory over the period."""
    step_s = max(5.0, (end_s - start_s) / 60)

    def binned(value: Callable[[Sequence[RequestTrace]], float]) -> list[tuple[float, float]]:
        return _binned(requests, start_s, end_s, step_s, value)

    pictures = (
        ("monitor_speed", binned(lambda some: sum(one.generated_tokens for one in some) / step_s)),
        ("monitor_wait", [(o.at_s, o.first_token_ms) for o in requests if o.first_token_ms is not None]),
        ("monitor_queue", [(one.at_s, one.queue_ms) for one in requests]),
        ("monitor_hits", binned(_cached_percent)),
        ("monitor_memory", [(at, value / 2**30) for at, value in memory]),
    )
    hours, minutes = divmod(round((end_s - start_s) / 60), 60)
    since = _since("monitor_hours", hours) if hours else _since("monitor_minutes", minutes)
    drawn = (line_chart(points, start_s, end_s, bilingual(key), since) for key, points in pictures)
    return f'<div class="q-charts">{"".join(drawn)}</div>'


def _since(key: str, count: int) -> tuple[str, str]:
    return TEXTS[key][0].format(count=count), TEXTS[key][1].format(count=count)


def _cached_percent(some: Sequence[RequestTrace]) -> float:
    prompt = sum(one.prompt_tokens for one in some)
    return 100 * sum(one.cached_tokens for one in some) / prompt if prompt else 0.0


def _binned(
    requests: Sequence[RequestTrace],
    start_s: float,
    end_s: float,
    step_s: float,
    value: Callable[[Sequence[RequestTrace]], float],
) -> list[tuple[float, float]]:
    points: list[tuple[float, float]] = []
    at = start_s
    while at < end_s:
        points.append((at + step_s / 2, value([one for one in requests if at <= one.at_s < at + step_s])))
        at += step_s
    return points
