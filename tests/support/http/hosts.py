"""A real host on a free port of loopback, in this process, on any engine."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx

from qwen_lsp.engine.base import Engine
from qwen_lsp.server.app import build_app
from qwen_lsp.server.http_server import HttpServer, listen
from qwen_lsp.settings import Settings

TOKEN = "the-token-of-this-test"


@dataclasses.dataclass
class Running:
    """Where it is."""

    url: str
    port: int
    client: httpx.AsyncClient

    async def post(self, path: str, body: Any, **headers: str) -> httpx.Response:
        return await self.client.post(path, json=body, headers=headers)


@asynccontextmanager
async def serving(
    engine: Engine, *, settings: Settings | None = None, **options: Any
) -> AsyncIterator[Running]:
    """A host while the block lasts."""
    settings = settings or Settings()
    app = build_app(engine, settings, token=TOKEN, **options)
    async with serving_app(app) as running:
        yield running


@asynccontextmanager
async def serving_app(app: Any) -> AsyncIterator[Running]:
    """Any ASGI app on a free port."""
    socket = listen(dataclasses.replace(Settings().host, port=0), or_any=False)
    port = socket.getsockname()[1]
    started = asyncio.Event()
    server = HttpServer(app, on_started=started.set)
    task = asyncio.create_task(server.serve(sockets=[socket]))
    await started.wait()
    url = f"http://127.0.0.1:{port}"
    try:
        async with httpx.AsyncClient(base_url=url, timeout=30, trust_env=False) as client:
            yield Running(url, port, client)
    finally:
        server.should_exit = True
        await task
        socket.close()


def events(text: str) -> list[str]:
    """The data of server-sent events."""
    return [line.removeprefix("data: ") for line in text.splitlines() if line.startswith("data: ")]
