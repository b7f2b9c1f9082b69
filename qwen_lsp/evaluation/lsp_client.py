"""The same holes asked through a real language server over stdio: a window with one document open at a time."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from qwen_lsp.assist.suggestion import CompletionRequest, CompletionResult, Suggestion, SuggestionTrace
from qwen_lsp.code.snapshot import Snapshot
from qwen_lsp.errors import EngineUnavailable, QwenLspError

_LOOK_S = 0.2
_ANSWER_S = 120.0
_LEAVE_S = 10.0
_MOST_MESSAGE_BYTES = 64 * 1024 * 1024
_CAPABILITIES = {
    "general": {"positionEncodings": ["utf-32"]},
    "textDocument": {"inlineCompletion": {}},
}


class LanguageServer:
    """One server process, asked as an editor asks it."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self._ids = itertools.count(1)
        self._waiting: dict[int, asyncio.Future[Any]] = {}
        self._reading = asyncio.create_task(self._read())

    async def complete(self, ask: CompletionRequest) -> CompletionResult:
        """What the server would show in an editor at this place."""
        document = {"uri": ask.snapshot.uri}
        opened = {
            **document,
            "languageId": ask.snapshot.language,
            "version": ask.snapshot.version,
            "text": ask.snapshot.text,
        }
        await self._notify("textDocument/didOpen", {"textDocument": opened})
        try:
            line = ask.snapshot.line_of(ask.cursor)
            result = await self._request(
                "textDocument/inlineCompletion",
                {
                    "textDocument": document,
                    "position": {"line": line, "character": ask.cursor - ask.snapshot.line_start(line)},
                    "context": {"triggerKind": 1 if ask.manual else 2},
                },
            )
            last = (await self.status())["last"] or {}
        finally:
            await self._notify("textDocument/didClose", {"textDocument": document})
        shown = tuple(_suggestion(ask.snapshot, item, last) for item in result["items"])
        return CompletionResult(shown, str(last.get("reason") or ""), _trace(last))

    async def status(self) -> dict[str, Any]:
        """What the server says of itself."""
        told = await self._request(
            "workspace/executeCommand", {"command": "qwen_lsp.status", "arguments": []}
        )
        return dict(told)

    async def until_ready(self, progress: Callable[[str], None]) -> None:
        """Wait while the model loads and the workspace is read. Raises EngineUnavailable when it failed."""
        while True:
            status = await self.status()
            if status["state"] == "failed":
                raise EngineUnavailable(status["message"])
            if status["state"] not in ("starting", "loading") and status["indexed"]:
                return
            progress(status["message"])
            await asyncio.sleep(_LOOK_S)

    async def begin(self, roots: Sequence[Path], options: Mapping[str, Any]) -> None:
        """Shake hands, with the settings of this window."""
        folders = [{"uri": root.absolute().as_uri(), "name": root.name} for root in roots]
        hello = {
            "processId": None,
            "rootUri": folders[0]["uri"] if folders else None,
            "workspaceFolders": folders,
            "capabilities": _CAPABILITIES,
            "initializationOptions": {"qwen_lsp": dict(options)},
        }
        answer = await self._request("initialize", hello)
        if answer["capabilities"].get("positionEncoding") != "utf-32":
            raise QwenLspError("The language server counts columns in another way than it was asked to.")
        await self._notify("initialized", {})

    async def leave(self) -> None:
        """Shut down as the protocol says, and end the process when it does not."""
        with contextlib.suppress(QwenLspError, TimeoutError, OSError):
            async with asyncio.timeout(_LEAVE_S):
                await self._request("shutdown", None)
                await self._notify("exit", None)
                await self._process.wait()
        if self._process.returncode is None:
            self._process.kill()
            await self._process.wait()
        self._reading.cancel()
        await asyncio.gather(self._reading, return_exceptions=True)

    # The wire

    async def _request(self, method: str, params: Any) -> Any:
        number = next(self._ids)
        answer = self._waiting[number] = asyncio.get_running_loop().create_future()
        await self._send({"id": number, "method": method, "params": params})
        try:
            return await asyncio.wait_for(answer, _ANSWER_S)
        except TimeoutError:
            raise QwenLspError(f"The language server did not answer {method} in {_ANSWER_S:.0f} s.") from None
        finally:
            self._waiting.pop(number, None)

    async def _notify(self, method: str, params: Any) -> None:
        await self._send({"method": method, "params": params})

    async def _send(self, message: dict[str, Any]) -> None:
        body = json.dumps({"jsonrpc": "2.0", **message}).encode()
        assert self._process.stdin
        self._process.stdin.write(b"Content-Length: %d\r\n\r\n%b" % (len(body), body))
        try:
            await self._process.stdin.drain()
        except OSError as error:
            raise QwenLspError("The language server has left; its last words are above.") from error

    async def _read(self) -> None:
        assert self._process.stdout
        try:
            while True:
                head = await self._process.stdout.readuntil(b"\r\n\r\n")
                length = int(head.lower().partition(b"content-length:")[2].split(b"\r\n")[0])
                await self._take(json.loads(await self._process.stdout.readexactly(length)))
        except (asyncio.IncompleteReadError, ValueError) as error:
            for answer in self._waiting.values():
                if not answer.done():
                    answer.set_exception(QwenLspError(f"The language server broke off: {error}"))

    async def _take(self, message: dict[str, Any]) -> None:
        if "method" in message:
            if "id" in message:
                await self._send({"id": message["id"], "result": None})
            return
        answer = self._waiting.get(message["id"])
        if answer is None or answer.done():
            return
        if "error" in message:
            answer.set_exception(QwenLspError(str(message["error"]["message"])))
        else:
            answer.set_result(message["result"])


@contextlib.asynccontextmanager
async def language_server(
    command: Sequence[str], roots: Sequence[Path], options: Mapping[str, Any]
) -> AsyncIterator[LanguageServer]:
    """A server over these folders until the block ends; what it logs goes to our stderr."""
    process = await asyncio.create_subprocess_exec(
        *command,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        limit=_MOST_MESSAGE_BYTES,
    )
    server = LanguageServer(process)
    try:
        await server.begin(roots, options)
        yield server
    finally:
        await server.leave()


def _suggestion(snapshot: Snapshot, item: dict[str, Any], last: dict[str, Any]) -> Suggestion:
    start, end = (_offset(snapshot, item["range"][side]) for side in ("start", "end"))
    identity = str(item["command"]["arguments"][0])
    return Suggestion(identity, item["insertText"], start, end, last.get("source") or "engine")


def _offset(snapshot: Snapshot, position: dict[str, int]) -> int:
    return snapshot.line_start(position["line"]) + position["character"]


def _trace(last: dict[str, Any]) -> SuggestionTrace:
    return SuggestionTrace(
        0.0,
        last.get("source") or "none",
        prompt_tokens=last.get("promptTokens") or 0,
        cached_tokens=(last.get("promptTokens") or 0) - (last.get("prefilledTokens") or 0),
        generated_tokens=last.get("generatedTokens") or 0,
        total_ms=last.get("totalMs") or 0.0,
    )
