"""Texts for Gradio's own components: the browser translates them to its language, or to the user's choice."""

from __future__ import annotations

import gradio as gr
from gradio.i18n import I18nData

from webui.i18n.examples import EXAMPLES
from webui.i18n.texts import tables

# Gradio also translates a user's text that happens to be a key, such as a conversation called "go".
_SIGN = "§"


def _all_tables() -> dict[str, dict[str, str]]:
    filled = tables()
    for tag, table in filled.items():
        table.update({example.key: example.title[tag != "en"] for example in EXAMPLES})
    return {tag: {_SIGN + key: text for key, text in table.items()} for tag, table in filled.items()}


TRANSLATOR = gr.I18n(**_all_tables())


def translated(key: str) -> I18nData:
    """The text of this key, translated in the browser; for labels, choices, placeholders and infos."""
    return TRANSLATOR(_SIGN + key)
