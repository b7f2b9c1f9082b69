"""One editor window: its settings, documents, engine and assistant, and what is said about them."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import logging
import os
from collections.abc import Callable, Coroutine, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lsprotocol import types

from qwen_lsp.assist.suggestion import Answer, Ask, Suggestion
from qwen_lsp.engine.base import Engine
from qwen_lsp.engine.request import EngineInfo
from qwen_lsp.errors import QwenLspError, SettingsError
from qwen_lsp.lsp.client import SECTION, Abilities, Editor, roots_of
from qwen_lsp.lsp.documents import Change, Documents
from qwen_lsp.lsp.protocol import Server
from qwen_lsp.lsp.status import describe
from qwen_lsp.settings import Settings, load_settings

if TYPE_CHECKING:
    from qwen_lsp.assist.assistant import Assistant

log = logging.getLogger(__name__)

OpenEngine = Callable[[Settings], Engine]
BuildAssistant = Callable[[Settings, Engine, Sequence[Path]], "Assistant"]


@dataclasses.dataclass(frozen=True, slots=True)
class Parts:
    """How a window gets its engine and its assistant."""

    open_engine: OpenEngine
    build_assistant: BuildAssistant
    prepare: Callable[[], None] = lambda: None
    """Run in a thread before anything is built: the slow imports."""
    kind: str | None = None
    """Overrules the setting engine.kind."""


_WATCH_LOADING_S = 0.5
_START_PATIENCE_S = 2.0
"""How long a question for the status waits for the assistant to be built."""
_KEPT_SUGGESTIONS = 64
"""How many shown suggestions can still be accepted or asked for their source."""


class Session:
    """Everything one window's features share. Lives on one event loop."""

    def __init__(self, server: Server, parts: Parts) -> None:
        self.editor = Editor(server)
        self.documents = Documents()
        self.settings = Settings()
        self.roots: tuple[Path, ...] = ()
        self.engine: Engine | None = None
        self.paused = False
        self.asks_ghost_text = False
        """Whether this editor has inline completion: it said so, or has asked for one."""
        self._server = server
        self._parts = parts
        self._given: dict[str, Any] = {}
        self._assistant: Assistant | None = None
        self._ready = asyncio.Event()
        self._settling = asyncio.Lock()
        self._failure = ""
        self._info: EngineInfo | None = None
        self._last: Answer | None = None
        self._shown: dict[str, Suggestion] = {}
        self._manual: set[str] = set()
        self._tasks: set[asyncio.Task[Any]] = set()
        self._watching: asyncio.Task[None] | None = None
        self._sent: dict[str, Any] | None = None

    # --- life

    def begin(self, params: types.InitializeParams) -> None:
        """Read what the client says of itself; nothing slow happens before `initialize` is answered."""
        self.editor.abilities = Abilities.of(params)
        self.asks_ghost_text = self.editor.abilities.inline_completion
        self.roots = roots_of(params)
        self._given = _section(params.initialization_options)

    def start(self) -> None:
        """Build engine and assistant, and follow the settings, in the background."""
        self.spawn(self.reconfigure())
        if self.editor.abilities.dynamic_configuration:
            options = types.DidChangeConfigurationRegistrationOptions(section=SECTION)
            self.spawn(self.editor.register(types.WORKSPACE_DID_CHANGE_CONFIGURATION, options))

    async def reconfigure(self, pushed: Any = None) -> None:
        """Take the settings in force now and rebuild what they change."""
        async with self._settling:
            pulled = await self.editor.configuration()
            given = pulled if isinstance(pulled, dict) and pulled else _section(pushed)
            settings = self._load(_laid_over(self._given, given))
            if settings != self.settings or not self._ready.is_set():
                await self._rebuild(settings)

    async def move_to(self, roots: Sequence[Path]) -> None:
        """The editor has other folders open now."""
        async with self._settling:
            self.roots = tuple(roots)
            if self._ready.is_set():
                await self._rebuild(self.settings)

    async def close(self) -> None:
        """Let go of engine and assistant; work in the background is cancelled."""
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._drop(engine_too=True)

    def spawn(self, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        """Run something beside the requests; its failure goes to the log."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._finished)
        return task

    def _finished(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("Background work failed", exc_info=error)

    # --- settings, engine, assistant

    def _load(self, given: dict[str, Any]) -> Settings:
        try:
            settings, problems = load_settings(given)
        except SettingsError as error:
            self.editor.tell(str(error))
            settings, problems = load_settings(given, file=Path(os.devnull))
        for problem in problems:
            self.editor.tell(f"qwen-lsp: {problem}")
        if kind := self._parts.kind:
            engine = dataclasses.replace(settings.engine, kind=kind)  # type: ignore[arg-type]
            settings = dataclasses.replace(settings, engine=engine)
        return settings

    async def _rebuild(self, settings: Settings) -> None:
        new_engine = (settings.engine, settings.host) != (self.settings.engine, self.settings.host)
        await self._drop(engine_too=new_engine)
        self.settings = settings
        self._failure = ""
        try:
            await asyncio.to_thread(self._parts.prepare)
            if self.engine is None:
                self.engine = self._parts.open_engine(settings)
            self._assistant = self._parts.build_assistant(settings, self.engine, self.roots)
        except QwenLspError as error:
            self._fail(str(error))
        except Exception as error:
            log.exception("The assistant could not be built")
            self._fail(f"qwen-lsp could not start: {error}. The editor's log of this server says more.")
        else:
            for snapshot in self.documents:
                self._assistant.opened(snapshot)
        self._ready.set()
        self.watch()

    async def _drop(self, *, engine_too: bool) -> None:
        assistant, self._assistant = self._assistant, None
        if assistant is not None:
            await _quietly(assistant.close())
        if engine_too and self.engine is not None:
            engine, self.engine = self.engine, None
            await _quietly(engine.close())

    def _fail(self, sentence: str) -> None:
        self._failure = sentence
        self.editor.tell(sentence, types.MessageType.Error)

    async def assistant(self) -> Assistant:
        """The assistant, waiting until it is built; raises QwenLspError with the reason when it cannot be."""
        await self._ready.wait()
        if self._assistant is None:
            raise QwenLspError(self._failure or "qwen-lsp is being set up again")
        return self._assistant

    # --- documents

    def opened(self, item: types.TextDocumentItem) -> None:
        """A document was opened."""
        snapshot = self.documents.open(item)
        if self._assistant:
            self._assistant.opened(snapshot)

    def changed(self, params: types.DidChangeTextDocumentParams) -> Change | None:
        """A document was changed."""
        change = self.documents.change(params.text_document, params.content_changes)
        if change is None:
            log.warning("A change came for a document that is not open")
        elif self._assistant and change.edits:
            self._assistant.changed(change.before, change.after, change.edits)
        return change

    def saved(self, uri: str) -> None:
        """A document was saved."""
        snapshot = self.documents.get(uri)
        if self._assistant and snapshot:
            self._assistant.saved(snapshot)

    def closed(self, uri: str) -> None:
        """A document was closed."""
        self._manual.discard(uri)
        if self.documents.close(uri) and self._assistant:
            self._assistant.closed(uri)

    # --- suggestions

    def ask_at(
        self,
        uri: str,
        position: types.Position,
        *,
        manual: bool,
        selected: types.SelectedCompletionInfo | None = None,
    ) -> Ask | None:
        """The question for a cursor, with the document as it is now; None when it is not open."""
        snapshot = self.documents.get(uri)
        if snapshot is None:
            return None
        asked_by_key = manual or uri in self._manual
        self._manual.discard(uri)
        start = self.documents.positions.offset(snapshot, selected.range.start) if selected else None
        return Ask(
            snapshot,
            self.documents.positions.offset(snapshot, position),
            manual=asked_by_key,
            selected=selected.text if selected else None,
            selected_start=start,
            session=uri,
        )

    def next_is_manual(self, uri: str) -> None:
        """Take the next question for this document as asked by key, for editors that cannot say so."""
        self._manual.add(uri)

    async def complete(self, ask: Ask) -> Answer:
        """The assistant's answer; a failure is an empty answer whose reason the status tells."""
        if self.paused and not ask.manual:
            return self._remember(Answer(reason="switched off by qwen_lsp.toggle"))
        try:
            assistant = await self.assistant()
            answer = await assistant.complete(ask)
        except QwenLspError as error:
            self.watch()
            return self._remember(Answer(reason=str(error)))
        except Exception as error:
            log.exception("A suggestion failed")
            return self._remember(Answer(reason=f"An unexpected failure: {type(error).__name__}: {error}"))
        for suggestion in answer.suggestions:
            self._shown[suggestion.id] = suggestion
            assistant.shown(suggestion.id)
        while len(self._shown) > _KEPT_SUGGESTIONS:
            del self._shown[next(iter(self._shown))]
        return self._remember(answer)

    def _remember(self, answer: Answer) -> Answer:
        self._last = answer
        if self.editor.abilities.status:
            self._send_status()
        return answer

    def shown(self, suggestion_id: str) -> Suggestion | None:
        """A suggestion lately shown."""
        return self._shown.get(suggestion_id)

    def accepted(self, suggestion_id: str, chars: int | None = None) -> bool:
        """The user took a suggestion, or its first `chars` characters; whether we knew it."""
        known = suggestion_id in self._shown
        if known and self._assistant:
            self._assistant.accepted(suggestion_id, chars)
        return known

    def toggle(self) -> bool:
        """Switch suggestions off or on for this window; whether they are on now."""
        self.paused = not self.paused
        self._send_status()
        return not self.paused

    # --- status

    async def status(self) -> dict[str, Any]:
        """How we are doing, asked afresh."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._ready.wait(), _START_PATIENCE_S)
        if self.engine is not None:
            self._info = await self.engine.info()
        return self._describe()

    def watch(self) -> None:
        """Follow the engine until it is ready or has failed, with a progress bar while it loads."""
        if self._watching is None or self._watching.done():
            self._watching = self.spawn(self._watch())

    async def _watch(self) -> None:
        bar = None
        try:
            while (engine := self.engine) is not None:
                self._info = info = await engine.info()
                self._send_status()
                if info.state != "loading":
                    break
                if bar is None:
                    bar = await self.editor.progress("Qwen")
                bar.report(self._describe()["message"], info.progress)
                await asyncio.sleep(_WATCH_LOADING_S)
        finally:
            if bar is not None:
                bar.end()
        self._announce()
        self._send_status()

    def _announce(self) -> None:
        """What a user should hear once without asking."""
        info = self._info
        if info is None:
            return
        if info.state == "failed":
            self.editor.tell(f"qwen-lsp: {info.detail}")
        elif info.is_starter or not info.local:
            kind = types.MessageType.Info if info.local else types.MessageType.Warning
            self.editor.note(self._describe()["message"], kind)

    def _send_status(self) -> None:
        status = self._describe()
        if status != self._sent:
            self._sent = status
            self.editor.send_status(status)

    def _describe(self) -> dict[str, Any]:
        host = self.settings.host
        return describe(
            self._info,
            last=self._last,
            paused=self.paused,
            failure=self._failure,
            address=f"http://{host.address}:{host.port}/" if host.page else "",
        )


def _section(options: Any) -> dict[str, Any]:
    """Our options out of what an editor sends: they may stand under our name or alone."""
    if not isinstance(options, dict):
        return {}
    inner = options.get(SECTION, options)
    return inner if isinstance(inner, dict) else {}


def _laid_over(base: dict[str, Any], over: dict[str, Any]) -> dict[str, Any]:
    """Two sets of options, by section; null means "not set", as editors send it."""
    laid: dict[str, Any] = {}
    for options in (base, over):
        for name, value in options.items():
            if isinstance(value, dict) and isinstance(laid.get(name, {}), dict):
                laid[name] = {**laid.get(name, {}), **{k: v for k, v in value.items() if v is not None}}
            elif value is not None:
                laid[name] = value
    return laid


async def _quietly(closing: Coroutine[Any, Any, None]) -> None:
    try:
        await asyncio.wait_for(closing, 5.0)
    except Exception as error:
        log.warning("Closing failed: %s", error or type(error).__name__)
