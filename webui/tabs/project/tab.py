"""Project: a folder as a tree; a file or folder explained, reviewed, tested, migrated; changes written when accepted."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from html import escape
from typing import Any

import gradio as gr

from qwen_lsp.code.markdown import fence
from qwen_lsp.code.symbols import Symbol
from qwen_lsp.engine.request import EngineInfo
from qwen_lsp.errors import QwenLspError
from webui.gradio_types import Component, Updates
from webui.i18n.texts import bilingual
from webui.i18n.translator import translated
from webui.page_context import QUIET, PageContext
from webui.parts.lines import line_html, progress_html, saving, say_html
from webui.parts.workspace_files import NotReadable, Workspace
from webui.running.controls import RunControls, Runner
from webui.running.generation import Generation
from webui.tabs.project.layout import ProjectLayout, build_panel
from webui.tabs.project.question import Question, outcome_of, question, symbols_of
from webui.tabs.project.result import ProjectResult, changes_html, fit_html, result_of
from webui.tabs.project.tree import files_of, files_told, tree_html

_TAB = "project"
_MOST_NAMED = 60


def build(context: PageContext, page: gr.Blocks, tab: gr.Tab) -> None:
    """Lay out the tab and wire it."""
    panel = build_panel()
    root = gr.State("")
    choice = gr.State("")
    result = gr.State(ProjectResult())
    text, language = gr.Textbox(visible=False), gr.Textbox("en", visible=False)
    page.load(None, None, language, js="() => document.documentElement.lang", api_visibility="private")
    panel.read.click(
        _open, panel.folder, [root, choice, panel.tree, panel.told, panel.chosen, panel.part], **QUIET
    )
    panel.tree.click(_choose, root, [choice, panel.chosen, panel.part], **QUIET)
    panel.task.change(lambda task: gr.update(visible=task == "migrate"), panel.task, panel.words, **QUIET)
    run = RunControls(context, _TAB, panel.go, panel.stop)
    run.starts(
        panel.go.click,
        _runner(context, run),
        [root, choice, panel.part, panel.task, panel.words, language],
        _drawn(panel, result),
    )
    panel.accept.click(_accept, [root, result], [panel.bar, panel.accept], **QUIET)
    panel.keep.click(_kept, result, text, **QUIET).then(
        None, text, None, js=saving("project.md", "text/markdown")
    )


def _drawn(panel: ProjectLayout, result: gr.State) -> list[Component]:
    return [
        panel.bar, panel.answer, panel.changes, result, panel.accept, panel.keep
    ]  # fmt: skip


async def _open(folder: str) -> Updates:
    try:
        workspace = await asyncio.to_thread(Workspace.at, folder or "")
        files = await asyncio.to_thread(files_of, workspace)
    except NotReadable as error:
        return "", "", "", say_html(bilingual("project_refused", why=error), bad=True), "", _parts([])
    told = f"{escape(str(workspace.root))} · {files_told(len(files))}"
    return str(workspace.root), "", tree_html(files), say_html(told), "", _parts([])


async def _choose(root: str, event: gr.EventData) -> Updates:
    path = str(event._data.get("row", "")) if isinstance(event._data, dict) else ""
    if not root or not path:
        return "", "", _parts([])
    chosen = f"{bilingual('project_chosen')}: <b>{escape(path)}</b>"
    if path.endswith("/"):
        return path, say_html(chosen), _parts([])
    try:
        symbols = await asyncio.to_thread(symbols_of, Workspace.at(root), path)
    except NotReadable as error:
        return "", say_html(bilingual("project_refused", why=error), bad=True), _parts([])
    if symbols:
        named = ", ".join(escape(one.name) for one in symbols[:_MOST_NAMED])
        chosen += f"<br>{bilingual('project_symbols')}: {named}{' …' if len(symbols) > _MOST_NAMED else ''}"
    return path, say_html(chosen), _parts(symbols)


def _parts(symbols: list[Symbol]) -> Any:
    named = [(f"{one.name} ({one.first + 1}–{one.last + 1})", _key(one)) for one in symbols]
    return gr.update(choices=[(translated("project_all"), ""), *named], value="")


def _key(symbol: Symbol) -> str:
    return f"{symbol.name}@{symbol.first}-{symbol.last}"


def _runner(context: PageContext, run: RunControls) -> Runner:
    async def ask(
        request: gr.Request, root: str, choice: str, part: str, task: str, words: str, language: str
    ) -> AsyncGenerator[Updates, None]:
        if not root or not choice:
            yield _row(line_html(bilingual("project_none")))
            return
        workspace, info = Workspace(Workspace.at(root).root), await context.services.engine.info()
        try:
            asked = await asyncio.to_thread(_question, context, workspace, choice, part, task, words, info)
        except QwenLspError as error:
            yield _row(line_html(bilingual("project_refused", why=error)))
            return
        generation = Generation(context.services.engine, asked.request, slower=2.0)
        fit = f'<span class="q-fit">{fit_html(asked.fit)}</span>'
        async with aclosing(run.follow(request, generation)) as states:
            async for state in states:
                bar = line_html(progress_html(state, await context.services.engine.info(), fit))
                if not state.ended:
                    yield _row(bar, _writing(state.text, asked))
        yield await asyncio.to_thread(_finished, workspace, asked, generation, bar, language)

    return ask


def _question(
    context: PageContext,
    workspace: Workspace,
    choice: str,
    part: str,
    task: str,
    words: str,
    info: EngineInfo,
) -> Question:
    found = None
    if part and not choice.endswith("/"):
        found = next((one for one in symbols_of(workspace, choice) if _key(one) == part), None)
    return question(workspace, choice, found, task, words or "", info, context.services.settings.actions)


def _writing(text: str, asked: Question) -> str:
    """Prose as it is; what will become a change or a list is shown as written, until it has become that."""
    is_prose = asked.plan is None or asked.plan.use == "show"
    return text if is_prose or not text else fence(text)


def _finished(workspace: Workspace, asked: Question, done: Generation, bar: str, language: str) -> Updates:
    if done.phase in ("stopped", "failed") or not done.text.strip():
        return _row(bar, _writing(done.text, asked), result=ProjectResult(done.text))
    if asked.plan is None:
        return _row(bar, done.text, result=ProjectResult(done.text))
    try:
        outcome = outcome_of(workspace, asked.plan, done.text, cut=done.phase == "length")
        result = result_of(outcome, workspace, language)
    except QwenLspError as error:
        refused = line_html(bilingual("project_refused", why=error))
        return _row(bar + refused, done.text, result=ProjectResult(done.text))
    return _row(bar, result.markdown, changes_html(result), result)


def _row(
    bar: str,
    answer: str = "",
    changes: str = "",
    result: ProjectResult | None = None,
) -> Updates:
    result = result or ProjectResult()
    return (
        bar,
        answer,
        changes,
        result,
        gr.update(visible=bool(changes)),
        gr.update(visible=bool(result.markdown or result.changes)),
    )


async def _accept(root: str, result: ProjectResult) -> Updates:
    """Write the changes of the last answer; the first that cannot be written stops the rest."""
    written: list[str] = []
    try:
        workspace = Workspace.at(root)
        for change in result.changes:
            await asyncio.to_thread(workspace.write, change.path, change.after, before=change.before)
            written.append(change.path)
    except NotReadable as error:
        return line_html(bilingual("project_refused", why=error)), gr.update()
    return line_html(bilingual("accept_done", names=", ".join(written))), gr.update(visible=False)


def _kept(result: ProjectResult) -> str:
    diffs = [f"## {change.path}\n\n{fence(change.diff, 'diff')}" for change in result.changes]
    return "\n\n".join(piece for piece in (result.markdown, *diffs) if piece) + "\n"
