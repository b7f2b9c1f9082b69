"""The picture of a running generation: which experts each token used, how sure the model was, what else it weighed."""

from __future__ import annotations

import base64
from collections.abc import Sequence

import gradio as gr

from qwen_lsp.engine.request import ModelShape, Token
from webui.gradio_types import Json
from webui.i18n.texts import TEXTS, bilingual
from webui.static import static_text

_SCRIPT = static_text("inside.js")
_SPOKEN = (
    "inside_token",
    "inside_probability",
    "inside_others",
    "inside_by_layer",
    "inside_kept",
    "inside_alike",
)


def inside_view(name: str) -> gr.HTML:
    """The empty view; `InsideStream` makes its values."""
    label = " · ".join(TEXTS["inside_map"])
    template = (
        f'<section class="q-view q-inside" data-phase="idle"><header class="q-bar">'
        f'<span class="q-phase" role="status" aria-live="polite">{bilingual("inside_waiting")}</span><span class="q-stats"></span>'
        f'<span class="q-tools"><button type="button" class="q-keep">{bilingual("inside_keep")}</button>'
        f'<button type="button" class="q-export">{bilingual("inside_export")}</button></span></header>'
        f'<p class="q-alike q-say" role="status"></p><p class="q-noexperts q-say" hidden>{bilingual("inside_no_experts")}</p>'
        f'<div class="q-map"><h3>{bilingual("inside_map")}</h3><canvas width="1" height="1" role="img" aria-label="{label}"></canvas>'
        f'<h3>{bilingual("inside_balance")}</h3><div class="q-balance"></div></div>'
        f'<h3>{bilingual("inside_tokens")}</h3><div class="q-tokens"></div><div class="q-detail" aria-live="polite"></div></section>'
    )
    return gr.HTML(
        value=None,
        html_template=template,
        js_on_load=_SCRIPT,
        elem_id=name,
        elem_classes=["q-host"],
        apply_default_css=False,
        words={key: list(TEXTS[key]) for key in _SPOKEN},
    )


class InsideStream:
    """Turns a growing list of tokens into what the view draws; each token is sent once as news."""

    def __init__(self, run: str, shape: ModelShape | None) -> None:
        self._run = run
        self._layers = shape.layers if shape else 0
        self._experts = shape.experts if shape else 0

    def begun(self, *, state: str, phase: str, stats: str = "") -> Json:
        """The view's value while the tokens themselves come as news; phase and stats are HTML."""
        shape = {"layers": self._layers, "experts": self._experts}
        return {"run": self._run, **shape, "state": state, "phase": phase, "stats": stats}

    def news(self, tokens: Sequence[Token], shown: int) -> Json:
        """What a view lacks that shows so many tokens."""
        fresh = tokens[shown:]
        if fresh and not any(token.experts for token in fresh):
            self._experts = 0  # the engine has a shape but no tap on its router
        return {"from": shown, "rows": [row(token) for token in fresh], "experts": self._experts}


def row(token: Token) -> Json:
    """One token, its experts packed as bytes, layer by layer."""
    used = bytes(expert & 0xFF for layer in token.experts for expert in layer)
    packed = base64.b64encode(used).decode()
    others = [[text, round(logprob, 3)] for text, logprob in token.alternatives]
    return {"t": token.text, "p": round(token.logprob, 4), "a": others, "e": packed}
