"""The editor at the other end: what it can do, and the few things we ask of it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import unquote, urlsplit

from lsprotocol import types

from qwen_lsp.lsp.jsonrpc.protocol import LspServer

log = logging.getLogger(__name__)

SECTION = "qwen_lsp"
"""Our section in every editor's settings, and the prefix of our commands and notifications."""

_ANSWER_TIMEOUT_S = 10.0
_STAND_STILL = ("eglot", "emacs", "helix")
"""Names of clients (lsp-mode calls itself emacs) that resolve an action while the user waits."""

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Abilities:
    """What a client says it can do, of the things that matter to us."""

    name: str = ""
    inline_completion: bool = False
    dynamic_completion: bool = False
    markdown_documentation: bool = False
    configuration_pull: bool = False
    dynamic_configuration: bool = False
    watches_files: bool = False
    """Tells of files that change outside of it, once it is asked to."""
    progress: bool = False
    show_document: bool = False
    apply_edit: bool = False
    document_changes: bool = False
    change_annotations: bool = False
    snippet_edits: bool = False
    action_literals: bool = False
    resolves_action_edits: bool = False
    action_tags: bool = False
    """Shows code actions tagged as written by a model in its own way."""
    stands_still: bool = False
    """Does nothing while it waits for an answer: no typing, no question of ours answered, an error after 10 to 20 s."""
    status: bool = False
    """Wants our `qwen_lsp/status` notification (others may warn about a notification they do not know)."""

    @classmethod
    def of(cls, params: types.InitializeParams) -> Abilities:
        """Read from `initialize`."""

        def has(path: str) -> Any:
            at: Any = params.capabilities
            for name in path.split("."):
                at = getattr(at, name, None)
            return at

        formats = has("text_document.completion.completion_item.documentation_format") or []
        resolvable = getattr(has("text_document.code_action.resolve_support"), "properties", None) or []
        tags = getattr(has("text_document.code_action.tag_support"), "value_set", None) or []
        name = params.client_info.name if params.client_info else ""
        return cls(
            name=name,
            inline_completion=has("text_document.inline_completion") is not None,
            dynamic_completion=bool(has("text_document.completion.dynamic_registration")),
            markdown_documentation=types.MarkupKind.Markdown in formats,
            configuration_pull=bool(has("workspace.configuration")),
            dynamic_configuration=bool(has("workspace.did_change_configuration.dynamic_registration")),
            watches_files=bool(has("workspace.did_change_watched_files.dynamic_registration")),
            progress=bool(has("window.work_done_progress")),
            show_document=bool(getattr(has("window.show_document"), "support", False)),
            apply_edit=bool(has("workspace.apply_edit")),
            document_changes=bool(has("workspace.workspace_edit.document_changes")),
            change_annotations=has("workspace.workspace_edit.change_annotation_support") is not None,
            snippet_edits=bool(has("workspace.workspace_edit.snippet_edit_support")),
            action_literals=has("text_document.code_action.code_action_literal_support") is not None,
            resolves_action_edits="edit" in resolvable,
            action_tags=types.CodeActionTag.LlmGenerated in tags,
            stands_still=name.lower().startswith(_STAND_STILL),
            status=_wants_status(params.capabilities.experimental),
        )


def roots_of(params: types.InitializeParams) -> tuple[Path, ...]:
    """The folders the editor has open."""
    uris = [folder.uri for folder in params.workspace_folders or ()]
    if not uris and params.root_uri:
        uris = [params.root_uri]
    found = [path for uri in uris if (path := path_of(uri)) is not None]
    return tuple(found) or ((Path(params.root_path),) if params.root_path else ())


def path_of(uri: str) -> Path | None:
    """The path of a file: URI."""
    parts = urlsplit(uri)
    return Path(unquote(parts.path)) if parts.scheme == "file" and parts.path else None


class Editor:
    """Messages from us to the editor. None of them raises when the editor cannot or does not answer."""

    def __init__(self, server: LspServer) -> None:
        self._server = server
        self._told: set[str] = set()
        self.abilities = Abilities()

    def tell(self, sentence: str, kind: types.MessageType = types.MessageType.Warning) -> None:
        """Show a sentence to the user, the same one only once."""
        if sentence not in self._told:
            self._told.add(sentence)
            self._server.window_show_message(types.ShowMessageParams(kind, sentence))

    def note(self, sentence: str, kind: types.MessageType = types.MessageType.Info) -> None:
        """Write a sentence to the editor's log."""
        self._server.window_log_message(types.LogMessageParams(kind, sentence))

    def send_status(self, status: dict[str, Any]) -> None:
        """Tell an editor that asked for it how we are doing."""
        if self.abilities.status:
            self._server.protocol.notify(f"{SECTION}/status", status)

    async def configuration(self) -> Any:
        """Our section of the user's settings; None when the editor has no way to say."""
        if not self.abilities.configuration_pull:
            return None
        params = types.ConfigurationParams([types.ConfigurationItem(section=SECTION)])
        answer = await self._ask(self._server.workspace_configuration_async(params))
        return answer[0] if answer else None

    async def show_document(self, uri: str, *, external: bool = False, line: int | None = None) -> bool:
        """Open a page or a file; whether the editor did."""
        if not self.abilities.show_document:
            return False
        selection = None
        if line is not None:
            selection = types.Range(types.Position(line, 0), types.Position(line, 0))
        params = types.ShowDocumentParams(uri, external=external, take_focus=True, selection=selection)
        answer = await self._ask(self._server.window_show_document_async(params))
        return bool(answer and answer.success)

    async def apply_edit(self, edit: types.WorkspaceEdit, label: str) -> bool:
        """Change the user's files; whether the editor did."""
        if not self.abilities.apply_edit:
            return False
        params = types.ApplyWorkspaceEditParams(edit, label)
        answer = await self._ask(self._server.workspace_apply_edit_async(params), timeout_s=600.0)
        return bool(answer and answer.applied)

    async def register(self, method: str, options: Any = None) -> bool:
        """Register for a method after `initialize`; whether the editor took it."""
        registration = types.Registration(id=f"{SECTION}:{method}", method=method, register_options=options)
        params = types.RegistrationParams([registration])
        try:
            await asyncio.wait_for(self._server.client_register_capability_async(params), _ANSWER_TIMEOUT_S)
        except Exception as error:  # an editor may refuse, or never answer
            log.warning("The editor did not register %s: %s", method, error or type(error).__name__)
            return False
        return True

    async def unregister(self, method: str) -> None:
        """Take a registration back."""
        gone = types.Unregistration(id=f"{SECTION}:{method}", method=method)
        await self._ask(self._server.client_unregister_capability_async(types.UnregistrationParams([gone])))

    async def progress(self, title: str, on_cancel: Callable[[], None] | None = None) -> EditorProgress:
        """A progress bar; a silent one where the editor has none. With `on_cancel` the user may stop it."""
        shown = EditorProgress(self._server, title if self.abilities.progress else "", on_cancel)
        await shown.begin()
        return shown

    async def _ask(self, answer: Awaitable[Result], *, timeout_s: float = _ANSWER_TIMEOUT_S) -> Result | None:
        try:
            return await asyncio.wait_for(answer, timeout_s)
        except Exception as error:  # an editor may refuse, answer nonsense or never
            log.warning("The editor did not answer: %s", error or type(error).__name__)
            return None


class EditorProgress:
    """One work-done progress bar."""

    _last = 0

    def __init__(self, server: LspServer, title: str, on_cancel: Callable[[], None] | None = None) -> None:
        self._server = server
        self._title = title
        self._on_cancel = on_cancel
        EditorProgress._last += 1
        self._token = f"{SECTION}-{EditorProgress._last}"
        self._open = False

    async def begin(self) -> None:
        """Ask the editor for the bar; without its consent nothing is shown."""
        if not self._title:
            return
        bars = self._server.work_done_progress
        try:
            await asyncio.wait_for(bars.create_async(self._token), _ANSWER_TIMEOUT_S)
        except Exception as error:
            log.warning("The editor shows no progress: %s", error or type(error).__name__)
            return
        self._open = True
        stops = self._on_cancel
        bars.begin(self._token, types.WorkDoneProgressBegin(title=self._title, cancellable=stops is not None))
        if stops is not None:
            bars.tokens[self._token].add_done_callback(lambda token: stops() if token.cancelled() else None)

    def report(self, sentence: str, share: float | None = None) -> None:
        """Move the bar; `share` is 0..1."""
        if self._open:
            percentage = None if share is None else max(0, min(100, round(share * 100)))
            self._server.work_done_progress.report(
                self._token, types.WorkDoneProgressReport(message=sentence, percentage=percentage)
            )

    def end(self, sentence: str = "") -> None:
        """Take the bar away."""
        if self._open:
            self._open = False
            bars = self._server.work_done_progress
            bars.end(self._token, types.WorkDoneProgressEnd(message=sentence or None))
            bars.tokens.pop(self._token, None)


def _wants_status(experimental: Any) -> bool:
    section = (
        experimental.get(SECTION) if isinstance(experimental, dict) else getattr(experimental, SECTION, None)
    )
    return bool(section.get("status") if isinstance(section, dict) else getattr(section, "status", False))
