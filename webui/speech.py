"""The interface's own translator over words.py; the browser's language, or the user's choice, decides."""

from __future__ import annotations

import gradio as gr

from webui.examples import EXAMPLES
from webui.words import tables


def _all_tables() -> dict[str, dict[str, str]]:
    filled = tables()
    for tag, table in filled.items():
        table.update({example.key: example.title[tag != "en"] for example in EXAMPLES})
    return filled


say = gr.I18n(**_all_tables())
