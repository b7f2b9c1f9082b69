"""Chat: several turns, every version kept, files of a project attached by choice; all of it stays on this machine."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

import gradio as gr

from qwen_lsp.engine.request import Message
from qwen_lsp.storage.conversations import Conversations, StoredConversation, with_files
from webui.gradio_types import Updates
from webui.i18n.texts import TEXTS, bilingual
from webui.page_context import QUIET, PageContext
from webui.parts.lines import line_html, progress_html, saving
from webui.parts.workspace_files import NotReadable, Workspace
from webui.request.build import chat_request
from webui.running.controls import RunControls, Runner
from webui.running.generation import Generation
from webui.tabs.chat.layout import build_panel, list_files

_TAB = "chat"
_MAX_TOKENS = 4096
_SURE = "() => [confirm(document.documentElement.lang.startsWith('zh') ? {1!r} : {0!r})]".format(
    *TEXTS["chat_erase_sure"]
)


@dataclass(frozen=True, slots=True)
class Where:
    """Which conversation is open, and the last message shown."""

    conversation: int | None = None
    leaf: int | None = None


def build(context: PageContext, page: gr.Blocks, tab: gr.Tab) -> None:
    """Lay out the tab and wire it."""
    where = gr.State(Where())
    panel = build_panel()
    drawn = [panel.talk, panel.bar, panel.list, where]
    run = RunControls(context, _TAB, panel.go, panel.stop)
    sent = [panel.words, panel.folder, panel.files, where]
    run.starts(panel.go.click, _sender(context, run), sent, [panel.words, *drawn])
    run.starts(panel.talk.retry, _retrier(context, run), where, drawn)
    run.starts(panel.talk.edit, _editor(context, run), where, drawn)
    panel.list.select(_open, panel.list, drawn, **QUIET)
    panel.search.change(lambda text: _listed(None, text), panel.search, panel.list, **QUIET)
    panel.new.click(lambda: _draw(Where()), None, drawn, **QUIET)
    panel.older.click(lambda at: _draw(_version(at, -1)), where, drawn, **QUIET)
    panel.newer.click(lambda at: _draw(_version(at, +1)), where, drawn, **QUIET)
    panel.talk.undo(_drop_turn, where, drawn, **QUIET)
    panel.delete.click(_delete, where, drawn, **QUIET)
    sure = gr.Checkbox(visible=False)
    panel.erase.click(None, None, sure, js=_SURE).then(_erase, [sure, where], drawn, **QUIET)
    text = gr.Textbox(visible=False)
    panel.export.click(lambda at: _store().export(at.leaf), where, text, **QUIET).then(
        None, text, None, js=saving("conversation.md", "text/markdown")
    )
    panel.read.click(list_files, panel.folder, [panel.files, panel.told], **QUIET)
    context.opening.add(_opened, drawn)


def _store() -> Conversations:
    return Conversations()


def _sender(context: PageContext, run: RunControls) -> Runner:
    async def send(
        request: gr.Request, words: str, folder: str, chosen: list[str] | None, at: Where
    ) -> AsyncGenerator[Updates, None]:
        if not (words or "").strip():
            yield gr.update(), *_draw(at, bilingual("request_empty"))
            return
        try:
            files = _attached(folder, chosen or [])
        except NotReadable as error:
            yield gr.update(), *_draw(at, bilingual("attach_bad", why=error))
            return
        store = _store()
        conversation = at.conversation or store.start(words.strip().splitlines()[0][:80])
        leaf = store.add(conversation, at.leaf, "user", words.strip(), files)
        async with aclosing(_answer(context, run, request, Where(conversation, leaf))) as states:
            async for state in states:
                yield ("", *state)

    return send


def _retrier(context: PageContext, run: RunControls) -> Runner:
    async def retry(request: gr.Request, at: Where) -> AsyncGenerator[Updates, None]:
        thread = _store().thread(at.leaf)
        question = next((one for one in reversed(thread) if one.role == "user"), None)
        if question is None:
            yield _draw(at)
            return
        async with aclosing(_answer(context, run, request, Where(at.conversation, question.id))) as states:
            async for state in states:
                yield state

    return retry


def _editor(context: PageContext, run: RunControls) -> Runner:
    async def edit(request: gr.Request, at: Where, event: gr.EditData) -> AsyncGenerator[Updates, None]:
        thread, index = _store().thread(at.leaf), event.index
        position = index[0] if isinstance(index, list | tuple) else index
        old = thread[position] if 0 <= position < len(thread) else None
        value = event.value if isinstance(event.value, str) else str(event.value)
        if old is None or old.role != "user" or not value.strip():
            yield _draw(at)
            return
        leaf = _store().add(old.conversation, old.parent, "user", value.strip(), old.files)
        async with aclosing(_answer(context, run, request, Where(old.conversation, leaf))) as states:
            async for state in states:
                yield state

    return edit


async def _answer(
    context: PageContext, run: RunControls, request: gr.Request, at: Where
) -> AsyncGenerator[Updates, None]:
    """Stream the answer to the last message of a thread; what was written is kept, however it ended."""
    store, engine = _store(), context.services.engine
    thread = store.thread(at.leaf)
    listed = _listed(at.conversation)
    turns = (Message(one.role, with_files(one)) for one in thread)
    asked = chat_request(*turns, info=await engine.info(), max_tokens=_MAX_TOKENS)
    generation = Generation(engine, asked, slower=2.0)
    try:
        async with aclosing(run.follow(request, generation)) as states:
            async for state in states:
                if state.ended:
                    break
                bar = progress_html(state, await engine.info())
                yield _shown(thread, state.text), line_html(bar), listed, at
                listed = gr.skip()  # what has not changed is not told again: each update is drawn
    finally:
        if generation.text and at.conversation is not None and at.leaf is not None:
            at = Where(at.conversation, store.add(at.conversation, at.leaf, "assistant", generation.text))
    yield _draw(at, progress_html(generation, await engine.info()))


def _attached(folder: str, chosen: list[str]) -> tuple[tuple[str, str], ...]:
    if not chosen:
        return ()
    workspace = Workspace.at(folder)
    names = dict.fromkeys(name for choice in chosen for name in workspace.under(choice))
    return tuple((name, workspace.read(name)) for name in names)


def _draw(at: Where, bar: str | None = None) -> Updates:
    thread = _store().thread(at.leaf)
    versions = _store().versions(at.leaf) if at.leaf is not None else []
    if bar is None:
        bar = ""
    if at.leaf is not None and len(versions) > 1:
        bar += f'<span class="q-version">{bilingual("chat_version", at=versions.index(at.leaf) + 1, count=len(versions))}</span>'
    return _shown(thread), line_html(bar), _listed(at.conversation), at


def _shown(thread: list[StoredConversation], writing: str | None = None) -> list[dict[str, str]]:
    turns = [{"role": one.role, "content": _words(one)} for one in thread]
    return turns if writing is None else [*turns, {"role": "assistant", "content": writing or "…"}]


def _words(one: StoredConversation) -> str:
    names = ", ".join(f"`{path}`" for path, _ in one.files)
    return f"{one.content}\n\n📎 {names}" if names else one.content


def _listed(conversation: int | None, search: str = "") -> Any:
    found = _store().conversations(search or "")
    return gr.update(choices=[(one.title, one.id) for one in found], value=conversation)


def _open(conversation: int | None) -> Updates:
    if conversation is None:
        return _draw(Where())
    return _draw(Where(conversation, _store().leaf(conversation)))


async def _opened(request: gr.Request) -> Updates:
    return await asyncio.to_thread(_addressed, request)


def _addressed(request: gr.Request) -> Updates:
    """What the page opens with: the conversation its address names, as editors do for a long answer."""
    asked = request.query_params.get("conversation", "")
    known = {one.id for one in _store().conversations()}
    return (
        _open(int(asked))
        if asked.isdecimal() and int(asked) in known
        else _draw(Where(), bilingual("chat_empty"))
    )


def _version(at: Where, step: int) -> Where:
    versions = _store().versions(at.leaf) if at.leaf is not None else []
    if at.leaf is None or at.conversation is None or len(versions) < 2:
        return at
    other = versions[max(0, min(len(versions) - 1, versions.index(at.leaf) + step))]
    return Where(at.conversation, _store().leaf(at.conversation, other))


def _drop_turn(at: Where) -> Updates:
    thread = _store().thread(at.leaf)
    question = next((one for one in reversed(thread) if one.role == "user"), None)
    if question is None or at.conversation is None:
        return _draw(at)
    return _draw(Where(at.conversation, _store().delete_from(question.id)))


def _delete(at: Where) -> Updates:
    if at.conversation is not None:
        _store().delete(at.conversation)
    return _draw(Where())


def _erase(sure: bool, at: Where) -> Updates:
    if not sure:
        return _draw(at)
    _store().erase()
    return _draw(Where())
