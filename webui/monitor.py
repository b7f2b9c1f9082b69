"""What the monitor shows, worked out of request records and gauges: pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from html import escape

from qwen_lsp.assist.stats import StatsRow
from qwen_lsp.assist.suggestion import SuggestionTrace
from qwen_lsp.engine.request import EngineInfo
from qwen_lsp.metrics import RequestTrace, percentile
from webui.chart import line_chart
from webui.picture import size
from webui.words import WORDS, both

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
        return f'<p class="q-say">{both("monitor_none")}</p>'
    titles = "".join(f'<th scope="col">{both(f"monitor_{name}")}</th>' for name in head)
    return f'<div class="q-table"><table><thead><tr>{titles}</tr></thead><tbody>{"".join(rows)}</tbody></table></div>'


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
    return (
        f'<tr><th scope="row">{both(f"lane_{lane}")}</th>{"".join(f"<td>{cell}</td>" for cell in cells)}</tr>'
    )


def _pair(values: Sequence[float]) -> str:
    middle, high = percentile(values, 0.5), percentile(values, 0.95)
    return "–" if middle is None or high is None else f"{middle:,.0f} / {high:,.0f} ms"


def _rate(requests: Sequence[RequestTrace]) -> str:
    writing_ms = sum(max(0.0, one.total_ms - (one.first_token_ms or one.total_ms)) for one in requests)
    tokens = sum(max(0, one.generated_tokens - 1) for one in requests)
    return f"{1000 * tokens / writing_ms:.0f}" if writing_ms > 0 and tokens else "–"


def gauges_list(info: EngineInfo, process_bytes: int) -> str:
    """Every gauge of the engine and this process's memory, readable."""
    shown = [("process_memory_bytes", float(process_bytes)), *info.load]
    cells = "".join(
        f"<div><dt>{escape(name.removesuffix('_bytes').replace('_', ' '))}</dt><dd>{escape(_gauge(name, value))}</dd></div>"
        for name, value in shown
    )
    return f'<dl class="q-gauges">{cells}</dl>'


def _gauge(name: str, value: float) -> str:
    if name.endswith("_bytes"):
        return size(value)
    return f"{value:,.0f}" if value == int(value) else f"{value:.3g}"


def suggestions_line(traces: Sequence[SuggestionTrace]) -> str:
    """How many suggestions were shown, from where, and why others were not."""
    shown = [one for one in traces if one.shown_chars]
    sources = {one.source: sum(other.source == one.source for other in shown) for one in shown}
    parts = [f"{escape(name)} {count}" for name, count in sorted(sources.items())]
    return f'<p class="q-say">{both("monitor_count")}: {len(traces)} · {len(shown)} ✓ {" · ".join(parts)}</p>'


def acceptance_table(rows: Sequence[StatsRow]) -> str:
    """Suggestions shown and accepted in editors, by language, as the local statistics count them."""
    if not any(row.shown for row in rows):
        return ""
    titles = "".join(f'<th scope="col">{both(f"monitor_{name}")}</th>' for name in _ACCEPTANCE)
    lines = "".join(f"<tr>{_acceptance_cells(row)}</tr>" for row in rows)
    return f'<div class="q-table"><table><thead><tr>{titles}</tr></thead><tbody>{lines}</tbody></table></div>'


_ACCEPTANCE = ("language", "shown", "accepted", "share", "latency")


def _acceptance_cells(row: StatsRow) -> str:
    taken = sum(count for ending, count in row.endings.items() if ending != "dismissed")
    share = "–" if row.accepted_share is None else f"{row.accepted_share:.0%}"
    wait = "–" if row.p50_ms is None or row.p95_ms is None else f"{row.p50_ms:,.0f} / {row.p95_ms:,.0f} ms"
    cells = "".join(f"<td>{cell}</td>" for cell in (row.shown, taken, share, wait))
    return f'<th scope="row">{escape(row.name)}</th>{cells}'


def charts(
    requests: Sequence[RequestTrace], memory: Sequence[tuple[float, float]], start_s: float, end_s: float
) -> str:
    """Throughput, waiting and memory over the period."""
    step_s = max(5.0, (end_s - start_s) / 60)
    tokens = _binned(
        requests, start_s, end_s, step_s, lambda some: sum(o.generated_tokens for o in some) / step_s
    )
    waits = [(one.at_s, one.first_token_ms) for one in requests if one.first_token_ms is not None]
    pictures = (
        (tokens, "monitor_speed"),
        (waits, "monitor_wait"),
        ([(at, value / 2**30) for at, value in memory], "monitor_memory"),
    )
    return (
        '<div class="q-charts">'
        + "".join(line_chart(points, start_s, end_s, both(key)) for points, key in pictures if key in WORDS)
        + "</div>"
    )


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
