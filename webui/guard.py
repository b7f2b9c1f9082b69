"""Who may talk to the page: only this machine by its own names, and no other web site through the browser."""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})


class Guard:
    """Refuses foreign Host names (DNS rebinding) and writes that come from another origin.

    A request without an Origin is no browser's cross-site write and passes; `names` are host names without port.
    """

    def __init__(self, app: ASGIApp, names: Iterable[str] = LOOPBACK) -> None:
        self._app = app
        self._names = frozenset(names)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or answer 400 or 403 in its place."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        refusal = self.refusal(scope.get("method", "GET"), Headers(scope=scope))
        if refusal is None:
            await self._app(scope, receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008, "reason": refusal[1]})
        else:
            await PlainTextResponse(refusal[1], status_code=refusal[0])(scope, receive, send)

    def refusal(self, method: str, headers: Headers) -> tuple[int, str] | None:
        """Why this request is not answered, or None when it is."""
        host = headers.get("host", "")
        if _name(host) not in self._names:
            return 400, f"This page answers only to {', '.join(sorted(self._names))}."
        origin = headers.get("origin")
        foreign = origin is not None and urlsplit(origin).netloc.lower() != host.lower()
        if foreign and method not in _SAFE:
            return 403, "Another web site may not use this page."
        if method not in _SAFE and headers.get("sec-fetch-site") == "cross-site":
            return 403, "Another web site may not use this page."
        return None


def _name(host: str) -> str:
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""
