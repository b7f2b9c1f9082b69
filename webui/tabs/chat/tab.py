"""Chat: several turns, every version kept, files of a project attached by choice; all of it stays on this machine."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

import gradio as gr

from qwen_lsp.assist.prompts.chat import DEFAULT_SYSTEM
from qwen_lsp.engine.request import ChatPrompt, EngineInfo, Lane, Message, Request
from qwen_lsp.storage.conversations import Conversations, StoredConversation, with_files
from webui.gradio_types import Handler, Updates
from webui.i18n.texts import TEXTS, bilingual
from webui.page_context import QUIET, PageContext, StartStop, key_of
from webui.parts.progress import phase_html, stats_html
from webui.parts.workspace_files import NotReadable, Workspace
from webui.request.form import defaults
from webui.running.generation import Generation
from webui.tabs.chat.layout import build_panel, list_files

_TAB = "chat"
_MAX_TOKENS = 4096
_SURE = "() => [confirm(document.documentElement.lang.startsWith('zh') ? {1!r} : {0!r})]".format(
    *TEXTS["chat_erase_sure"]
)
_SAVE = (
    "(text) => { const url = URL.createObjectURL(new Blob([text], {type: 'text/markdown'}));"
    "Object.assign(document.createElement('a'), {href: url, download: 'conversation.md'}).click(); }"
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
    asked = {"concurrency_limit": None, "show_progress": "hidden", "api_visibility": "private"}
    answer = [*drawn, panel.go, panel.stop]
    panel.go.click(
        _sender(context), [panel.words, panel.folder, panel.files, where], [panel.words, *answer], **asked
    )
    panel.retry.click(_retrier(context), where, answer, **asked)
    panel.talk.edit(_editor(context), where, answer, **asked)
    panel.stop.click(_stopper(context), None, None, **QUIET)
    panel.list.select(_open, panel.list, drawn, **QUIET)
    panel.search.change(lambda text: _listed(None, text), panel.search, panel.list, **QUIET)
    panel.new.click(lambda: _draw(Where()), None, drawn, **QUIET)
    panel.talk.clear(lambda: _draw(Where()), None, drawn, **QUIET)
    panel.older.click(lambda at: _draw(_version(at, -1)), where, drawn, **QUIET)
    panel.newer.click(lambda at: _draw(_version(at, +1)), where, drawn, **QUIET)
    panel.drop.click(_drop_turn, where, drawn, **QUIET)
    panel.delete.click(_delete, where, drawn, **QUIET)
    sure = gr.Checkbox(visible=False)
    panel.erase.click(None, None, sure, js=_SURE).then(_erase, [sure, where], drawn, **QUIET)
    text = gr.Textbox(visible=False)
    panel.export.click(lambda at: _store().export(at.leaf), where, text, **QUIET).then(
        None, text, None, js=_SAVE
    )
    panel.read.click(list_files, panel.folder, [panel.files, panel.told], **QUIET)
    page.load(_addressed, None, drawn, **QUIET)


def _store() -> Conversations:
    return Conversations()


def _sender(context: PageContext) -> Handler:
    async def send(
        request: gr.Request, words: str, folder: str, chosen: list[str] | None, at: Where
    ) -> AsyncIterator[Updates]:
        if not (words or "").strip():
            yield (gr.update(), *_draw(at, bilingual("request_empty")), *_buttons(False))
            return
        try:
            files = _attached(folder, chosen or [])
        except NotReadable as error:
            yield (gr.update(), *_draw(at, bilingual("attach_bad", why=error)), *_buttons(False))
            return
        store = _store()
        conversation = at.conversation or store.start(words.strip().splitlines()[0][:80])
        leaf = store.add(conversation, at.leaf, "user", words.strip(), files)
        async with aclosing(_answer(context, request, Where(conversation, leaf))) as states:
            async for state in states:
                yield ("", *state)

    return send


def _retrier(context: PageContext) -> Handler:
    async def retry(request: gr.Request, at: Where) -> AsyncIterator[Updates]:
        thread = _store().thread(at.leaf)
        question = next((one for one in reversed(thread) if one.role == "user"), None)
        if question is None:
            yield (*_draw(at), *_buttons(False))
            return
        async with aclosing(_answer(context, request, Where(at.conversation, question.id))) as states:
            async for state in states:
                yield state

    return retry


def _editor(context: PageContext) -> Handler:
    async def edit(request: gr.Request, at: Where, event: gr.EditData) -> AsyncIterator[Updates]:
        thread, index = _store().thread(at.leaf), event.index
        position = index[0] if isinstance(index, list | tuple) else index
        old = thread[position] if 0 <= position < len(thread) else None
        value = event.value if isinstance(event.value, str) else str(event.value)
        if old is None or old.role != "user" or not value.strip():
            yield (*_draw(at), *_buttons(False))
            return
        leaf = _store().add(old.conversation, old.parent, "user", value.strip(), old.files)
        async with aclosing(_answer(context, request, Where(old.conversation, leaf))) as states:
            async for state in states:
                yield state

    return edit


async def _answer(context: PageContext, request: gr.Request, at: Where) -> AsyncGenerator[Updates, None]:
    """Stream the answer to the last message of a thread; what was written is kept, however it ended."""
    store, engine = _store(), context.services.engine
    thread = store.thread(at.leaf)
    listed, buttons = _listed(at.conversation), StartStop()
    generation = Generation(engine, _request(thread, await engine.info()), slower=2.0)
    try:
        async with aclosing(context.running.follow(key_of(request, _TAB), generation)) as states:
            async for state in states:
                if state.ended:
                    break
                bar = _bar(state, await engine.info())
                yield (_shown(thread, state.text), bar, listed, at, *buttons.now(False))
                listed = gr.skip()  # what has not changed is not told again: each update is drawn
    finally:
        if generation.text and at.conversation is not None and at.leaf is not None:
            at = Where(at.conversation, store.add(at.conversation, at.leaf, "assistant", generation.text))
    yield (*_draw(at, _bar(generation, await engine.info())), *_buttons(False))


def _request(thread: list[StoredConversation], info: EngineInfo) -> Request:
    turns = (Message(one.role, with_files(one)) for one in thread)
    prompt = ChatPrompt((Message("system", DEFAULT_SYSTEM), *turns))
    return Request(prompt, max_tokens=_MAX_TOKENS, sampling=defaults(info).sampling, lane=Lane.CHAT)


def _attached(folder: str, chosen: list[str]) -> tuple[tuple[str, str], ...]:
    if not chosen:
        return ()
    workspace = Workspace.at(folder)
    names = dict.fromkeys(name for choice in chosen for name in workspace.under(choice))
    return tuple((name, workspace.read(name)) for name in names)


def _stopper(context: PageContext) -> Handler:
    async def stop(request: gr.Request) -> None:
        context.running.stop(key_of(request, _TAB))

    return stop


def _draw(at: Where, bar: str | None = None) -> Updates:
    thread = _store().thread(at.leaf)
    versions = _store().versions(at.leaf) if at.leaf is not None else []
    if bar is None:
        bar = ""
    if at.leaf is not None and len(versions) > 1:
        bar += (
            f"<span>{bilingual('chat_version', at=versions.index(at.leaf) + 1, count=len(versions))}</span>"
        )
    return _shown(thread), f'<div class="q-line">{bar}</div>', _listed(at.conversation), at


def _shown(thread: list[StoredConversation], writing: str | None = None) -> list[dict[str, str]]:
    turns = [{"role": one.role, "content": _words(one)} for one in thread]
    return turns if writing is None else [*turns, {"role": "assistant", "content": writing or "…"}]


def _words(one: StoredConversation) -> str:
    names = ", ".join(f"`{path}`" for path, _ in one.files)
    return f"{one.content}\n\n📎 {names}" if names else one.content


def _bar(state: Generation, info: EngineInfo) -> str:
    return (
        f'<span class="q-phase" data-phase="{state.phase}">{phase_html(state)}</span>'
        f'<span class="q-stats">{stats_html(state, info)}</span>'
    )


def _listed(conversation: int | None, search: str = "") -> Any:
    found = _store().conversations(search or "")
    return gr.update(choices=[(one.title, one.id) for one in found], value=conversation)


def _open(conversation: int | None) -> Updates:
    if conversation is None:
        return _draw(Where())
    return _draw(Where(conversation, _store().leaf(conversation)))


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


def _buttons(running: bool) -> Updates:
    return gr.update(interactive=not running), gr.update(interactive=running)
