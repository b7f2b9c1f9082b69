"""Comparing answers: columns of settings, cells of prompt × column × repeat with their measures, JSON and CSV: pure."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields

from qwen_lsp.code.syntax import parses
from webui.gradio_types import Json
from webui.parts.markdown_code import split_fences
from webui.request.form import NAMES, Form
from webui.running.generation import Generation

LOADED, DEMO = "", "demo"
"""Engines that are no model to load: whatever answers now, and the labelled samples."""
_INPUT = "{input}"
_GRAMMAR = {"c++": "cpp", "c#": "csharp", "bash": "shellscript"}


@dataclass(frozen=True, slots=True)
class Column:
    """What one column asks with."""

    form: Form
    model: str = LOADED
    template: str = ""
    preset: str = ""

    def asked(self, prompt: str) -> str:
        """The prompt in this column's template; a template without a place for it goes before it."""
        template = self.template.strip()
        if not template:
            return prompt
        return template.replace(_INPUT, prompt) if _INPUT in template else f"{template}\n\n{prompt}"

    @property
    def settings(self) -> Json:
        """Everything that may differ between columns, flat."""
        own = {"model": self.model, "preset": self.preset, "template": self.template}
        return own | {name: getattr(self.form, name) for name in NAMES}


@dataclass(frozen=True, slots=True)
class Cell:
    """One answer and what it took. `model` is the one that did answer; `passes` is None without a verdict."""

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
    model: str = ""
    passes: bool | None = None
    tests: str = ""


def cell_of(prompt: str, column: int, repeat: int, form: Form, done: Generation, model: str = "") -> Cell:
    """The measures of an ended generation."""
    answer = split_fences(done.text)
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
        model,
    )


def failed_cell(prompt: str, column: int, repeat: int, why: str) -> Cell:
    """A cell that could not even be asked."""
    return Cell(prompt, column, repeat, "", 0, None, 0.0, None, None, "failed", why)


def prompts_of(text: str) -> list[str]:
    """Paragraphs, parted by blank lines."""
    return [piece.strip() for piece in text.replace("\r\n", "\n").split("\n\n") if piece.strip()]


def order_of(
    prompts: Sequence[str], columns: Sequence[Column], repeats: int
) -> dict[str, list[tuple[str, int, int]]]:
    """What is asked in turn, (prompt, column, repeat), by the model to load: each once, what needs none first."""
    groups: dict[str, list[tuple[str, int, int]]] = {}
    for turn in range(repeats):
        for prompt in prompts:
            for at, column in enumerate(columns):
                model = LOADED if column.model == DEMO else column.model
                groups.setdefault(model, []).append((prompt, at, turn + 1))
    return {model: groups[model] for model in sorted(groups)}


def differences(columns: Sequence[Column]) -> tuple[Json, list[Json]]:
    """What all columns share, and what each has of its own."""
    values = [column.settings for column in columns]
    same = {name: value for name, value in values[0].items() if all(v[name] == value for v in values)}
    return same, [{name: value for name, value in v.items() if name not in same} for v in values]


def to_json(cells: Sequence[Cell], columns: Sequence[Column]) -> str:
    """Everything, with the settings of each column."""
    data = {"columns": [column.settings for column in columns], "cells": [asdict(cell) for cell in cells]}
    return json.dumps(data, ensure_ascii=False, indent=2) + "\n"


def to_csv(cells: Sequence[Cell], columns: Sequence[Column]) -> str:
    """A row a cell, its column's settings behind; a sign that a spreadsheet takes for a formula is disarmed."""
    out = io.StringIO()
    measured = [field.name for field in fields(Cell)]
    writer = csv.writer(out)
    settings = [column.settings for column in columns]
    names = list(settings[0]) if settings else []
    writer.writerow([*measured, *(f"set_{name}" for name in names)])
    for cell in cells:
        own = [settings[cell.column][name] for name in names]
        writer.writerow([_harmless(value) for value in [*(getattr(cell, name) for name in measured), *own]])
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
        return self.asked.replace(_INPUT, task).replace("{previous}", previous)


def roles_of(text: str) -> list[Role]:
    """Paragraphs of `name: what it is asked`."""
    found = (paragraph.partition(":") for paragraph in prompts_of(text.replace("：", ":")))
    return [Role(name.strip(), asked.strip()) for name, _, asked in found if asked.strip()]
