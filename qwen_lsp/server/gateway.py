"""One door for the API and the page: the API answers at once, the page when it is ready."""

from __future__ import annotations

import asyncio
import html
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress

from starlette.responses import HTMLResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from qwen_lsp.engine.base import Engine
from qwen_lsp.server.activity import Activity

log = logging.getLogger(__name__)

MakePage = Callable[[], Awaitable[ASGIApp]]
API = (
    "/v1/",
    "/qwen/",
    "/infill",
    "/completion",
    "/completions",
    "/props",
    "/health",
    "/metrics",
    "/openapi.json",
)


class ApiPageGateway:
    """Sends each request to the API or to the page, and keeps the page's life."""

    def __init__(self, api: ASGIApp, engine: Engine, make_page: MakePage | None, activity: Activity) -> None:
        self._api, self._engine, self._make_page, self._activity = api, engine, make_page, activity
        self._page: ASGIApp | None = None
        self._page_problem = ""
        self._page_life: _Lifespan | None = None
        self._making: asyncio.Task[None] | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, or live."""
        if scope["type"] == "lifespan":
            await self._live(receive, send)
            return
        counted = self._activity.counts(scope["path"])
        if counted:
            self._activity.begin()
        try:
            await self._serve(scope, receive, send)
        finally:
            if counted:
                self._activity.end()

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope["path"]
        if any(path == at.rstrip("/") or (at.endswith("/") and path.startswith(at)) for at in API):
            await self._api(scope, receive, send)
        elif self._page is not None:
            await self._page(scope, receive, send)
        elif scope["type"] == "http":
            await (await self._instead())(scope, receive, send)
        else:
            await send({"type": "websocket.close", "code": 1013})

    async def _instead(self) -> Response:
        if self._make_page is None:
            return HTMLResponse(_WITHOUT_PAGE, 404)
        if self._page_problem:
            return HTMLResponse(_frame("The page could not be made", self._page_problem, again=False), 500)
        info = await self._engine.info()
        share = "" if info.progress is None else f"{info.progress:.0%}"
        left = "" if info.seconds_left is None else f", about {info.seconds_left:.0f} s left"
        said = _frame("Getting ready", f"{info.detail} {share}{left}", again=True)
        return HTMLResponse(said, 503, {"Retry-After": "1", "Cache-Control": "no-store"})

    async def _live(self, receive: Receive, send: Send) -> None:
        while True:
            message = await receive()
            if message["type"] == "lifespan.startup":
                if self._make_page is not None:
                    self._making = asyncio.create_task(self._make(self._make_page))
                await send({"type": "lifespan.startup.complete"})
            else:
                if self._making is not None:
                    self._making.cancel()
                    await asyncio.wait({self._making})
                if self._page_life is not None:
                    await self._page_life.end()
                await send({"type": "lifespan.shutdown.complete"})
                return

    async def _make(self, make: MakePage) -> None:
        try:
            page = await make()
            life = _Lifespan(page)
            await life.begin()
            self._page_life, self._page = life, page
            log.info("The page is ready")
        except Exception as error:
            log.exception("The page could not be made; the API works without it")
            self._page_problem = (
                f"{type(error).__name__}: {error}. The API works without it; the log says more."
            )


class _Lifespan:
    """Runs an app's lifespan protocol beside us."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._to_app: asyncio.Queue[Message] = asyncio.Queue()
        self._from_app: asyncio.Queue[Message] = asyncio.Queue()
        self._task: asyncio.Task[None] | None = None

    async def begin(self) -> None:
        """Start up. Raises RuntimeError when the app says that it failed."""
        self._task = asyncio.create_task(self._run())
        answer = await self._ask("lifespan.startup")
        if answer is not None and answer["type"] == "lifespan.startup.failed":
            raise RuntimeError(answer.get("message") or "it did not start")

    async def end(self) -> None:
        """Shut down."""
        await self._ask("lifespan.shutdown")
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task})

    async def _ask(self, what: str) -> Message | None:
        assert self._task is not None
        if self._task.done():
            return None  # an app without a lifespan
        await self._to_app.put({"type": what})
        answer = asyncio.ensure_future(self._from_app.get())
        await asyncio.wait({answer, self._task}, return_when=asyncio.FIRST_COMPLETED)
        if answer.done():
            return answer.result()
        answer.cancel()
        return None

    async def _run(self) -> None:
        with suppress(Exception):  # an app may answer that it knows no lifespan by raising
            scope = {"type": "lifespan", "asgi": {"version": "3.0", "spec_version": "2.0"}, "state": {}}
            await self._app(scope, self._to_app.get, self._from_app.put)


def _frame(title: str, words: str, *, again: bool) -> str:
    refresh = '<meta http-equiv="refresh" content="1">' if again else ""
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8">{refresh}<title>{title}</title>'
        '<body style="font: 1.1rem/1.6 system-ui; max-width: 40rem; margin: 20vh auto; padding: 0 1rem">'
        f'<h1 style="font-size: 1.4rem">{title}</h1><p role="status">{html.escape(words)}</p></body></html>'
    )


_WITHOUT_PAGE = _frame(
    "No page", "This host serves only the API (/v1). Start it without --no-page.", again=False
)
