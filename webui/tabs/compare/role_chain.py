"""Roles one after another, such as writer, reviewer, tester: each gets its own words and the answer before."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import aclosing
from html import escape

import gradio as gr

from qwen_lsp.assist.prompts.chat import DEFAULT_SYSTEM
from qwen_lsp.engine.request import ChatPrompt, EngineInfo, Lane, Message, Request
from webui.gradio_types import Handler, Updates
from webui.i18n.texts import bilingual
from webui.i18n.translator import translated
from webui.page_context import QUIET, PageContext, StartStop, key_of
from webui.parts.progress import phase_html
from webui.request.form import defaults
from webui.running.generation import Generation
from webui.tabs.compare.comparison import roles_of

_JOB = "recipe"
_MAX_TOKENS = 1024
_RECIPE = """writer: Write code for this task. {input}

reviewer: Review this code and list its mistakes. {previous}

tester: Write unit tests for what this task asks. {input} The review says: {previous}"""


def build_recipe(context: PageContext) -> None:
    """The folded panel, each role shown as it answers."""
    with gr.Accordion(translated("recipe"), open=False, elem_id="recipe"):
        task = gr.Textbox(label=translated("recipe_task"), lines=2, elem_id="recipe-task")
        roles = gr.Textbox(
            value=_RECIPE,
            label=translated("recipe"),
            info=translated("recipe_text"),
            lines=6,
            elem_id="recipe-roles",
        )
        with gr.Row():
            go = gr.Button(translated("recipe_go"), variant="primary", elem_id="recipe-go", scale=3)
            stop = gr.Button(
                translated("stop"),
                elem_id="recipe-stop",
                elem_classes="q-stop",
                interactive=False,
                min_width=80,
            )
        shown = gr.HTML(elem_id="recipe-shown", apply_default_css=False)
    go.click(
        _cook(context),
        [task, roles],
        [shown, go, stop],
        concurrency_limit=None,
        show_progress="hidden",
        api_visibility="private",
    )
    stop.click(_stopper(context), None, None, **QUIET)


def _cook(context: PageContext) -> Handler:
    async def cook(request: gr.Request, task: str, roles: str) -> AsyncIterator[Updates]:
        done, previous, buttons = "", "", StartStop()
        if not (task or "").strip():
            yield f'<p class="q-say bad" role="status">{bilingual("request_empty")}</p>', *buttons.now(True)
            return
        for role in roles_of(roles or ""):
            info = await context.services.engine.info()
            asked = _request(role.prompt(task, previous), info)
            generation = Generation(context.services.engine, asked, slower=2.0)
            async with aclosing(context.running.follow(key_of(request, _JOB), generation)) as states:
                async for state in states:
                    yield done + _step(role.name, state), *buttons.now(False)
            done, previous = done + _step(role.name, generation), generation.text
            if generation.phase in ("stopped", "failed"):
                break
        yield done, *buttons.now(True)

    return cook


def _request(words: str, info: EngineInfo) -> Request:
    prompt = ChatPrompt((Message("system", DEFAULT_SYSTEM), Message("user", words)))
    return Request(prompt, max_tokens=_MAX_TOKENS, sampling=defaults(info).sampling, lane=Lane.CHAT)


def _step(name: str, state: Generation) -> str:
    return (
        f'<section class="q-step"><h3>{escape(name)}</h3><div class="q-line">{phase_html(state)}</div>'
        f'<pre tabindex="0">{escape(state.text)}</pre></section>'
    )


def _stopper(context: PageContext) -> Handler:
    async def stop(request: gr.Request) -> None:
        context.running.stop(key_of(request, _JOB))

    return stop
