"""The start page: a request or code in, code out, streamed; with everything that shapes it."""

from __future__ import annotations

import json
import uuid
from collections.abc import AsyncGenerator
from contextlib import aclosing
from html import escape

import gradio as gr

from qwen_lsp.engine.request import EngineInfo
from webui.gradio_types import Handler, Json, Updates
from webui.i18n.examples import EXAMPLES
from webui.i18n.texts import TEXTS, bilingual
from webui.i18n.translator import translated
from webui.page_context import QUIET, PageContext
from webui.page_opening import Opener
from webui.parts.architecture import picture_html
from webui.parts.code_view import CodeStream, code_view
from webui.parts.examples import example_card
from webui.parts.form_controls import Controls, language_and_mode, sampling
from webui.parts.markdown_code import FencedAnswer, split_fences
from webui.parts.preset_panel import preset_panel
from webui.parts.progress import foot_html, phase_html, stats_html
from webui.request.build import RequestRefusal, plan, shown
from webui.request.form import NAMES, Form, defaults, read
from webui.request.target_languages import ending
from webui.running.controls import RunControls, Runner, run_buttons
from webui.running.generation import Generation, at_turns
from webui.static import static_text

_TAB = "generate"
_LOOK_EVERY_S = 4.0
_ADDRESS = static_text("address.js")


def build(context: PageContext, page: gr.Blocks, tab: gr.Tab) -> None:
    """Lay out the tab and wire it."""
    with gr.Row(equal_height=False, elem_classes="q-two q-generate"):
        with gr.Column(scale=4, min_width=320, elem_classes="q-form"):
            request = gr.Textbox(
                label=translated("request"),
                placeholder=translated("request_hint"),
                lines=5,
                max_lines=18,
                elem_id="request",
                autofocus=True,
            )
            wanted = language_and_mode(Form())
            go, stop = run_buttons("generate", "go", go_id="go", stop_id="stop")
            differs = gr.HTML(elem_id="differs", apply_default_css=False)
            form = Controls(wanted | sampling(Form()))
            preset_panel(context, request, form)
            show, prompt = _prompt_panel()
            _example_cards(request, form)
        with gr.Column(scale=8, min_width=340):
            view = code_view("result")
            picture = gr.HTML(elem_id="picture", apply_default_css=False)
    _wire(context, request, form, go, stop, view, differs)
    show.click(_shower(context), [request, *form.all], prompt, **QUIET)
    context.opening.add(_opener(context), [*form.all, picture])
    gr.Timer(_LOOK_EVERY_S).tick(_drawer(context), None, picture, **QUIET)


def _prompt_panel() -> tuple[gr.Button, gr.Textbox]:
    with gr.Accordion(translated("prompt_shown"), open=False, elem_id="prompt-panel"):
        show = gr.Button(translated("prompt_show"), size="sm", elem_id="prompt-show")
        prompt = gr.Textbox(
            show_label=False,
            label=translated("prompt_shown"),
            lines=4,
            max_lines=14,
            interactive=False,
            elem_id="prompt-text",
        )
    return show, prompt


def _example_cards(request: gr.Textbox, form: Controls) -> None:
    gr.HTML(f'<h2 class="q-heading">{bilingual("examples")}</h2>', apply_default_css=False)
    with gr.Row(elem_classes="q-examples"):
        for example in EXAMPLES:
            fills = [request, form["language"], form["mode"]]
            example_card(example, fills, [example.language, "generate"])


def _address() -> str:
    """The script that puts what differs from the start into the address and under the buttons."""
    starts = [
        [getattr(defaults(EngineInfo("", "", "ready", is_starter=starter)), name) for name in NAMES]
        for starter in (False, True)
    ]
    spoken = {name: list(TEXTS[_SPOKEN.get(name, name)]) for name in NAMES}
    return _ADDRESS % (json.dumps(NAMES), json.dumps(starts), json.dumps(spoken, ensure_ascii=False))


_SPOKEN = {
    "seed": "seed_short",
    "top_k": "top_k_short",
    "min_p": "min_p_short",
    "system": "system_prompt",
    "stop_texts": "stop_texts_short",
}


def _wire(
    context: PageContext,
    request: gr.Textbox,
    form: Controls,
    go: gr.Button,
    stop: gr.Button,
    view: gr.HTML,
    differs: gr.HTML,
) -> None:
    run = RunControls(context, _TAB, go, stop)
    run.starts(go.click, _runner(context, run), [request, *form.all], [view])
    gr.on(
        [control.change for control in form.all],
        None,
        form.all,
        differs,
        js=_address(),
        show_progress="hidden",
        api_visibility="private",
    )


def _runner(context: PageContext, run: RunControls) -> Runner:
    async def generate(request: gr.Request, text: str, *values: object) -> AsyncGenerator[Updates, None]:
        form = read(dict(zip(NAMES, values, strict=True)))
        asked = plan(text or "", form, await context.services.engine.info())
        name = uuid.uuid4().hex
        stream = CodeStream(name, form.language, f"result.{ending(form.language)}")
        if isinstance(asked, RequestRefusal):
            yield (stream.begun(state="failed", phase=bilingual(asked.key)),)
            return
        generation = Generation(context.services.engine, asked)

        async def news(epoch: int, shown: int) -> Json:
            answer = split_fences(generation.text)
            told = _told(generation, await context.services.engine.info(), answer)
            return told | stream.news(answer.code, answer.language, epoch, shown)

        turns = at_turns(run.follow(request, generation))
        async with aclosing(turns) as states:
            with context.live.telling(name, news):
                async for state in states:
                    yield (_drawn(stream, state, await context.services.engine.info(), form),)

    return generate


def _drawn(stream: CodeStream, state: Generation, info: EngineInfo, form: Form) -> Json:
    begun = stream.begun(
        state=state.phase, phase=phase_html(state), stats=stats_html(state, info), foot=foot_html(form)
    )
    if not state.ended:
        return begun
    answer = split_fences(state.text)
    return begun | _told(state, info, answer) | stream.whole(answer.code, answer.language)


def _told(state: Generation, info: EngineInfo, answer: FencedAnswer) -> Json:
    """How it goes, as HTML; the prose is the model's and escaped."""
    told: Json = {"state": state.phase, "phase": phase_html(state), "stats": stats_html(state, info)}
    return told | {"prose": escape(answer.prose)}


def _shower(context: PageContext) -> Handler:
    async def show(text: str, *values: object) -> str:
        asked = plan(
            text or "", read(dict(zip(NAMES, values, strict=True))), await context.services.engine.info()
        )
        if isinstance(asked, RequestRefusal):
            raise gr.Error(translated(asked.key), print_exception=False)
        return shown(asked)

    return show


def _opener(context: PageContext) -> Opener:
    async def opened(request: gr.Request) -> list[object]:
        info = await context.services.engine.info()
        form = read(dict(request.query_params), defaults(info))
        return [*(getattr(form, name) for name in NAMES), picture_html(info.shape)]

    return opened


def _drawer(context: PageContext) -> Handler:
    async def redraw() -> str:
        return picture_html((await context.services.engine.info()).shape)

    return redraw
