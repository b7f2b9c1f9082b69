"""Comparing answers: cells of prompt × column × repeat, their measures, mean and spread, as HTML, JSON and CSV."""

from __future__ import annotations

import csv
import io
import json
import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from html import escape

from qwen_lsp.assist.syntax import parses
from webui.answer import parts
from webui.form import Form
from webui.stream import Generation
from webui.words import both

_GRAMMAR = {"c++": "cpp", "c#": "csharp", "bash": "shellscript"}
_DIFFERING = ("temperature", "max_tokens", "top_p", "top_k", "min_p", "repetition_penalty", "seed", "system")


@dataclass(frozen=True, slots=True)
class Cell:
    """One answer and what it took."""

    prompt: str
    column: int
    repeat: int
    text: str
    tokens: int
    first_token_ms: float | None
    total_ms: float
    tokens_per_s: float | None
    parses: bool | None
    ending: str
    error: str = ""


def cell_of(prompt: str, column: int, repeat: int, form: Form, done: Generation) -> Cell:
    """The measures of an ended generation."""
    answer = parts(done.text)
    name = (answer.language or form.language).lower()
    return Cell(
        prompt,
        column,
        repeat,
        done.text,
        done.generated_tokens,
        done.first_token_ms,
        done.total_ms,
        done.tokens_per_s,
        parses(answer.code, _GRAMMAR.get(name, name)) if answer.code.strip() else None,
        done.phase,
        done.error,
    )


def prompts_of(text: str) -> list[str]:
    """Paragraphs, parted by blank lines."""
    return [piece.strip() for piece in text.replace("\r\n", "\n").split("\n\n") if piece.strip()]


def differences(forms: Sequence[Form]) -> tuple[dict[str, object], list[dict[str, object]]]:
    """What all columns share, and what each has of its own."""
    values = [{name: getattr(form, name) for name in _DIFFERING} for form in forms]
    same = {name: value for name, value in values[0].items() if all(v[name] == value for v in values)}
    return same, [{name: value for name, value in v.items() if name not in same} for v in values]


def table_html(cells: Sequence[Cell], forms: Sequence[Form]) -> str:
    """A row a prompt, a column a setting; measures with mean and spread above each answer."""
    same, own = differences(forms)
    heads = "".join(
        f'<th scope="col">{both("compare_column", at=i + 1)}<div class="q-own">{_settings(own[i])}</div></th>'
        for i in range(len(forms))
    )
    rows = "".join(
        f'<tr><th scope="row"><div class="q-cellprompt">{escape(prompt)}</div></th>'
        + "".join(
            f"<td>{_cell([c for c in cells if c.prompt == prompt and c.column == i])}</td>"
            for i in range(len(forms))
        )
        + "</tr>"
        for prompt in dict.fromkeys(cell.prompt for cell in cells)
    )
    constant = f'<p class="q-say">{both("compare_same")}: {_settings(same)}</p>'
    return f'{constant}<div class="q-table" tabindex="0"><table><thead><tr><th scope="col">{both("compare_prompt")}</th>{heads}</tr></thead><tbody>{rows}</tbody></table></div>'


def _settings(values: dict[str, object]) -> str:
    return " · ".join(
        f"{both(_KEYS.get(name, name))} <b>{escape(str(value)) if value not in (None, '') else '–'}</b>"
        for name, value in values.items()
    )


_KEYS = {"system": "system_prompt"}


def _cell(cells: Sequence[Cell]) -> str:
    if not cells:
        return "…"
    checked = [cell.parses for cell in cells if cell.parses is not None]
    facts = [
        (both("compare_tokens"), _spread([float(cell.tokens) for cell in cells])),
        (both("compare_latency"), _spread([cell.total_ms for cell in cells])),
        (both("compare_speed"), _spread([c.tokens_per_s for c in cells if c.tokens_per_s is not None])),
        (both("compare_parses"), f"{sum(checked)} / {len(checked)}" if checked else "–"),
    ]
    listed = "".join(f"<div><dt>{name}</dt><dd>{value}</dd></div>" for name, value in facts)
    answers = "".join(
        f"<details{' open' if cell is cells[0] else ''}><summary>{cell.repeat} · {both(f'phase_{cell.ending}')}</summary>"
        f'<pre tabindex="0">{escape(cell.error or cell.text)}</pre></details>'
        for cell in cells
    )
    return f'<dl class="q-facts">{listed}</dl>{answers}'


def _spread(values: Sequence[float]) -> str:
    if not values:
        return "–"
    mean = statistics.fmean(values)
    return f"{mean:,.0f}" if len(values) < 2 else f"{mean:,.0f} ± {statistics.stdev(values):,.0f}"


def to_json(cells: Sequence[Cell], forms: Sequence[Form]) -> str:
    """Everything, with the settings of each column."""
    data = {"columns": [asdict(form) for form in forms], "cells": [asdict(cell) for cell in cells]}
    return json.dumps(data, ensure_ascii=False, indent=2) + "\n"


def to_csv(cells: Sequence[Cell]) -> str:
    """A row a cell; a leading sign that a spreadsheet would take for a formula is disarmed."""
    out = io.StringIO()
    names = [field.name for field in fields(Cell)]
    writer = csv.writer(out)
    writer.writerow(names)
    for cell in cells:
        writer.writerow([_harmless(getattr(cell, name)) for name in names])
    return out.getvalue()


def _harmless(value: object) -> object:
    return f"'{value}" if isinstance(value, str) and value[:1] in ("=", "+", "-", "@", "\t", "\r") else value


@dataclass(frozen=True, slots=True)
class Role:
    """One step of a recipe."""

    name: str
    asked: str

    def prompt(self, task: str, previous: str) -> str:
        """What this role is asked, filled in."""
        return self.asked.replace("{input}", task).replace("{previous}", previous)


def roles_of(text: str) -> list[Role]:
    """Paragraphs of `name: what it is asked`."""
    found = (paragraph.partition(":") for paragraph in prompts_of(text.replace("：", ":")))
    return [Role(name.strip(), asked.strip()) for name, _, asked in found if asked.strip()]
