"""A small line chart as SVG: nothing to load, follows the page's colours."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

_WIDTH, _HEIGHT, _LEFT = 420, 120, 44


def line_chart(
    points: Sequence[tuple[float, float]],
    start_s: float,
    end_s: float,
    label: str,
    since: Sequence[str] = ("", ""),
) -> str:
    """Values over time, zero-based; `label` is HTML, `since` says when it begins, in both languages."""
    top = _nice(max((value for _, value in points), default=0.0))
    x = [_LEFT + (_WIDTH - _LEFT - 6) * (at - start_s) / max(1e-9, end_s - start_s) for at, _ in points]
    y = [_HEIGHT - 16 - (_HEIGHT - 30) * value / top for _, value in points]
    path = "M" + " L".join(f"{a:.1f} {b:.1f}" for a, b in zip(x, y, strict=True)) if len(points) > 1 else ""
    dots = "".join(
        f'<circle cx="{a:.1f}" cy="{b:.1f}" r="2"/>' for a, b in zip(x, y, strict=True) if len(points) <= 60
    )
    grid = "".join(
        f'<line x1="{_LEFT}" x2="{_WIDTH}" y1="{level}" y2="{level}"/><text x="{_LEFT - 6}" y="{level + 4}" text-anchor="end">{escape(f"{value:g}")}</text>'
        for value, level in ((0.0, _HEIGHT - 16), (top / 2, (_HEIGHT - 2) / 2), (top, 14))
    )
    begins = "".join(
        f'<text class="w-{tag}" x="{_LEFT}" y="{_HEIGHT - 2}">{escape(text)}</text>'
        for tag, text in zip(("en", "zh"), since, strict=True)
        if text
    )
    return (
        f'<figure class="q-chart"><figcaption>{label}</figcaption><svg viewBox="0 0 {_WIDTH} {_HEIGHT}" aria-hidden="true">'
        f'<g class="q-grid">{grid}{begins}</g><path d="{path}"/><g class="q-points">{dots}</g></svg></figure>'
    )


def _nice(value: float) -> float:
    """The next round number above, for an axis."""
    if value <= 0:
        return 1.0
    scale = 10.0 ** len(str(int(value))) / 10 if value >= 1 else 0.1
    return next(step * scale for step in (1, 2, 4, 5, 8, 10, 20) if step * scale >= value)
