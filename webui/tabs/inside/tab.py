"""Inside the model: one prompt, and every token's experts and probabilities while it is written."""

from __future__ import annotations

import uuid
from collections.abc import AsyncGenerator
from contextlib import aclosing

import gradio as gr

from qwen_lsp.engine.request import EngineInfo
from webui.gradio_types import Handler, Json, Updates
from webui.i18n.texts import bilingual
from webui.i18n.translator import translated
from webui.page_context import QUIET, PageContext
from webui.page_opening import Opener
from webui.parts.architecture import picture_html
from webui.parts.examples import try_one
from webui.parts.progress import phase_html, stats_html
from webui.request.build import RequestRefusal, plan
from webui.request.form import Form, defaults, read
from webui.request.target_languages import AS_IS
from webui.running.controls import RunControls, Runner, run_buttons
from webui.running.generation import Generation, at_turns
from webui.tabs.inside.view import InsideStream, inside_view

_TAB = "inside"
_ALTERNATIVES = 5


def build(context: PageContext, page: gr.Blocks, tab: gr.Tab) -> None:
    """Lay out the tab and wire it."""
    picture = gr.HTML(elem_id="inside-picture", apply_default_css=False)
    with gr.Row(equal_height=False, elem_classes="q-two"):
        with gr.Column(scale=5, min_width=300):
            words = gr.Textbox(label=translated("inside_prompt"), lines=2, elem_id="inside-prompt")
            try_one(words, _TAB, 0, 3)
            with gr.Row(elem_classes="q-pair"):
                temperature = gr.Slider(
                    0,
                    2,
                    Form().temperature,
                    step=0.05,
                    label=translated("temperature"),
                    buttons=[],
                    min_width=140,
                )
                most = gr.Slider(
                    1, 2048, 256, step=1, label=translated("max_tokens"), buttons=[], min_width=140
                )
            go, stop = run_buttons(_TAB, "inside_go")
        with gr.Column(scale=7, min_width=320):
            view = inside_view("inside")
    run = RunControls(context, _TAB, go, stop)
    run.starts(go.click, _runner(context, run), [words, temperature, most], [view])
    tab.select(_drawer(context), None, picture, **QUIET)
    context.opening.add(_opener(context), [temperature])


def _runner(context: PageContext, run: RunControls) -> Runner:
    async def watch(
        request: gr.Request, words: str, temperature: float, most: int
    ) -> AsyncGenerator[Updates, None]:
        info, name = await context.services.engine.info(), uuid.uuid4().hex
        stream = InsideStream(name, info.shape)
        form = read({"language": AS_IS, "temperature": temperature, "max_tokens": most}, defaults(info))
        asked = plan(words or "", form, info, experts=True, logprobs=_ALTERNATIVES)
        if isinstance(asked, RequestRefusal):
            yield (stream.begun(state="failed", phase=bilingual(asked.key)),)
            return
        generation = Generation(context.services.engine, asked, keep_tokens=True)

        async def news(epoch: int, shown: int) -> Json:
            told = _told(generation, await context.services.engine.info())
            return told | stream.news(generation.tokens, shown)

        async with aclosing(at_turns(run.follow(request, generation))) as states:
            with context.live.telling(name, news):
                async for state in states:
                    value = stream.begun(**_told(state, await context.services.engine.info()))
                    if state.ended:
                        value |= stream.news(state.tokens, 0)
                    yield (value,)

    return watch


def _told(state: Generation, info: EngineInfo) -> dict[str, str]:
    return {"state": state.phase, "phase": phase_html(state), "stats": stats_html(state, info)}


def _drawer(context: PageContext) -> Handler:
    async def draw() -> str:
        return picture_html((await context.services.engine.info()).shape)

    return draw


def _opener(context: PageContext) -> Opener:
    async def opened(_: gr.Request) -> list[object]:
        return [defaults(await context.services.engine.info()).temperature]

    return opened
