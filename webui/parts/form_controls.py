"""The controls of the Generate form, in the order of form.NAMES."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import gradio as gr

from webui.gradio_types import Component
from webui.i18n.translator import translated
from webui.request.form import LIMITS, NAMES, Form
from webui.request.target_languages import AS_IS, LANGUAGES


@dataclass(frozen=True, slots=True)
class Controls:
    """One component a field of the form."""

    by_name: dict[str, Component]

    @property
    def all(self) -> list[Component]:
        """In the order of NAMES."""
        return [self.by_name[name] for name in NAMES]

    def __getitem__(self, name: str) -> Any:
        return self.by_name[name]


def language_and_mode(base: Form) -> dict[str, Component]:
    """What is wanted: language and way of asking."""
    with gr.Row(elem_classes="q-asked q-first"):
        language = gr.Dropdown(
            [*((name, name) for name in LANGUAGES), (translated("as_is"), AS_IS)],
            value=base.language,
            label=translated("language"),
            elem_id="language",
            scale=1,
            min_width=135,
        )
        mode = gr.Radio(
            [(translated("mode_generate"), "generate"), (translated("mode_complete"), "complete")],
            value=base.mode,
            label=translated("mode"),
            elem_id="mode",
            elem_classes="q-inline",
            scale=3,
            min_width=220,
        )
    return {"language": language, "mode": mode}


def sampling(base: Form) -> dict[str, Component]:
    """How tokens are drawn and where the answer ends."""
    made: dict[str, Component] = {}
    with gr.Accordion(translated("sampling"), open=False, elem_id="sampling"):
        with gr.Row(elem_classes="q-pair"):
            made["temperature"] = _slider("temperature", base, 0.05)
            made["max_tokens"] = _slider("max_tokens", base, 1, top=8192)
        with gr.Row(elem_classes="q-pair"):
            made["top_p"] = _slider("top_p", base, 0.01)
            made["top_k"] = _slider("top_k", base, 1)
        with gr.Row(elem_classes="q-pair"):
            made["repetition_penalty"] = _slider("repetition_penalty", base, 0.01)
            made["min_p"] = _slider("min_p", base, 0.01)
    with gr.Accordion(translated("more"), open=False, elem_id="more"):
        made["system"] = gr.Textbox(
            label=translated("system_prompt"),
            placeholder=translated("system_hint"),
            lines=2,
            elem_id="system",
        )
        with gr.Row(elem_classes="q-pair"):
            made["stop_texts"] = gr.Textbox(
                label=translated("stop_texts"), lines=2, elem_id="stop-texts", min_width=150
            )
            made["seed"] = gr.Textbox(label=translated("seed"), max_lines=1, elem_id="seed", min_width=150)
    return made


def _slider(name: str, base: Form, step: float, top: float | None = None) -> gr.Slider:
    low, high = LIMITS[name]
    return gr.Slider(
        low,
        top or high,
        getattr(base, name),
        step=step,
        label=translated(name),
        elem_id=name.replace("_", "-"),
        min_width=150,
        buttons=[],
    )
