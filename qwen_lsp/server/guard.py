"""Refuses what should not reach the host: foreign Host and Origin, missing token, oversized or endless bodies."""

from __future__ import annotations

import asyncio
import hmac
from http.cookies import CookieError, SimpleCookie
from urllib.parse import parse_qs, urlencode, urlsplit

from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from qwen_lsp.server.responses import refusal

LARGEST_BODY_BYTES = 8_000_000
_BODY_S = 30.0
_COOKIE = "qwen_lsp_token"
_LOOPBACK = ("127.0.0.1", "localhost", "::1")


class Guard:
    """Stands before everything, the page included."""

    def __init__(
        self, app: ASGIApp, *, token: str, public: bool, most_bytes: int = LARGEST_BODY_BYTES
    ) -> None:
        """`public`: the address is not loopback, so everyone must bring the token."""
        self._app, self._token, self._public, self._most_bytes = app, token, public, most_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on, or refuse."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        headers = _headers(scope)
        answer = self._foreign(scope, headers) or self._without_token(scope, headers)
        if answer is None and scope["type"] == "http":
            body = await self._body(scope["path"], headers, receive)
            if isinstance(body, bytes):
                await self._app(scope, _replay(body, receive), send)
                return
            answer = body
        if answer is None:
            await self._app(scope, receive, send)
        elif scope["type"] == "http":
            await answer(scope, receive, send)
        else:
            await send({"type": "websocket.close", "code": 1008})

    def _foreign(self, scope: Scope, headers: dict[str, str]) -> Response | None:
        host = headers.get("host", "")
        name = _name(host)
        if not self._public and name not in _LOOPBACK:
            said = f"This host answers to 127.0.0.1 and localhost only, not to {name[:100]!r}."
            return refusal(403, said, "host", path=scope["path"])
        origin = headers.get("origin")
        if origin is not None and not _same(origin, host):
            return refusal(403, f"Pages of {origin[:100]} may not ask this host.", "origin")
        navigates = scope.get("method") == "GET" and headers.get("sec-fetch-mode") == "navigate"
        if headers.get("sec-fetch-site") in ("cross-site", "same-site") and not navigates:
            return refusal(403, "Other sites may not ask this host.", "origin")
        return None

    def _without_token(self, scope: Scope, headers: dict[str, str]) -> Response | None:
        path, method = scope["path"], scope.get("method", "GET")
        controls = path.startswith("/qwen/") and method not in ("GET", "HEAD")
        if not (self._public or controls) or (path == "/health" and method == "GET"):
            return None
        given = headers.get("authorization", "").removeprefix("Bearer ").strip()
        if self._fits(given) or self._fits(headers.get("x-api-key", "").strip()):
            return None
        if controls:
            return refusal(401, "This needs the host's token: Authorization: Bearer TOKEN.", "token")
        if self._fits(_cookie(headers)):
            return None
        query = parse_qs(scope.get("query_string", b"").decode("latin-1"))
        if method == "GET" and self._fits(query.pop("token", [""])[0]):
            rest = urlencode(query, doseq=True)
            answer = RedirectResponse(path + (f"?{rest}" if rest else ""))
            answer.set_cookie(_COOKIE, self._token, httponly=True, samesite="strict")
            return answer
        said = "This needs the host's token: Authorization: Bearer TOKEN, or ?token=TOKEN once."
        return refusal(401, said, "token", path=path)

    def _fits(self, given: str) -> bool:
        return bool(self._token) and hmac.compare_digest(given.encode(), self._token.encode())

    async def _body(self, path: str, headers: dict[str, str], receive: Receive) -> bytes | Response | None:
        """The whole body; an answer when it is too long or too slow; None when there is none to wait for."""
        length = headers.get("content-length", "")
        if length.isdecimal() and int(length) > self._most_bytes:
            return self._too_long(path)
        if not length and "transfer-encoding" not in headers:
            return None
        got = bytearray()
        try:
            async with asyncio.timeout(_BODY_S):
                while True:
                    message = await receive()
                    if message["type"] != "http.request":
                        return Response(status_code=499)  # the client left
                    got += message.get("body", b"")
                    if len(got) > self._most_bytes:
                        return self._too_long(path)
                    if not message.get("more_body"):
                        return bytes(got)
        except TimeoutError:
            return refusal(408, f"The body did not arrive within {_BODY_S:.0f} s.", "timeout", path=path)

    def _too_long(self, path: str) -> Response:
        said = f"The body is larger than {self._most_bytes} bytes; send less text."
        return refusal(413, said, "too_large", path=path)


def _replay(body: bytes, receive: Receive) -> Receive:
    given = False

    async def again() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return again


def _headers(scope: Scope) -> dict[str, str]:
    return {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}


def _name(host: str) -> str:
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""


def _same(origin: str, host: str) -> bool:
    """Whether a page of `origin` was served by this very host; the spellings of loopback are one."""
    try:
        theirs, ours = urlsplit(origin), urlsplit(f"//{host}")
        if theirs.scheme not in ("http", "https") or theirs.port != ours.port:
            return False
    except ValueError:
        return False
    names = {theirs.hostname, ours.hostname}
    return len(names) == 1 or names <= set(_LOOPBACK)


def _cookie(headers: dict[str, str]) -> str:
    try:
        found = SimpleCookie(headers.get("cookie", "")).get(_COOKIE)
    except CookieError:
        return ""
    return found.value if found else ""
