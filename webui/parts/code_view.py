"""The area where code is written live: a component of ours, because it colours every language and sends only news."""

from __future__ import annotations

import gradio as gr

from webui.gradio_types import Json
from webui.i18n.texts import bilingual
from webui.parts.highlight import Highlighter, highlight
from webui.static import static_text

_SCRIPT = static_text("view.js")


def code_view(name: str, *, label: str = "result", empty: str = "result_empty") -> gr.HTML:
    """An empty code area with its bar, tools and foot; its values are what `CodeStream` makes."""
    template = (
        f'<section class="q-view" data-phase="idle" data-empty="true"><header class="q-bar">'
        f'<span class="q-phase" role="status" aria-live="polite">{bilingual("phase_idle")}</span>'
        f'<span class="q-stats"></span><span class="q-tools">'
        f'<button type="button" class="q-copy"><span class="q-before">{bilingual("copy")}</span>'
        f'<span class="q-after">{bilingual("copied")}</span></button>'
        f'<button type="button" class="q-download">{bilingual("download")}</button></span></header>'
        f'<div class="q-scroll" tabindex="0" role="group" aria-labelledby="{name}-label">'
        f'<span class="q-hidden" id="{name}-label">{bilingual(label)}</span>'
        f'<div class="q-empty">{bilingual(empty)}</div>'
        f'<pre class="q-code"><code class="q-settled"></code><code class="q-tail"></code></pre></div>'
        f'<div class="q-prose"></div><footer class="q-foot"></footer></section>'
    )
    return gr.HTML(
        value=None,
        html_template=template,
        js_on_load=_SCRIPT,
        elem_id=name,
        elem_classes=["q-host"],
        apply_default_css=False,
    )


class CodeStream:
    """Turns a growing text into what the code area draws; what is settled is coloured once and sent once."""

    def __init__(self, run: str, language: str, file: str) -> None:
        self._run, self._language, self._file = run, language, file
        self._epoch = 0
        self._code = ""
        self._colours = Highlighter(language)
        self._ended: str | None = None

    def begun(self, *, state: str, phase: str, stats: str = "", foot: str = "") -> Json:
        """The area's value while the text itself comes as news; phase, stats and foot are HTML."""
        told = {"state": state, "phase": phase, "stats": stats, "foot": foot}
        return {"run": self._run, "file": self._file, **told}

    def news(self, code: str, language: str, epoch: int, shown: int) -> Json:
        """What an area lacks that shows `shown` characters of this epoch's settled HTML."""
        self._grow(code, language)
        settled, tail = self._colours.settled, self._colours.tail
        if self._ended is not None:  # an area may ask while the end is on its way to it: one epoch, one HTML
            settled, tail = self._ended, ""
        start = shown if epoch == self._epoch and shown <= len(settled) else 0
        return {"epoch": self._epoch, "from": start, "html": settled[start:], "tail": tail}

    def whole(self, code: str, language: str) -> Json:
        """All of an ended text, for areas that saw all news, some or none."""
        self._grow(code, language)
        html = highlight(self._code, self._language)
        # The same colours as the live ones but for rare spans over lines.
        if not html.startswith(self._colours.settled):
            self._epoch += 1
        self._ended = html
        return {"epoch": self._epoch, "from": 0, "html": html, "tail": ""}

    def _grow(self, code: str, language: str) -> None:
        if language and language != self._language:
            self._restart(language)
        if not code.startswith(self._code):
            self._restart(self._language)
        self._colours.feed(code[len(self._code) :])
        self._code = code

    def _restart(self, language: str) -> None:
        self._epoch += 1
        self._code, self._language, self._ended = "", language, None
        self._colours = Highlighter(language)
