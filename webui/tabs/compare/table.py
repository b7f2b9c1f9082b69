"""A comparison as a table: what differs above each column, measures with mean and spread above each answer."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from html import escape
from typing import Any

from webui.gradio_types import Json, Updates
from webui.i18n.texts import bilingual
from webui.request.target_languages import AS_IS
from webui.tabs.compare.comparison import DEMO, LOADED, Cell, Column, differences

_KEYS = {
    "system": "system_prompt",
    "model": "compare_model",
    "template": "compare_template",
    "seed": "seed_short",
}
_WORDS: dict[Updates, str] = {
    ("model", LOADED): "compare_loaded",
    ("model", DEMO): "compare_demo",
    ("language", AS_IS): "as_is",
    ("mode", "generate"): "mode_generate",
    ("mode", "complete"): "mode_complete",
}
"""Values that have words of their own."""


def table_html(cells: Sequence[Cell], columns: Sequence[Column]) -> str:
    """A row a prompt, a column a setting."""
    same, own = differences(columns)
    heads = "".join(
        f'<th scope="col">{bilingual("compare_column", at=at + 1)}<div class="q-own">{_settings(mine)}</div></th>'
        for at, mine in enumerate(own)
    )
    rows = "".join(_row(prompt, cells, len(columns)) for prompt in dict.fromkeys(c.prompt for c in cells))
    return (
        f'<details class="q-same"><summary>{bilingual("compare_same", count=len(same))}</summary>'
        f'<p class="q-say">{_settings(same)}</p></details>'
        f'<div class="q-table" tabindex="0"><table><thead><tr><th scope="col">{bilingual("compare_prompt")}</th>'
        f"{heads}</tr></thead><tbody>{rows}</tbody></table></div>"
    )


def _row(prompt: str, cells: Sequence[Cell], columns: int) -> str:
    mine = [[c for c in cells if c.prompt == prompt and c.column == at] for at in range(columns)]
    return (
        f'<tr><th scope="row"><div class="q-cellprompt">{escape(prompt)}</div></th>'
        f"{''.join(f'<td>{_cell(some)}</td>' for some in mine)}</tr>"
    )


def _settings(values: Json) -> str:
    return " · ".join(
        f"{bilingual(_KEYS.get(name, name))} <b>{_value(name, value)}</b>" for name, value in values.items()
    )


def _value(name: str, value: Any) -> str:
    if (name, value) in _WORDS:
        return bilingual(_WORDS[name, value])
    return "–" if value in (None, "") else escape(str(value))


def _cell(cells: Sequence[Cell]) -> str:
    if not cells:
        return "…"
    facts = [
        ("compare_tokens", _spread([float(cell.tokens) for cell in cells])),
        ("compare_latency", _spread([cell.total_ms for cell in cells])),
        ("compare_speed", _spread([c.tokens_per_s for c in cells if c.tokens_per_s is not None])),
        ("compare_parses", _share([cell.parses for cell in cells])),
    ]
    if any(cell.tests for cell in cells):
        facts.append(("compare_passes", _share([cell.passes for cell in cells])))
    listed = "".join(f"<div><dt>{bilingual(key)}</dt><dd>{value}</dd></div>" for key, value in facts)
    models = ", ".join(dict.fromkeys(cell.model for cell in cells if cell.model))
    told = f'<p class="q-model">{escape(models)}</p>' if models else ""
    answers = "".join(_answer(cell, is_open=cell is cells[0]) for cell in cells)
    return f'<dl class="q-facts">{listed}</dl>{told}{answers}'


def _answer(cell: Cell, *, is_open: bool) -> str:
    tests = ""
    if cell.tests:
        key, mark = _VERDICTS[cell.passes]
        tests = f'<p class="q-tested {mark}"><b>{bilingual(key)}</b> {escape(cell.tests)}</p>'
    return (
        f"<details{' open' if is_open else ''}><summary>{cell.repeat} · {bilingual(f'phase_{cell.ending}')}</summary>"
        f'{tests}<pre tabindex="0">{escape(cell.error or cell.text)}</pre></details>'
    )


_VERDICTS = {
    True: ("tests_passed", "good"),
    False: ("tests_failed", "bad"),
    None: ("tests_unknown", ""),
}


def _share(answers: Sequence[bool | None]) -> str:
    known = [one for one in answers if one is not None]
    return f"{sum(known)} / {len(known)}" if known else "–"


def _spread(values: Sequence[float]) -> str:
    if not values:
        return "–"
    mean = statistics.fmean(values)
    return f"{mean:,.0f}" if len(values) < 2 else f"{mean:,.0f} ± {statistics.stdev(values):,.0f}"
