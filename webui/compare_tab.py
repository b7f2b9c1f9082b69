"""Compare: the same prompts against up to four settings, repeated; and roles that hand their answers on."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import aclosing
from html import escape
from typing import Any

import gradio as gr

from qwen_lsp.engine.request import EngineInfo, Request
from webui.ask import Refusal, plan
from webui.compare import Cell, cell_of, prompts_of, roles_of, table_html, to_csv, to_json
from webui.form import Form, defaults, read
from webui.languages import AS_IS
from webui.progress import phase_html
from webui.room import QUIET, Room, key_of
from webui.speech import say
from webui.stream import Generation
from webui.words import both

_TAB = "compare"
_MOST_COLUMNS = 4
_FIELDS = ("temperature", "max_tokens", "top_p", "top_k", "seed", "system")
_RECIPE = """writer: Write code for this task. {input}

reviewer: Review this code and list its mistakes. {previous}

tester: Write unit tests for what this task asks. {input} The review says: {previous}"""


def build(room: Room, page: gr.Blocks, tab: gr.Tab) -> None:
    """Lay out the tab and wire it."""
    prompts = gr.Textbox(label=say("compare_prompts"), lines=4, max_lines=14, elem_id="compare-prompts")
    with gr.Row():
        count = gr.Radio([1, 2, 3, 4], value=2, label=say("compare_columns"), elem_id="compare-columns")
        repeat = gr.Slider(
            1, 20, 1, step=1, label=say("compare_repeat"), elem_id="compare-repeat", buttons=[]
        )
    columns, values = _columns()
    with gr.Row():
        go = gr.Button(
            say("compare_go"),
            variant="primary",
            elem_id="compare-go",
            elem_classes="q-go",
            scale=3,
            min_width=120,
        )
        stop = gr.Button(
            say("stop"), elem_id="compare-stop", elem_classes="q-stop", interactive=False, min_width=80
        )
        as_csv = gr.Button(say("compare_csv"), elem_id="compare-csv", min_width=110)
        as_json = gr.Button(say("compare_json"), elem_id="compare-json", min_width=110)
    bar = gr.HTML(elem_id="compare-bar", apply_default_css=False)
    table = gr.HTML(elem_id="compare-table", apply_default_css=False)
    cells = gr.State(())
    forms = gr.State(())
    text = gr.Textbox(visible=False)
    count.change(lambda n: [gr.update(visible=i < n) for i in range(_MOST_COLUMNS)], count, columns, **QUIET)
    go.click(
        _runner(room),
        [prompts, count, repeat, *values],
        [table, bar, cells, forms, go, stop],
        concurrency_limit=None,
        show_progress="hidden",
        api_visibility="private",
    )
    stop.click(_stopper(room), None, None, **QUIET)
    as_json.click(lambda c, f: to_json(c, f), [cells, forms], text, **QUIET).then(
        None, text, None, js=_save("comparison.json")
    )
    as_csv.click(lambda c: to_csv(c), cells, text, **QUIET).then(None, text, None, js=_save("comparison.csv"))
    _recipe(room)


def _save(name: str) -> str:
    return (
        "(text) => { const url = URL.createObjectURL(new Blob([text], {type: 'text/plain'}));"
        f"Object.assign(document.createElement('a'), {{href: url, download: '{name}'}}).click(); }}"
    )


def _columns() -> tuple[list[gr.Column], list[Any]]:
    columns: list[gr.Column] = []
    values: list[Any] = []
    with gr.Row(elem_classes="q-two"):
        for at in range(_MOST_COLUMNS):
            with gr.Column(visible=at < 2, min_width=200, elem_id=f"column-{at + 1}") as column:
                gr.HTML(
                    f'<h2 class="q-heading">{both("compare_column", at=at + 1)}</h2>', apply_default_css=False
                )
                with gr.Row():
                    numbers = [
                        gr.Number(value, label=say(name), min_width=90, elem_id=f"column-{at + 1}-{name}")
                        for name, value in _first_values(at).items()
                    ]
                    seed = gr.Textbox(
                        label=say("seed"), max_lines=1, min_width=90, elem_id=f"column-{at + 1}-seed"
                    )
                system = gr.Textbox(label=say("system_prompt"), lines=1, elem_id=f"column-{at + 1}-system")
            columns.append(column)
            values += [*numbers, seed, system]
    return columns, values


def _first_values(at: int) -> dict[str, float]:
    base = Form()
    return {
        "temperature": (0.0, 0.7, 1.0, 1.3)[at],
        "max_tokens": 256,
        "top_p": base.top_p,
        "top_k": base.top_k,
    }


def _runner(room: Room) -> Any:
    async def run(
        request: gr.Request, prompts: str, count: int, repeat: int, *values: Any
    ) -> AsyncIterator[tuple[Any, ...]]:
        info = await room.services.engine.info()
        forms = tuple(_form(values, at, info) for at in range(count))
        asked = [
            (p, i, n + 1) for n in range(int(repeat)) for p in prompts_of(prompts or "") for i in range(count)
        ]
        cells: list[Cell] = []
        if not asked:
            yield "", _line(both("request_empty")), (), (), *_buttons(False)
            return
        for prompt, column, turn in asked:
            generation = Generation(room.services.engine, _request(prompt, forms[column], info))
            async with aclosing(room.running.follow(key_of(request, _TAB), generation)) as states:  # type: ignore[type-var]
                async for state in states:
                    done = both("compare_running", done=len(cells), total=len(asked))
                    yield (
                        gr.update(),
                        _line(f"{done} {phase_html(state)}"),
                        tuple(cells),
                        forms,
                        *_buttons(True),
                    )
            cells.append(cell_of(prompt, column, turn, forms[column], generation))
            yield table_html(cells, forms), gr.update(), tuple(cells), forms, *_buttons(True)
            if generation.phase == "stopped":
                break
        done = both("compare_running", done=len(cells), total=len(asked))
        yield table_html(cells, forms), _line(done), tuple(cells), forms, *_buttons(False)

    return run


def _form(values: tuple[Any, ...], at: int, info: EngineInfo) -> Form:
    mine = values[at * len(_FIELDS) : (at + 1) * len(_FIELDS)]
    given = {name: value for name, value in zip(_FIELDS, mine, strict=True) if value is not None}
    return read({"language": AS_IS, **given}, defaults(info))


def _request(prompt: str, form: Form, info: EngineInfo) -> Request:
    asked = plan(prompt, form, info)
    if isinstance(asked, Refusal):
        raise ValueError(asked.key)
    return asked


def _recipe(room: Room) -> None:
    """Roles one after another, each shown as it answers."""
    with gr.Accordion(say("recipe"), open=False, elem_id="recipe"):
        task = gr.Textbox(label=say("recipe_task"), lines=2, elem_id="recipe-task")
        roles = gr.Textbox(
            value=_RECIPE, label=say("recipe"), info=say("recipe_text"), lines=6, elem_id="recipe-roles"
        )
        with gr.Row():
            go = gr.Button(say("recipe_go"), variant="primary", elem_id="recipe-go", scale=3)
            stop = gr.Button(say("stop"), elem_id="recipe-stop", elem_classes="q-stop")
        shown = gr.HTML(elem_id="recipe-shown", apply_default_css=False)
    go.click(
        _cook(room),
        [task, roles],
        shown,
        concurrency_limit=None,
        show_progress="hidden",
        api_visibility="private",
    )
    stop.click(_stopper(room, "recipe"), None, None, **QUIET)


def _cook(room: Room) -> Any:
    async def cook(request: gr.Request, task: str, roles: str) -> AsyncIterator[str]:
        info = await room.services.engine.info()
        form = read({"language": AS_IS}, defaults(info))
        done, previous = "", ""
        if not (task or "").strip():
            yield f'<p class="q-say bad" role="status">{both("request_empty")}</p>'
            return
        for role in roles_of(roles or ""):
            generation = Generation(
                room.services.engine, _request(role.prompt(task, previous), form, info), slower=2.0
            )
            async with aclosing(room.running.follow(key_of(request, "recipe"), generation)) as states:  # type: ignore[type-var]
                async for state in states:
                    yield done + _step(role.name, state)
            done, previous = done + _step(role.name, generation), generation.text
            if generation.phase in ("stopped", "failed"):
                return

    return cook


def _step(name: str, state: Generation) -> str:
    return (
        f'<section class="q-step"><h3>{escape(name)}</h3><div class="q-line">{phase_html(state)}</div>'
        f'<pre tabindex="0">{escape(state.text)}</pre></section>'
    )


def _line(html: str) -> str:
    return f'<div class="q-line" role="status">{html}</div>'


def _stopper(room: Room, job: str = _TAB) -> Any:
    async def stop(request: gr.Request) -> None:
        room.running.stop(key_of(request, job))

    return stop


def _buttons(running: bool) -> tuple[Any, Any]:
    return gr.update(interactive=not running), gr.update(interactive=running)
