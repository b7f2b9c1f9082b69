"""The HTML around Gradio's page: our script comes first, foreign addresses are out, every place's address is the page."""

from __future__ import annotations

import re

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from webui.places import ADDRESSES
from webui.static import static_text

# Gradio prefixes the rules of its css= argument, and `:root` within a media rule is then nobody.
_EARLY = f"<script>{static_text('early.js')}</script><style>{static_text('tokens.css')}</style>"
_FOREIGN = re.compile(r"<meta\s+(?:property|name)=\"(?:og|twitter):[^>]*>", re.DOTALL)


def rewrite(html: str, head: str = "") -> str:
    """The page without social-media tags, with our own script before Gradio's, and with `head` at the end of its head."""
    page = _FOREIGN.sub("", html).replace("<head>", f"<head>{_EARLY}", 1)
    return page.replace("</head>", f"{head}</head>", 1) if head else page


class HtmlRewriteMiddleware:
    """Rewrites HTML pages on their way out; everything else, streams above all, passes untouched."""

    def __init__(self, app: ASGIApp, head: str = "") -> None:
        self._app, self._head = app, head

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on; hold back the parts of an HTML answer until it is whole."""
        if scope["type"] != "http" or scope["method"] != "GET" or not _is_page(scope["path"]):
            await self._app(scope, receive, send)
            return
        start: Message | None = None
        body = bytearray()

        async def hold(message: Message) -> None:
            nonlocal start
            if message["type"] == "http.response.start":
                start = message
                if not _is_html(message):
                    await send(message)
            elif start is None or not _is_html(start):
                await send(message)
            else:
                body.extend(message.get("body", b""))
                if not message.get("more_body", False):
                    await _send_page(start, rewrite(body.decode("utf-8"), self._head).encode(), send)

        # Without this header no middleware below compresses what we must read.
        headers = [(k, v) for k, v in scope["headers"] if k != b"accept-encoding"]
        path = {"path": "/", "raw_path": b"/"} if scope["path"] in ADDRESSES else {}
        await self._app({**scope, **path, "headers": headers}, receive, hold)


def _is_page(path: str) -> bool:
    return "/gradio_api/" not in path and "/assets/" not in path and "/static/" not in path


def _is_html(start: Message) -> bool:
    return any(k.lower() == b"content-type" and v.startswith(b"text/html") for k, v in start["headers"])


async def _send_page(start: Message, page: bytes, send: Send) -> None:
    headers = [(k, v) for k, v in start["headers"] if k.lower() != b"content-length"]
    headers += [
        (b"content-length", str(len(page)).encode()),
        (b"referrer-policy", b"no-referrer"),
        (b"x-frame-options", b"SAMEORIGIN"),
        (b"x-content-type-options", b"nosniff"),
    ]
    await send({**start, "headers": headers})
    await send({"type": "http.response.body", "body": page})
