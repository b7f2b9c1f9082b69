"""The chat's parts and where they stand."""

from __future__ import annotations

from dataclasses import dataclass

import gradio as gr

from webui.gradio_types import Component, Updates
from webui.i18n.texts import bilingual
from webui.i18n.translator import translated
from webui.parts.examples import try_one
from webui.parts.lines import line_html, say_html
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
    older: gr.Button
    newer: gr.Button
    folder: gr.Textbox
    read: gr.Button
    files: gr.Dropdown
    told: gr.HTML


def build_panel() -> ChatLayout:
    """Lay out: the list on the left, the conversation on the right, the composer under it."""
    with gr.Row(equal_height=False, elem_classes="q-two q-chat"):
        with gr.Column(scale=3, min_width=200):
            left = _left()
        with gr.Column(scale=10, min_width=320):
            right = _conversation() | _composer() | _attach()
    return ChatLayout(**left, **right)


def _left() -> dict[str, Component]:
    made: dict[str, Component] = {"new": gr.Button(translated("chat_new"), elem_id="chat-new", size="md")}
    made["search"] = gr.Textbox(
        label=translated("chat_search"),
        show_label=False,
        placeholder=translated("chat_search"),
        max_lines=1,
        elem_id="chat-search",
    )
    made["list"] = gr.Radio([], label=translated("chat_list"), elem_id="chat-list", elem_classes="q-list")
    with gr.Row(elem_classes="q-quiet"):
        for name in ("export", "delete", "erase"):
            made[name] = gr.Button(
                translated(f"chat_{name}"), size="sm", elem_id=f"chat-{name}", min_width=60
            )
    return made


def _conversation() -> dict[str, Component]:
    made: dict[str, Component] = {
        "talk": gr.Chatbot(
            label=translated("chat_talk"),
            show_label=False,
            height=460,
            editable="user",
            buttons=["copy"],
            elem_id="chat-talk",
            layout="bubble",
            feedback_options=None,
            allow_tags=False,
            allow_file_downloads=False,
            latex_delimiters=[],
        )
    }
    with gr.Row(elem_classes="q-talkbar"):
        made["bar"] = gr.HTML(line_html(bilingual("chat_empty")), elem_id="chat-bar", apply_default_css=False)
        for name in ("older", "newer"):
            made[name] = gr.Button(
                translated(f"chat_{name}"), elem_id=f"chat-{name}", size="sm", min_width=60
            )
    return made


def _composer() -> dict[str, Component]:
    made: dict[str, Component] = {}
    with gr.Row(elem_classes="q-composer"):
        made["words"] = gr.Textbox(
            label=translated("chat_say"),
            show_label=False,
            placeholder=translated("chat_hint"),
            lines=1,
            max_lines=12,
            elem_id="chat-words",
            scale=8,
        )
        made["go"], made["stop"] = run_buttons("chat", "chat_send", go_id="chat-send", size="md")
    try_one(made["words"], "chat", 0, 7, 8)
    return made


def _attach() -> dict[str, Component]:
    made: dict[str, Component] = {}
    with gr.Accordion(translated("attach"), open=False, elem_id="chat-attach"):
        with gr.Row():
            made["folder"] = gr.Textbox(label=translated("attach_folder"), elem_id="chat-folder", scale=4)
            made["read"] = gr.Button(
                translated("attach_read"),
                size="md",
                elem_id="chat-read",
                elem_classes="q-low",
                min_width=100,
            )
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
