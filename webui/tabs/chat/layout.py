"""The chat's parts and where they stand."""

from __future__ import annotations

from dataclasses import dataclass

import gradio as gr

from webui.gradio_types import Component, Updates
from webui.i18n.texts import bilingual
from webui.i18n.translator import translated
from webui.parts.lines import say_html
from webui.parts.workspace_files import NotReadable, Workspace
from webui.running.controls import run_buttons


@dataclass(frozen=True, slots=True)
class ChatLayout:
    """Every component of the chat."""

    search: gr.Textbox
    list: gr.Radio
    new: gr.Button
    delete: gr.Button
    erase: gr.Button
    export: gr.Button
    talk: gr.Chatbot
    bar: gr.HTML
    words: gr.Textbox
    go: gr.Button
    stop: gr.Button
    retry: gr.Button
    drop: gr.Button
    older: gr.Button
    newer: gr.Button
    folder: gr.Textbox
    read: gr.Button
    files: gr.Dropdown
    told: gr.HTML


def build_panel() -> ChatLayout:
    """Lay out: the list on the left, the conversation on the right."""
    with gr.Row(equal_height=False, elem_classes="q-two"):
        with gr.Column(scale=3, min_width=240):
            left = _left()
        with gr.Column(scale=9, min_width=320):
            right = _right() | _attach()
    return ChatLayout(**left, **right)


def _left() -> dict[str, Component]:
    made: dict[str, Component] = {"new": gr.Button(translated("chat_new"), elem_id="chat-new", size="md")}
    made["search"] = gr.Textbox(label=translated("chat_search"), elem_id="chat-search", max_lines=1)
    made["list"] = gr.Radio([], label=translated("chat_list"), elem_id="chat-list", elem_classes="q-list")
    with gr.Row():
        made["export"] = gr.Button(translated("chat_export"), size="sm", elem_id="chat-export", min_width=100)
        made["delete"] = gr.Button(translated("chat_delete"), size="sm", elem_id="chat-delete", min_width=100)
        made["erase"] = gr.Button(translated("chat_erase"), size="sm", elem_id="chat-erase", min_width=100)
    return made


def _right() -> dict[str, Component]:
    made: dict[str, Component] = {
        "talk": gr.Chatbot(
            label=translated("chat_talk"),
            height=460,
            editable="user",
            buttons=["copy", "copy_all"],
            elem_id="chat-talk",
            layout="panel",
            feedback_options=None,
            allow_tags=False,
            allow_file_downloads=False,
            latex_delimiters=[],
        ),
        "bar": gr.HTML(
            f'<div class="q-line">{bilingual("chat_empty")}</div>',
            elem_id="chat-bar",
            apply_default_css=False,
        ),
    }
    made["words"] = gr.Textbox(
        label=translated("chat_say"),
        placeholder=translated("chat_hint"),
        lines=2,
        max_lines=10,
        elem_id="chat-words",
    )
    made["go"], made["stop"] = run_buttons("chat", "chat_send", go_id="chat-send", size="md")
    with gr.Row(elem_classes="q-small"):
        for name in ("retry", "drop", "older", "newer"):
            made[name] = gr.Button(
                translated(f"chat_{name}"), elem_id=f"chat-{name}", size="sm", min_width=70
            )
    return made


def _attach() -> dict[str, Component]:
    made: dict[str, Component] = {}
    with gr.Accordion(translated("attach"), open=False, elem_id="chat-attach"):
        with gr.Row():
            made["folder"] = gr.Textbox(label=translated("attach_folder"), elem_id="chat-folder", scale=4)
            made["read"] = gr.Button(translated("attach_read"), size="sm", elem_id="chat-read", min_width=100)
        made["files"] = gr.Dropdown(
            [], multiselect=True, label=translated("attach_files"), elem_id="chat-files"
        )
        made["told"] = gr.HTML(elem_id="chat-told", apply_default_css=False)
    return made


def list_files(folder: str) -> Updates:
    """What the file list offers for a folder, and a sentence about it."""
    try:
        workspace = Workspace.at(folder)
        files = workspace.files()
    except NotReadable as error:
        return gr.update(choices=[], value=[]), say_html(bilingual("attach_bad", why=error), bad=True)
    told = say_html(bilingual("attach_count", count=len(files)))
    return gr.update(choices=[*workspace.folders(), *files], value=[]), told
