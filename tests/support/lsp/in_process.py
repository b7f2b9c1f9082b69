"""A language server inside the test: the real server, session and features, without process or pipe."""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import Callable
from typing import Any

from qwen_lsp.engine.stubs.none import NoEngine
from qwen_lsp.lsp.jsonrpc.stdio import frames
from qwen_lsp.lsp.server import create_server
from qwen_lsp.lsp.session import BuildAssistant, OpenEngine, SessionParts
from tests.support.lsp.client import CAPS

TIMEOUT_S = 20.0


def _no_assistant(*_: Any) -> Any:
    raise RuntimeError("this test needs no assistant")


class Inside:
    """The editor's end of a server in this process."""

    def __init__(
        self,
        open_engine: OpenEngine = lambda settings: NoEngine(),
        build_assistant: BuildAssistant = _no_assistant,
    ) -> None:
        self.server, self.session = create_server(SessionParts(open_engine, build_assistant))
        self.server.protocol.set_writer(self)
        self.received: list[dict[str, Any]] = []
        self.answer_with: dict[str, Callable[[Any], Any]] = {}
        self._ids = itertools.count(1)
        self._news = asyncio.Event()

    # --- what the server writes to

    def write(self, data: bytes) -> None:
        pieces = [data]
        for body in frames(lambda: pieces.pop() if pieces else b""):
            message = json.loads(body)
            self.received.append(message)
            if "method" in message and "id" in message:
                answer = self.answer_with.get(message["method"])
                result = answer(message.get("params")) if answer else None
                reply = {"jsonrpc": "2.0", "id": message["id"], "result": result}
                asyncio.get_running_loop().call_soon(self.send, reply)
        self._news.set()

    def close(self) -> None:
        """The server closes its end."""

    # --- what the editor does

    def send(self, message: Any) -> None:
        """Hand the server one message, as if read from the wire."""
        self.server.protocol.receive(message)

    def notify(self, method: str, params: Any = None) -> None:
        self.send({"jsonrpc": "2.0", "method": method, "params": params})

    def start_request(self, method: str, params: Any = None) -> int:
        request_id = next(self._ids)
        self.send({"jsonrpc": "2.0", "id": request_id, "method": method, "params": params})
        return request_id

    async def wait_for(self, fits: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """The first message from the server, past or coming, that fits."""
        async with asyncio.timeout(TIMEOUT_S):
            while True:
                for message in self.received:
                    if fits(message):
                        return message
                self._news.clear()
                await self._news.wait()

    async def answer(self, request_id: int | None) -> dict[str, Any]:
        return await self.wait_for(lambda m: "method" not in m and m.get("id") == request_id)

    async def request(self, method: str, params: Any = None) -> Any:
        answer = await self.answer(self.start_request(method, params))
        assert "error" not in answer, answer["error"]
        return answer["result"]

    def answers(self, request_id: int | None) -> list[dict[str, Any]]:
        return [m for m in self.received if "method" not in m and m.get("id") == request_id]

    def notifications(self, method: str) -> list[Any]:
        return [m["params"] for m in self.received if m.get("method") == method]

    async def initialize(
        self, caps: str = "vscode", *, settings: Any = None, **params: Any
    ) -> dict[str, Any]:
        """Shake hands as a recorded editor, up to but without `initialized`."""
        recorded = json.loads((CAPS / f"{caps}.json").read_text())
        self.answer_with.setdefault("workspace/configuration", lambda _: [settings])
        result = await self.request("initialize", {"processId": None, "rootUri": None, **recorded, **params})
        return dict(result)
