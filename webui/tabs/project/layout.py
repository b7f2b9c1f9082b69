"""The project tab's parts and where they stand."""

from __future__ import annotations

from dataclasses import dataclass

import gradio as gr

from webui.gradio_types import Component
from webui.i18n.texts import bilingual
from webui.i18n.translator import translated
from webui.parts.lines import say_html
from webui.running.controls import run_buttons
from webui.static import static_text
from webui.tabs.project.question import TASKS

_SCRIPT = static_text("tree.js")


@dataclass(frozen=True, slots=True)
class ProjectLayout:
    """Every component of the tab."""

    folder: gr.Textbox
    read: gr.Button
    told: gr.HTML
    tree: gr.HTML
    chosen: gr.HTML
    part: gr.Dropdown
    task: gr.Radio
    words: gr.Textbox
    go: gr.Button
    stop: gr.Button
    bar: gr.HTML
    answer: gr.Markdown
    changes: gr.HTML
    accept: gr.Button
    keep: gr.Button


def build_panel() -> ProjectLayout:
    """Lay out: the project on the left, what is asked and answered on the right."""
    with gr.Row(equal_height=False, elem_classes="q-two"):
        with gr.Column(scale=4, min_width=280):
            left = _left()
        with gr.Column(scale=8, min_width=320):
            right = _asked() | _answered()
    return ProjectLayout(**left, **right)


def _left() -> dict[str, Component]:
    made: dict[str, Component] = {}
    with gr.Row():
        made["folder"] = gr.Textbox(
            label=translated("project_folder"),
            info=translated("project_folder_info"),
            max_lines=1,
            elem_id="project-folder",
            scale=4,
            min_width=180,
        )
        made["read"] = gr.Button(
            translated("project_read"),
            elem_id="project-read",
            elem_classes="q-low",
            size="md",
            scale=0,
            min_width=80,
        )
    made["told"] = gr.HTML(
        say_html(bilingual("project_hint")), elem_id="project-told", apply_default_css=False
    )
    made["tree"] = gr.HTML(elem_id="project-tree", js_on_load=_SCRIPT, apply_default_css=False)
    return made


def _asked() -> dict[str, Component]:
    made: dict[str, Component] = {"chosen": gr.HTML(elem_id="project-chosen", apply_default_css=False)}
    made["part"] = gr.Dropdown(
        [(translated("project_all"), "")], value="", label=translated("project_part"), elem_id="project-part"
    )
    made["task"] = gr.Radio(
        [(translated(f"project_{task}"), task) for task in TASKS],
        value="explain",
        label=translated("project_task"),
        elem_id="project-task",
        elem_classes="q-inline",
    )
    made["words"] = gr.Textbox(
        label=translated("project_words"),
        placeholder=translated("project_words_hint"),
        max_lines=3,
        visible=False,
        elem_id="project-words",
    )
    made["go"], made["stop"] = run_buttons("project", "project_go")
    return made


def _answered() -> dict[str, Component]:
    made: dict[str, Component] = {"bar": gr.HTML(elem_id="project-bar", apply_default_css=False)}
    made["answer"] = gr.Markdown(
        elem_id="project-answer",
        elem_classes="q-read",
        label=translated("result"),
        latex_delimiters=[],
        sanitize_html=True,
    )
    made["changes"] = gr.HTML(elem_id="project-changes", apply_default_css=False)
    with gr.Row():
        made["accept"] = gr.Button(
            translated("project_accept"),
            variant="primary",
            elem_id="project-accept",
            visible=False,
            min_width=160,
        )
        made["keep"] = gr.Button(
            translated("project_keep"), elem_id="project-keep", visible=False, min_width=160
        )
    return made
