"""Compare: the same prompts against up to four columns of settings, tested and repeated; then roles in a row."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import aclosing
from html import escape
from typing import Any

import gradio as gr

from qwen_lsp.engine.base import switchable
from webui.i18n.gradio import say
from webui.i18n.texts import both
from webui.page_context import QUIET, PageContext, StartStop, key_of
from webui.request.test_kit import KITS
from webui.running.task import BackgroundTask
from webui.tabs.compare.columns import MOST, build_columns, columns_of, offer
from webui.tabs.compare.comparison import prompts_of, to_csv, to_json
from webui.tabs.compare.role_chain import build_recipe
from webui.tabs.compare.run import Comparison
from webui.tabs.compare.table import table_html

_TAB = "compare"


def build(room: PageContext, page: gr.Blocks, tab: gr.Tab) -> None:
    """Lay out the tab and wire it."""
    prompts = gr.Textbox(label=say("compare_prompts"), lines=3, max_lines=14, elem_id="compare-prompts")
    with gr.Row():
        count = gr.Radio(
            [1, 2, 3, 4], value=2, label=say("compare_columns"), elem_id="compare-columns", elem_classes="q-inline"
        )  # fmt: skip
        repeat = gr.Slider(
            1, 20, 1, step=1, label=say("compare_repeat"), elem_id="compare-repeat", buttons=[]
        )
    columns, controls = build_columns()
    note = "compare_everyone" if switchable(room.services.engine) else "compare_one_model"
    gr.HTML(f'<p class="q-say">{both(note)}</p>', elem_id="compare-note", apply_default_css=False)
    tests, language = _tests()
    go, stop, as_json, as_csv = _buttons()
    bar = gr.HTML(elem_id="compare-bar", apply_default_css=False)
    table = gr.HTML(elem_id="compare-table", apply_default_css=False)
    cells, settings, text = gr.State(()), gr.State(()), gr.Textbox(visible=False)
    offer(room.services.engine, controls, tab)
    count.change(lambda n: [gr.update(visible=i < n) for i in range(MOST)], count, columns, **QUIET)
    go.click(
        _runner(room),
        [prompts, count, repeat, tests, language, *controls],
        [table, bar, cells, settings, go, stop],
        concurrency_limit=None,
        show_progress="hidden",
        api_visibility="private",
    )
    stop.click(_stopper(room), None, None, **QUIET)
    for button, write, name in ((as_json, to_json, "comparison.json"), (as_csv, to_csv, "comparison.csv")):
        button.click(write, [cells, settings], text, **QUIET).then(None, text, None, js=_save(name))
    build_recipe(room)


def _tests() -> tuple[gr.Textbox, gr.Dropdown]:
    with gr.Accordion(say("compare_tests"), open=False, elem_id="compare-tests-panel"), gr.Row():
        tests = gr.Textbox(
            label=say("loop_tests"), info=say("compare_tests_info"), lines=5, max_lines=20, scale=4,
            elem_id="compare-tests", elem_classes="q-mono", min_width=220,
        )  # fmt: skip
        language = gr.Dropdown(
            list(KITS), value="Python", label=say("monitor_language"), elem_id="compare-language", min_width=130
        )  # fmt: skip
    return tests, language


def _buttons() -> tuple[gr.Button, gr.Button, gr.Button, gr.Button]:
    with gr.Row():
        go = gr.Button(
            say("compare_go"), variant="primary", elem_id="compare-go", elem_classes="q-go", size="md", scale=3, min_width=120
        )  # fmt: skip
        stop = gr.Button(
            say("stop"),
            elem_id="compare-stop",
            elem_classes="q-stop",
            size="md",
            interactive=False,
            min_width=80,
        )
        as_csv = gr.Button(say("compare_csv"), elem_id="compare-csv", size="md", min_width=130)
        as_json = gr.Button(say("compare_json"), elem_id="compare-json", size="md", min_width=130)
    return go, stop, as_json, as_csv


def _save(name: str) -> str:
    return (
        "(text) => { const url = URL.createObjectURL(new Blob([text], {type: 'text/plain'}));"
        f"Object.assign(document.createElement('a'), {{href: url, download: '{name}'}}).click(); }}"
    )


def _runner(room: PageContext) -> Any:
    async def run(
        request: gr.Request, prompts: str, count: int, repeat: int, tests: str, language: str, *values: Any
    ) -> AsyncIterator[tuple[Any, ...]]:
        wanted, buttons = prompts_of(prompts or ""), StartStop()
        if not wanted:
            yield "", _line(both("request_empty")), (), (), *buttons.now(True)
            return
        columns = columns_of(values, count, await room.services.engine.info())
        compared = Comparison(room, wanted, columns, int(repeat), tests or "", KITS[language])
        work, drawn = BackgroundTask(compared.run, both("phase_queued")), -1
        async with aclosing(room.running.follow(key_of(request, _TAB), work)) as states:
            async for state in states:
                cells = compared.so_far() if state.ended else compared.cells
                table = gr.skip() if len(cells) == drawn else table_html(cells, columns) if cells else ""
                drawn = len(cells)
                yield table, _line(_told(state)), tuple(cells), columns, *buttons.now(state.ended)

    return run


def _told(work: BackgroundTask[str]) -> str:
    if work.state == "stopped":
        return f"{both('phase_stopped')} {work.news}"
    return f'<span class="q-why">{escape(work.error)}</span>' if work.state == "failed" else work.news


def _line(html: str) -> str:
    return f'<div class="q-line" role="status">{html}</div>'


def _stopper(room: PageContext) -> Any:
    async def stop(request: gr.Request) -> None:
        room.running.stop(key_of(request, _TAB))

    return stop
