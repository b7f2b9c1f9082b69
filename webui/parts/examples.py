"""Cards that fill a place with an example at a press, in the reader's language: an empty place says what it is for."""

from __future__ import annotations

import json
from collections.abc import Sequence

import gradio as gr

from webui.gradio_types import Component
from webui.i18n.examples import EXAMPLES, Example
from webui.i18n.translator import translated


def example_card(
    example: Example, fills: Sequence[Component], values: Sequence[object] = (), at: str = ""
) -> None:
    """A card; at a press its request goes into the first of `fills`, and `values` into the others."""
    card = gr.Button(
        translated(example.key), size="sm", elem_id=f"{at}{example.key}", elem_classes="q-card", min_width=150
    )
    fill = json.dumps([list(example.request), list(values)])
    card.click(
        None,
        None,
        list(fills),
        js=f"() => {{ const [words, others] = {fill};"
        "const request = words[document.documentElement.lang.startsWith('zh') ? 1 : 0];"
        "return others.length ? [request, ...others] : request; }",
        api_visibility="private",
    )


def try_one(into: Component, at: str, *programs: int) -> None:
    """A row of cards for a place with one field."""
    with gr.Row(elem_classes="q-examples"):
        for program in programs:
            example_card(EXAMPLES[program], [into], at=f"{at}-")
