"""One editor window: its settings, folders, documents, engine and assistant, from `initialize` to `shutdown`."""

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

from qwen_lsp.engine.base import Engine, address_of
from qwen_lsp.errors import QwenLspError, SettingsError
from qwen_lsp.lsp.client_settings import laid_over, section_of
from qwen_lsp.lsp.documents import DocumentChange, Documents
from qwen_lsp.lsp.editor import SECTION, Abilities, Editor, path_of, roots_of
from qwen_lsp.lsp.jsonrpc.protocol import LspServer
from qwen_lsp.lsp.status_reporter import StatusFacts, StatusReporter
from qwen_lsp.lsp.suggestions import Suggestions
from qwen_lsp.settings import Settings, load_settings

if TYPE_CHECKING:
    from qwen_lsp.assist.completion.assistant import Assistant

log = logging.getLogger(__name__)

OpenEngine = Callable[[Settings], Engine]
BuildAssistant = Callable[[Settings, Engine, Sequence[Path], Callable[[str], None]], "Assistant"]
"""From settings, engine, folders, and a way to tell the user a sentence."""


@dataclasses.dataclass(frozen=True, slots=True)
class SessionParts:
    """How a window gets its engine and its assistant."""

    open_engine: OpenEngine
    build_assistant: BuildAssistant
    prepare: Callable[[], None] = lambda: None
    """Run in a thread before anything is built: the slow imports."""
    kind: str | None = None
    """Overrules the setting engine.kind."""


_START_PATIENCE_S = 2.0
"""How long a question for the status waits for the assistant to be built."""


class Session:
    """Everything one window's features share. Lives on one event loop."""

    def __init__(self, server: LspServer, parts: SessionParts) -> None:
        self.editor = Editor(server)
        self.documents = Documents()
        self.settings = Settings()
        self.roots: tuple[Path, ...] = ()
        self.engine: Engine | None = None
        self.board = StatusReporter(self.editor, self._facts, self.spawn)
        self.suggestions = Suggestions(self.documents, self.assistant, self.board.answered)
        self.when_settled: list[Callable[[], Coroutine[Any, Any, None]]] = []
        """Run beside the requests each time other settings are in force."""
        self._parts = parts
        self._initial: dict[str, Any] = {}
        self._assistant: Assistant | None = None
        self._ready = asyncio.Event()
        self._settling = asyncio.Lock()
        self._watches_files = False
        """Whether the editor reports files that change outside of it."""
        self._tasks: set[asyncio.Task[Any]] = set()

    # --- life

    def begin(self, params: types.InitializeParams) -> None:
        """Read what the client says of itself; nothing slow happens before `initialize` is answered."""
        self.editor.abilities = Abilities.of(params)
        self.suggestions.for_ghost_text = self.editor.abilities.inline_completion
        self.roots = roots_of(params)
        self._initial = section_of(params.initialization_options)

    def start(self) -> None:
        """Build engine and assistant, and follow the settings, in the background."""
        self.spawn(self.reconfigure())
        if self.editor.abilities.dynamic_configuration:
            options = types.DidChangeConfigurationRegistrationOptions(section=SECTION)
            self.spawn(self.editor.register(types.WORKSPACE_DID_CHANGE_CONFIGURATION, options))
        if self.editor.abilities.watches_files:
            self.spawn(self._watch_files())

    async def _watch_files(self) -> None:
        """Have the editor report files that change outside of it."""
        everything = types.FileSystemWatcher(glob_pattern="**/*")
        options = types.DidChangeWatchedFilesRegistrationOptions([everything])
        self._watches_files = await self.editor.register(types.WORKSPACE_DID_CHANGE_WATCHED_FILES, options)
        if self._watches_files and self._assistant is not None:
            self._assistant.files_changed(())

    async def reconfigure(self, pushed: Any = None) -> None:
        """Take the settings in force now and rebuild what they change."""
        async with self._settling:
            pulled = await self.editor.configuration()
            given = pulled if isinstance(pulled, dict) and pulled else section_of(pushed)
            settings = self._load(laid_over(self._initial, given))
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
        self.board.failure = ""
        try:
            await asyncio.to_thread(self._parts.prepare)
            if self.engine is None:
                self.engine = self._parts.open_engine(settings)
            self._assistant = self._parts.build_assistant(settings, self.engine, self.roots, self.editor.tell)
        except QwenLspError as error:
            self.board.fail(str(error))
        except Exception as error:
            log.exception("The assistant could not be built")
            self.board.fail(f"qwen-lsp could not start: {error}. The editor's log of this server says more.")
        else:
            if self._watches_files:
                self._assistant.files_changed(())
            for snapshot in self.documents:
                self._assistant.opened(snapshot)
        self._ready.set()
        self.board.watch()
        for follow in self.when_settled:
            self.spawn(follow())

    async def _drop(self, *, engine_too: bool) -> None:
        assistant, self._assistant = self._assistant, None
        if assistant is not None:
            await _quietly(assistant.close())
        if engine_too and self.engine is not None:
            engine, self.engine = self.engine, None
            await _quietly(engine.close())

    async def assistant(self) -> Assistant:
        """The assistant, waiting until it is built; raises QwenLspError with the reason when it cannot be."""
        await self._ready.wait()
        if self._assistant is None:
            raise QwenLspError(self.board.failure or "qwen-lsp is being set up again")
        return self._assistant

    # --- documents

    def opened(self, item: types.TextDocumentItem) -> None:
        """A document was opened."""
        snapshot = self.documents.open(item)
        if self._assistant:
            self._assistant.opened(snapshot)

    def changed(self, params: types.DidChangeTextDocumentParams) -> DocumentChange | None:
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
        self.suggestions.forget(uri)
        if self.documents.close(uri) and self._assistant:
            self._assistant.closed(uri)

    def files_changed(self, uris: Sequence[str]) -> None:
        """Files were made, changed or removed outside the editor; what is open counts as the editor has it."""
        paths = [
            path for uri in uris if self.documents.get(uri) is None and (path := path_of(uri)) is not None
        ]
        if self._assistant:
            self._assistant.files_changed(paths)

    # --- status

    def toggle(self) -> bool:
        """Switch suggestions off or on for this window; whether they are on now."""
        self.suggestions.paused = not self.suggestions.paused
        self.board.send()
        return not self.suggestions.paused

    async def status(self) -> dict[str, Any]:
        """How we are doing, asked afresh."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._ready.wait(), _START_PATIENCE_S)
        await self.board.look()
        return self.board.describe()

    def _facts(self) -> StatusFacts:
        host = self.settings.host
        # A host found or started elsewhere knows its own address; the settings only say where it should be.
        address = address_of(self.engine) or f"http://{host.address}:{host.port}/"
        return StatusFacts(
            self.engine,
            self._assistant.status() if self._assistant is not None else None,
            self.suggestions.paused,
            address if host.page else "",
        )


async def _quietly(closing: Coroutine[Any, Any, None]) -> None:
    try:
        await asyncio.wait_for(closing, 5.0)
    except Exception as error:
        log.warning("Closing failed: %s", error or type(error).__name__)
