"""Saving, loading, importing and exporting the form's settings under names."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import gradio as gr

from qwen_lsp.paths import paths
from webui.gradio_types import Updates
from webui.i18n.texts import bilingual
from webui.i18n.translator import translated
from webui.page_context import QUIET, PageContext
from webui.parts.form_controls import Controls
from webui.parts.lines import saving, say_html
from webui.parts.presets import Preset, Presets
from webui.request.form import NAMES, read

_DOWNLOAD = saving("qwen-lsp-presets.json", "application/json")


def preset_panel(context: PageContext, request: gr.Textbox, form: Controls) -> None:
    """The folded panel below the form."""
    with gr.Accordion(translated("presets"), open=False, elem_id="presets"):
        with gr.Row(elem_classes="q-pair"):
            chosen = gr.Dropdown(
                [], value=None, label=translated("preset"), elem_id="preset", scale=3, min_width=140
            )
            load = gr.Button(translated("load"), size="sm", elem_id="preset-load", min_width=70)
            drop = gr.Button(translated("delete"), size="sm", elem_id="preset-delete", min_width=70)
        with gr.Row(elem_classes="q-pair"):
            name = gr.Textbox(
                label=translated("preset_name"), max_length=80, elem_id="preset-name", scale=3, min_width=140
            )
            keep_request = gr.Checkbox(
                label=translated("keep_request"), value=False, elem_id="preset-with-request"
            )
            save = gr.Button(translated("save"), size="sm", elem_id="preset-save", min_width=70)
        with gr.Row():
            given = gr.UploadButton(
                translated("import"), size="sm", file_types=[".json"], elem_id="preset-import"
            )
            export = gr.Button(translated("export"), size="sm", elem_id="preset-export")
        told = gr.HTML(elem_id="preset-told", apply_default_css=False)
        text = gr.Textbox(visible=False)
    context.opening.add(_opened, [chosen])
    save.click(_save, [name, keep_request, request, *form.all], [chosen, told], **QUIET)
    load.click(_load, [chosen, request, *form.all], [request, *form.all], **QUIET)
    drop.click(_drop, chosen, [chosen, told], **QUIET)
    given.upload(_import, given, [chosen, told], **QUIET)
    export.click(lambda: _store().export(), None, text, **QUIET).then(None, text, None, js=_DOWNLOAD)


def _store() -> Presets:
    return Presets(paths().data / "presets.json")


async def _opened(_: gr.Request) -> list[object]:
    return [gr.update(choices=await asyncio.to_thread(_names))]


def _names() -> list[str]:
    return list(_store().all())


def _save(name: str, keep_request: bool, request: str, *values: object) -> Updates:
    name = (name or "").strip()
    if not name:
        return gr.update(), _told("preset_unnamed", bad=True)
    form = read(dict(zip(NAMES, values, strict=True)))
    _store().keep(name, Preset(form, request if keep_request else None))
    return gr.update(choices=_names(), value=name), _told("preset_saved", name=name)


def _load(name: str | None, request: str, *values: object) -> list[Any]:
    preset = _store().all().get(name or "")
    if preset is None:
        return [request, *values]
    return [
        request if preset.request is None else preset.request,
        *(getattr(preset.form, field) for field in NAMES),
    ]


def _drop(name: str | None) -> Updates:
    if not name:
        return gr.update(), ""
    _store().drop(name)
    return gr.update(choices=_names(), value=None), _told("preset_deleted", name=name)


def _import(path: str) -> Updates:
    try:
        count = _store().take_in(Path(path).read_text("utf-8"))
    except (ValueError, OSError) as error:
        return gr.update(), _told("preset_broken", bad=True, why=error)
    return gr.update(choices=_names()), _told("preset_imported", count=count)


def _told(key: str, *, bad: bool = False, **values: object) -> str:
    return say_html(bilingual(key, **values), bad=bad)
