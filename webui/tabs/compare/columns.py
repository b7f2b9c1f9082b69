"""The columns' controls: model or engine, preset, template, sampling; and reading them."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import gradio as gr

from qwen_lsp.engine.base import Engine, switchable
from qwen_lsp.engine.models.local import models_here
from qwen_lsp.engine.request import EngineInfo
from qwen_lsp.paths import paths
from webui.gradio_types import Component, Updates
from webui.i18n.texts import bilingual
from webui.i18n.translator import translated
from webui.page_context import QUIET
from webui.parts.presets import Preset, Presets
from webui.request.form import Form, defaults, read
from webui.request.target_languages import AS_IS
from webui.tabs.compare.comparison import DEMO, LOADED, Column

MOST = 4
_NUMBERS = ("temperature", "max_tokens", "top_p", "top_k")
_SHORT = {"top_k": "top_k_short"}
_FIELDS = (*_NUMBERS, "seed", "system")
_NAMES = ("model", "preset", "template", *_FIELDS)


def build_columns() -> tuple[list[gr.Column], list[Component]]:
    """The columns to show and hide, and all their controls in the order `columns_of` reads them."""
    columns: list[gr.Column] = []
    controls: list[Component] = []
    with gr.Row(elem_classes="q-two q-columns"):
        for at in range(MOST):
            with gr.Column(visible=at < 2, min_width=220, elem_id=f"column-{at + 1}") as column:
                made = _one(at)
            columns.append(column)
            controls += [made[name] for name in _NAMES]
            _fill_from_preset(made)
    return columns, controls


def offer(engine: Engine, controls: list[Component], tab: gr.Tab) -> None:
    """Name this machine's models and the saved presets whenever the tab is opened."""
    menus = [controls[at * len(_NAMES) + i] for at in range(MOST) for i in (0, 1)]

    async def look() -> list[Component]:
        models = await asyncio.to_thread(models_here) if switchable(engine) else []
        presets = await asyncio.to_thread(lambda: list(_presets().all()))
        choices = [
            (translated("compare_loaded"), LOADED),
            (translated("compare_demo"), DEMO),
            *((m, m) for m in models),
        ]
        named = [(translated("compare_no_preset"), ""), *((name, name) for name in presets)]
        return [gr.update(choices=choices), gr.update(choices=named)] * MOST

    tab.select(look, None, menus, **QUIET)


def columns_of(values: Updates, count: int, info: EngineInfo) -> tuple[Column, ...]:
    """The first columns as they are filled in."""
    return tuple(_read(values[at * len(_NAMES) : (at + 1) * len(_NAMES)], info) for at in range(count))


def _read(values: tuple[Any, ...], info: EngineInfo) -> Column:
    given = {name: value for name, value in zip(_NAMES, values, strict=True) if value is not None}
    preset = _presets().all().get(given.get("preset", ""))
    base = replace(defaults(info), language=AS_IS) if preset is None else preset.form
    form = read({name: given[name] for name in _FIELDS if name in given}, base)
    name = given.get("preset", "") if preset is not None else ""
    return Column(form, given.get("model", LOADED), given.get("template", ""), name)


def _one(at: int) -> dict[str, Component]:
    name = f"column-{at + 1}"
    made: dict[str, Component] = {}
    gr.HTML(f'<h2 class="q-heading">{bilingual("compare_column", at=at + 1)}</h2>', apply_default_css=False)
    with gr.Row():
        made["model"] = gr.Dropdown(
            [(translated("compare_loaded"), LOADED), (translated("compare_demo"), DEMO)],
            value=LOADED,
            label=translated("compare_model"),
            elem_id=f"{name}-model",
            min_width=140,
            allow_custom_value=True,
        )
        made["preset"] = gr.Dropdown(
            [(translated("compare_no_preset"), "")],
            value="",
            label=translated("preset"),
            elem_id=f"{name}-preset",
            min_width=110,
        )
    with gr.Row():
        for field, value in _first_values(at).items():
            made[field] = gr.Number(
                value, label=translated(_SHORT.get(field, field)), min_width=90, elem_id=f"{name}-{field}"
            )
        made["seed"] = gr.Textbox(
            label=translated("seed_short"),
            placeholder=translated("seed_hint"),
            max_lines=1,
            min_width=90,
            elem_id=f"{name}-seed",
        )
    with gr.Row():
        made["template"] = gr.Textbox(
            label=translated("compare_template"),
            placeholder=translated("compare_template_hint"),
            lines=1,
            max_lines=6,
            elem_id=f"{name}-template",
            min_width=140,
        )
        made["system"] = gr.Textbox(
            label=translated("system_prompt"), lines=1, max_lines=6, elem_id=f"{name}-system", min_width=110
        )
    return made


def _first_values(at: int) -> dict[str, float]:
    base = Form()
    return {
        "temperature": (0.0, 0.7, 1.0, 1.3)[at],
        "max_tokens": 256,
        "top_p": base.top_p,
        "top_k": base.top_k,
    }


def _fill_from_preset(made: dict[str, Component]) -> None:
    """Choosing a preset fills the column's fields; they may be changed afterwards."""
    filled = [made[name] for name in ("template", *_FIELDS)]
    made["preset"].input(_chosen, made["preset"], filled, **QUIET)


def _chosen(name: str) -> list[Component]:
    preset: Preset | None = _presets().all().get(name or "")
    if preset is None:
        return [gr.skip()] * (1 + len(_FIELDS))
    seed = "" if preset.form.seed is None else str(preset.form.seed)
    own = [getattr(preset.form, field) for field in _NUMBERS]
    return [preset.request or "", *own, seed, preset.form.system]


def _presets() -> Presets:
    return Presets(paths().data / "presets.json")
