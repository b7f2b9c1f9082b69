"""Compare: the same prompts against up to four columns of settings, tested and repeated; then roles in a row."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from html import escape

import gradio as gr

from qwen_lsp.engine.base import switchable
from webui.gradio_types import Updates
from webui.i18n.texts import bilingual
from webui.i18n.translator import translated
from webui.page_context import QUIET, PageContext
from webui.parts.examples import try_one
from webui.parts.lines import line_html, saving
from webui.request.test_kit import KITS
from webui.running.controls import RunControls, Runner, run_buttons
from webui.running.task import BackgroundTask
from webui.tabs.compare.columns import MOST, build_columns, columns_of, offer
from webui.tabs.compare.comparison import prompts_of, to_csv, to_json
from webui.tabs.compare.role_chain import build_recipe
from webui.tabs.compare.run import Comparison
from webui.tabs.compare.table import table_html

_TAB = "compare"


def build(context: PageContext, page: gr.Blocks, tab: gr.Tab) -> None:
    """Lay out the tab and wire it."""
    prompts = gr.Textbox(
        label=translated("compare_prompts"), lines=3, max_lines=14, elem_id="compare-prompts"
    )
    try_one(prompts, _TAB, 0, 5, 6)
    with gr.Row():
        count = gr.Radio(
            [1, 2, 3, 4], value=2, label=translated("compare_columns"), elem_id="compare-columns", elem_classes="q-inline"
        )  # fmt: skip
        repeat = gr.Slider(
            1, 20, 1, step=1, label=translated("compare_repeat"), elem_id="compare-repeat", buttons=[]
        )
    columns, controls = build_columns()
    note = "compare_everyone" if switchable(context.services.engine) else "compare_one_model"
    gr.HTML(f'<p class="q-say">{bilingual(note)}</p>', elem_id="compare-note", apply_default_css=False)
    tests, language = _tests()
    go, stop, as_json, as_csv = _buttons()
    bar = gr.HTML(elem_id="compare-bar", apply_default_css=False)
    table = gr.HTML(elem_id="compare-table", apply_default_css=False)
    cells, settings, text = gr.State(()), gr.State(()), gr.Textbox(visible=False)
    offer(context.services.engine, controls, tab)
    count.change(lambda n: [gr.update(visible=i < n) for i in range(MOST)], count, columns, **QUIET)
    run = RunControls(context, _TAB, go, stop)
    run.starts(
        go.click,
        _runner(context, run),
        [prompts, count, repeat, tests, language, *controls],
        [table, bar, cells, settings],
    )
    for button, write, name in ((as_json, to_json, "comparison.json"), (as_csv, to_csv, "comparison.csv")):
        button.click(write, [cells, settings], text, **QUIET).then(None, text, None, js=saving(name))
    build_recipe(context)


def _tests() -> tuple[gr.Textbox, gr.Dropdown]:
    with gr.Accordion(translated("compare_tests"), open=False, elem_id="compare-tests-panel"), gr.Row():
        tests = gr.Textbox(
            label=translated("loop_tests"), info=translated("compare_tests_info"), lines=5, max_lines=20, scale=4,
            elem_id="compare-tests", elem_classes="q-mono", min_width=220,
        )  # fmt: skip
        language = gr.Dropdown(
            list(KITS), value="Python", label=translated("monitor_language"), elem_id="compare-language", min_width=130
        )  # fmt: skip
    return tests, language


def _buttons() -> tuple[gr.Button, gr.Button, gr.Button, gr.Button]:
    with gr.Row():
        go, stop = run_buttons(_TAB, "compare_go", size="md")
        as_csv = gr.Button(
            translated("compare_csv"), elem_id="compare-csv", size="md", scale=0, min_width=120
        )
        as_json = gr.Button(
            translated("compare_json"), elem_id="compare-json", size="md", scale=0, min_width=120
        )
    return go, stop, as_json, as_csv


def _runner(context: PageContext, run: RunControls) -> Runner:
    async def compare(
        request: gr.Request, prompts: str, count: int, repeat: int, tests: str, language: str, *values: object
    ) -> AsyncGenerator[Updates, None]:
        wanted = prompts_of(prompts or "")
        if not wanted:
            yield "", line_html(bilingual("request_empty")), (), ()
            return
        columns = columns_of(values, count, await context.services.engine.info())
        compared = Comparison(context, wanted, columns, int(repeat), tests or "", KITS[language])
        work, drawn = BackgroundTask(compared.run, bilingual("phase_queued")), -1
        async with aclosing(run.follow(request, work)) as states:
            async for state in states:
                cells = compared.so_far() if state.ended else compared.cells
                table = gr.skip() if len(cells) == drawn else table_html(cells, columns) if cells else ""
                drawn = len(cells)
                yield table, line_html(_told(state)), tuple(cells), columns

    return compare


def _told(work: BackgroundTask[str]) -> str:
    if work.state == "stopped":
        return f"{bilingual('phase_stopped')} {work.news}"
    return f'<span class="q-why">{escape(work.error)}</span>' if work.state == "failed" else work.news
