"""The one way to run something on a place of the page: when its buttons change, and what stops it."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from typing import Any

import gradio as gr
import pytest

from qwen_lsp.engine.stubs.demo import Gate, ScriptedEngine
from qwen_lsp.runtime import Services
from qwen_lsp.settings import Settings
from webui.page_context import PageContext, page_context_for
from webui.request.build import RequestRefusal, plan
from webui.request.form import Form
from webui.running.controls import RunControls, run_buttons
from webui.running.generation import Generation

GOES, STOPS = {"interactive": False}, {"interactive": True}


def _wired(context: PageContext, words: str) -> Callable[..., AsyncGenerator[tuple[Any, ...], None]]:
    """What Gradio would call: a runner that asks for `words` and shows the text, or refuses at once."""
    caught: list[Any] = []
    with gr.Blocks():
        shown = gr.Textbox()
        run = RunControls(context, "place", *run_buttons("place", "go"))

        async def answer(request: gr.Request) -> AsyncGenerator[tuple[object, ...], None]:
            asked = plan(words, Form(), await context.services.engine.info())
            if isinstance(asked, RequestRefusal):
                yield (asked.key,)
                return
            async for state in run.follow(request, Generation(context.services.engine, asked)):
                yield (state.text,)

        run.starts(lambda handler, *_, **__: caught.append(handler), answer, [], [shown])
    handler: Callable[..., AsyncGenerator[tuple[Any, ...], None]] = caught[0]
    return handler


def _changed(row: tuple[Any, ...]) -> list[dict[str, bool] | None]:
    """What a row says to the starting and the stopping button; None is nothing."""
    return [{"interactive": update["interactive"]} if "interactive" in update else None for update in row[1:]]


@pytest.mark.asyncio
async def test_the_buttons_change_once_when_a_job_begins_and_once_with_its_last_news() -> None:
    context = page_context_for(Services(Settings(), ScriptedEngine("a b c d e")))
    rows = [row async for row in _wired(context, "go")(gr.Request(session_hash="tab"))]
    assert _changed(rows[0]) == [GOES, STOPS]
    assert _changed(rows[-1]) == [STOPS, GOES]
    assert {str(_changed(row)) for row in rows[1:-1]} <= {"[None, None]"}
    assert rows[-1][0] == "a b c d e"


@pytest.mark.asyncio
async def test_what_is_refused_at_once_leaves_the_buttons_alone() -> None:
    context = page_context_for(Services(Settings(), ScriptedEngine("x")))
    rows = [row async for row in _wired(context, " ")(gr.Request(session_hash="tab"))]
    assert [row[0] for row in rows] == ["request_empty"]
    assert _changed(rows[0]) == [None, None]


@pytest.mark.asyncio
async def test_a_second_press_in_the_same_browser_tab_stops_the_first_and_other_tabs_go_on() -> None:
    gate = Gate()
    engine = ScriptedEngine("a b c", gate=gate)
    context = page_context_for(Services(Settings(), engine))
    answer = _wired(context, "go")
    first, other = answer(gr.Request(session_hash="tab")), answer(gr.Request(session_hash="other"))
    await anext(first)
    await anext(other)
    await engine.until(lambda e: e.in_flight == 2)
    second = answer(gr.Request(session_hash="tab"))
    await anext(second)
    assert (await anext(first))[0] == ""
    await engine.until(lambda e: e.in_flight == 2 and len(e.aborted) == 1)
    for one in (first, second, other):
        await one.aclose()
    await engine.until(lambda e: e.in_flight == 0)
