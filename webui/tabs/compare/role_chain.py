"""Roles one after another, such as writer, reviewer, tester: each gets its own words and the answer before."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from html import escape

import gradio as gr

from qwen_lsp.engine.request import Message
from webui.gradio_types import Updates
from webui.i18n.texts import bilingual
from webui.i18n.translator import translated
from webui.page_context import PageContext
from webui.parts.lines import line_html, say_html
from webui.parts.progress import phase_html
from webui.request.build import chat_request
from webui.running.controls import RunControls, Runner, run_buttons
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
        go, stop = run_buttons(_JOB, "recipe_go")
        shown = gr.HTML(elem_id="recipe-shown", apply_default_css=False)
    run = RunControls(context, _JOB, go, stop)
    run.starts(go.click, _runner(context, run), [task, roles], [shown])


def _runner(context: PageContext, run: RunControls) -> Runner:
    async def chain(request: gr.Request, task: str, roles: str) -> AsyncGenerator[Updates, None]:
        done, previous = "", ""
        if not (task or "").strip():
            yield (say_html(bilingual("request_empty"), bad=True),)
            return
        for role in roles_of(roles or ""):
            info = await context.services.engine.info()
            words = Message("user", role.prompt(task, previous))
            asked = chat_request(words, info=info, max_tokens=_MAX_TOKENS)
            generation = Generation(context.services.engine, asked, slower=2.0)
            async with aclosing(run.follow(request, generation)) as states:
                async for state in states:
                    if not state.ended:  # the next role's turn follows: only the last row ends the run
                        yield (done + _step(role.name, state),)
            done, previous = done + _step(role.name, generation), generation.text
            if generation.phase in ("stopped", "failed"):
                break
        yield (done,)

    return chain


def _step(name: str, state: Generation) -> str:
    return (
        f'<section class="q-step"><h3>{escape(name)}</h3>{line_html(phase_html(state))}'
        f'<pre tabindex="0">{escape(state.text)}</pre></section>'
    )
