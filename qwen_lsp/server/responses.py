"""Answers over HTTP: whole or streamed, given up when the client leaves or does not read, errors in the asker's form."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncGenerator, Callable, Coroutine
from contextlib import aclosing, suppress
from dataclasses import dataclass, field
from typing import Any, TypeVar

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from qwen_lsp.engine.wire import error_to_json, status_of
from qwen_lsp.errors import QwenLspError
from qwen_lsp.server.error_forms import error_form
from qwen_lsp.server.parse_request import UnsupportedRequest

log = logging.getLogger(__name__)
Answer = TypeVar("Answer")

SEND_S = 30.0
"""A client that reads nothing for so long is given up."""
_BREATH_S = 10.0
"""A silent stream gets a comment this often, so that a vanished client is noticed."""


class ClientLeft(Exception):
    """The client went away before its answer was there."""


async def while_connected(request: Request, work: Coroutine[Any, Any, Answer]) -> Answer:
    """The work's result; the work is cancelled when the client leaves first (ClientLeft)."""
    task = asyncio.ensure_future(work)
    gone = asyncio.ensure_future(_left(request.receive))
    try:
        await asyncio.wait({task, gone}, return_when=asyncio.FIRST_COMPLETED)
        if not task.done():
            raise ClientLeft
        return task.result()
    finally:
        await _end(task, gone)


@dataclass(frozen=True, slots=True)
class StreamForm:
    """How a dialect streams."""

    media_type: str = "text/event-stream; charset=utf-8"
    waiting: str = ": waiting\n\n"
    """Sent in a long silence; empty for nothing."""
    event: Callable[[dict[str, Any]], str] = field(default=lambda data: event_of(data))
    """An error's body as an event."""


class EventStream(Response):
    """Events as they come. An error before the first event is an ordinary error answer."""

    def __init__(self, events: AsyncGenerator[str, None], form: StreamForm = StreamForm()) -> None:
        super().__init__()
        self._events = events
        self._form = form

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        pump = asyncio.ensure_future(self._pump(scope, receive, send))
        gone = asyncio.ensure_future(_left(receive))
        try:
            await asyncio.wait({pump, gone}, return_when=asyncio.FIRST_COMPLETED)
            if pump.done():
                pump.result()
        except TimeoutError:
            log.info("A client did not read for %.0f s and was given up", SEND_S)
        finally:
            await _end(pump, gone)

    async def _pump(self, scope: Scope, receive: Receive, send: Send) -> None:
        async with aclosing(self._events) as events:
            try:
                first = await anext(events, None)
            except QwenLspError as error:
                await _error_answer(error, scope["path"])(scope, receive, send)
                return
            headers = [
                (b"content-type", self._form.media_type.encode()),
                (b"cache-control", b"no-store"),
            ]
            await _send(send, {"type": "http.response.start", "status": 200, "headers": headers})
            if first is not None:
                await _send(send, _body(first))
            try:
                async for event in _breathing(events, self._form.waiting):
                    await _send(send, _body(event))
            except QwenLspError as error:
                await _send(send, _body(self._form.event(error_body(error, scope["path"]))))
            await _send(send, {"type": "http.response.body", "body": b"", "more_body": False})


def event_of(data: dict[str, Any]) -> str:
    """One server-sent event."""
    return f"data: {json.dumps(data)}\n\n"


DONE = "data: [DONE]\n\n"


def install_errors(app: FastAPI) -> None:
    """Every error of this app in the form of whoever asked."""
    app.add_exception_handler(QwenLspError, _on_ours)
    app.add_exception_handler(UnsupportedRequest, _on_unfit)
    app.add_exception_handler(RequestValidationError, _on_invalid)
    app.add_exception_handler(HTTPException, _on_http)
    app.add_exception_handler(ClientLeft, _on_left)
    app.add_exception_handler(Exception, _on_bug)


def refusal(
    status: int, message: str, code: str = "invalid_request", *, param: str | None = None, path: str = ""
) -> JSONResponse:
    """An error answer in the form of the dialect that is spoken at `path`."""
    return JSONResponse(error_form(path)(status, message, code, param), status)


def error_body(error: Exception, path: str) -> dict[str, Any]:
    """The body for one of our errors at `path`."""
    code = error_to_json(error)["error"]["code"]
    return error_form(path)(status_of(error), str(error), code, None)


def _error_answer(error: Exception, path: str) -> JSONResponse:
    headers = {"Retry-After": "1"} if status_of(error) in (429, 503) else None
    return JSONResponse(error_body(error, path), status_of(error), headers)


async def _on_ours(request: Request, error: Exception) -> Response:
    return _error_answer(error, request.url.path)


async def _on_unfit(request: Request, error: Exception) -> Response:
    assert isinstance(error, UnsupportedRequest)
    return refusal(400, str(error), param=error.field, path=request.url.path)


async def _on_invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    found = error.errors()[0] if error.errors() else {}
    where = ".".join(str(step) for step in found.get("loc", ()) if step != "body")
    said = str(found.get("msg", "the body does not fit")).removeprefix("Value error, ")
    if found.get("type") == "json_invalid":
        why = found.get("ctx", {}).get("error", "")
        said = f"The body is not JSON, from character {where} on: {why}"
        return refusal(400, f"{said}.", path=request.url.path)
    said = f"{where}: {said}." if where else f"{said}."
    return refusal(400, said, param=where or None, path=request.url.path)


async def _on_http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    code = "not_found" if error.status_code == 404 else "http_error"
    return refusal(error.status_code, str(error.detail), code, path=request.url.path)


async def _on_left(_: Request, error: Exception) -> Response:
    return Response(status_code=499)  # nobody reads it


async def _on_bug(request: Request, error: Exception) -> Response:
    said = f"The host could not do that ({type(error).__name__}). Its log says more."
    return refusal(500, said, "internal_error", path=request.url.path)


async def _breathing(events: AsyncGenerator[str, None], waiting: str) -> AsyncGenerator[str, None]:
    """The events, with a sign of life in between when they are slow to come."""
    while True:
        step = asyncio.ensure_future(anext(events, None))
        try:
            while not (await asyncio.wait({step}, timeout=_BREATH_S))[0]:
                if waiting:
                    yield waiting
        finally:
            if not step.done():
                await _end(step)
        event = step.result()
        if event is None:
            return
        yield event


def _body(text: str) -> dict[str, Any]:
    return {"type": "http.response.body", "body": text.encode("utf-8", "replace"), "more_body": True}


async def _send(send: Send, message: dict[str, Any]) -> None:
    async with asyncio.timeout(SEND_S):
        await send(message)


async def _left(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _end(*tasks: asyncio.Future[Any]) -> None:
    for task in tasks:
        task.cancel()
    for task in tasks:
        with suppress(asyncio.CancelledError, Exception):
            await task
