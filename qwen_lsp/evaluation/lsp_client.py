"""The same holes asked through a real language server over stdio: a window with one document open at a time."""

from __future__ import annotations

import asyncio
import contextlib
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from lsprotocol import types
from pygls.exceptions import JsonRpcException
from pygls.lsp.client import LanguageClient

from qwen_lsp import __version__
from qwen_lsp.assist.suggestion import CompletionRequest, CompletionResult, Suggestion, SuggestionTrace
from qwen_lsp.code.snapshot import Snapshot
from qwen_lsp.errors import EngineUnavailable, QwenLspError

_POLL_S = 0.2
_ANSWER_TIMEOUT_S = 120.0
_SHUTDOWN_TIMEOUT_S = 10.0
_CAPABILITIES = types.ClientCapabilities(
    general=types.GeneralClientCapabilities(position_encodings=[types.PositionEncodingKind.Utf32]),
    text_document=types.TextDocumentClientCapabilities(
        inline_completion=types.InlineCompletionClientCapabilities()
    ),
)

Result = TypeVar("Result")


class ServerWindow(LanguageClient):
    """An editor window with one server process, which is asked as an editor asks it."""

    def __init__(self) -> None:
        super().__init__("qwen-lsp eval", __version__)
        self._copying: asyncio.Task[None] | None = None

    async def complete(self, request: CompletionRequest) -> CompletionResult:
        """What the server would show in an editor at this place."""
        snapshot = request.snapshot
        document = types.TextDocumentIdentifier(snapshot.uri)
        opened = types.TextDocumentItem(snapshot.uri, snapshot.language, snapshot.version, snapshot.text)
        self.text_document_did_open(types.DidOpenTextDocumentParams(opened))
        try:
            line = snapshot.line_of(request.cursor)
            kinds = types.InlineCompletionTriggerKind
            params = types.InlineCompletionParams(
                types.InlineCompletionContext(kinds.Invoked if request.manual else kinds.Automatic),
                document,
                types.Position(line, request.cursor - snapshot.line_start(line)),
            )
            answer = await _answered(self.text_document_inline_completion_async(params))
            last = (await self.status())["last"] or {}
        finally:
            self.text_document_did_close(types.DidCloseTextDocumentParams(document))
        items = answer.items if isinstance(answer, types.InlineCompletionList) else answer or ()
        shown = tuple(_suggestion(snapshot, item, last) for item in items)
        return CompletionResult(shown, str(last.get("reason") or ""), _trace(last))

    async def status(self) -> dict[str, Any]:
        """What the server says of itself."""
        command = self.workspace_execute_command_async(types.ExecuteCommandParams("qwen_lsp.status", []))
        return dict(await _answered(command) or {})

    async def until_ready(self, progress: Callable[[str], None]) -> None:
        """Wait while the model loads and the workspace is read. Raises EngineUnavailable when it failed."""
        while True:
            status = await self.status()
            if status["state"] == "failed":
                raise EngineUnavailable(status["message"])
            if status["state"] not in ("starting", "loading") and status["indexed"]:
                return
            progress(status["message"])
            await asyncio.sleep(_POLL_S)

    async def start(self, command: Sequence[str], roots: Sequence[Path], options: Mapping[str, Any]) -> None:
        """Start the process and initialize it with the settings of this window; what it logs goes to our stderr."""
        await self.start_io(*command)
        # pygls pipes the server's stderr and never reads it: a full pipe would stop the server.
        if self._server is not None and self._server.stderr is not None:
            self._copying = asyncio.create_task(_copy(self._server.stderr))
        folders = [types.WorkspaceFolder(root.absolute().as_uri(), root.name) for root in roots]
        params = types.InitializeParams(
            _CAPABILITIES,
            root_uri=folders[0].uri if folders else None,
            workspace_folders=folders,
            initialization_options={"qwen_lsp": dict(options)},
        )
        answer = await _answered(self.initialize_async(params))
        if answer.capabilities.position_encoding != types.PositionEncodingKind.Utf32:
            raise QwenLspError("The language server counts columns in another way than it was asked to.")
        self.initialized(types.InitializedParams())

    async def close(self) -> None:
        """Shut down as the protocol says, and end the process when it does not."""
        process = self._server
        if process is None:
            return
        with contextlib.suppress(QwenLspError, TimeoutError, OSError):
            async with asyncio.timeout(_SHUTDOWN_TIMEOUT_S):
                await _answered(self.shutdown_async(None))
                self.exit(None)
                await process.wait()
        if process.returncode is None:
            process.kill()
        await self.stop()  # type: ignore[no-untyped-call]
        if self._copying is not None:
            await self._copying


async def _answered(answer: Awaitable[Result]) -> Result:
    """The server's answer; raises QwenLspError when it refuses, is late or has left."""
    try:
        return await asyncio.wait_for(answer, _ANSWER_TIMEOUT_S)
    except TimeoutError:
        raise QwenLspError(f"The language server did not answer in {_ANSWER_TIMEOUT_S:.0f} s.") from None
    except JsonRpcException as error:
        raise QwenLspError(str(error.message)) from error
    except RuntimeError as error:  # pygls says so when the process ends
        raise QwenLspError(f"The language server has left; its last words are above. {error}") from error


async def _copy(stderr: asyncio.StreamReader) -> None:
    while data := await stderr.read(65_536):
        sys.stderr.write(data.decode("utf-8", "replace"))
        sys.stderr.flush()


@contextlib.asynccontextmanager
async def language_server(
    command: Sequence[str], roots: Sequence[Path], options: Mapping[str, Any]
) -> AsyncIterator[ServerWindow]:
    """A server over these folders until the block ends."""
    window = ServerWindow()
    try:
        await window.start(command, roots, options)
        yield window
    finally:
        await window.close()


def _suggestion(snapshot: Snapshot, item: types.InlineCompletionItem, last: Mapping[str, Any]) -> Suggestion:
    place = item.range or types.Range(types.Position(0, 0), types.Position(0, 0))
    start, end = _offset(snapshot, place.start), _offset(snapshot, place.end)
    given = item.command.arguments if item.command else None
    text = item.insert_text if isinstance(item.insert_text, str) else item.insert_text.value
    return Suggestion(str(given[0] if given else ""), text, start, end, last.get("source") or "engine")


def _offset(snapshot: Snapshot, position: types.Position) -> int:
    return snapshot.line_start(position.line) + position.character


def _trace(last: Mapping[str, Any]) -> SuggestionTrace:
    return SuggestionTrace(
        0.0,
        last.get("source") or "none",
        prompt_tokens=last.get("promptTokens") or 0,
        cached_tokens=(last.get("promptTokens") or 0) - (last.get("prefilledTokens") or 0),
        generated_tokens=last.get("generatedTokens") or 0,
        total_ms=last.get("totalMs") or 0.0,
    )
