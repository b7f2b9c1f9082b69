"""Answers over HTTP: whole or streamed, given up when the client leaves or does not read, errors in OpenAI's form."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncGenerator, Coroutine
from contextlib import aclosing, suppress
from typing import Any, TypeVar

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from qwen_lsp.engine.wire import error_to_json, status_of
from qwen_lsp.errors import QwenLspError
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


class EventStream(Response):
    """Server-sent events. An error before the first event is an ordinary error answer."""

    def __init__(self, events: AsyncGenerator[str, None]) -> None:
        super().__init__()
        self._events = events

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
                await _error_answer(error)(scope, receive, send)
                return
            headers = [
                (b"content-type", b"text/event-stream; charset=utf-8"),
                (b"cache-control", b"no-store"),
            ]
            await _send(send, {"type": "http.response.start", "status": 200, "headers": headers})
            if first is not None:
                await _send(send, _body(first))
            try:
                async for event in _breathing(events):
                    await _send(send, _body(event))
            except QwenLspError as error:
                await _send(send, _body(event_of(error_to_json(error))))
            await _send(send, {"type": "http.response.body", "body": b"", "more_body": False})


def event_of(data: dict[str, Any]) -> str:
    """One server-sent event."""
    return f"data: {json.dumps(data)}\n\n"


DONE = "data: [DONE]\n\n"


def install_errors(app: FastAPI) -> None:
    """Every error of this app in OpenAI's form."""
    app.add_exception_handler(QwenLspError, _on_ours)
    app.add_exception_handler(UnsupportedRequest, _on_unfit)
    app.add_exception_handler(RequestValidationError, _on_invalid)
    app.add_exception_handler(HTTPException, _on_http)
    app.add_exception_handler(ClientLeft, _on_left)
    app.add_exception_handler(Exception, _on_bug)


def refusal(
    status: int, message: str, code: str = "invalid_request", *, param: str | None = None
) -> JSONResponse:
    """An error answer in OpenAI's form."""
    kind = "invalid_request_error" if status < 500 else "server_error"
    error = {"message": message, "type": kind, "param": param, "code": code}
    return JSONResponse({"error": error}, status)


def _error_answer(error: Exception) -> JSONResponse:
    headers = {"Retry-After": "1"} if status_of(error) in (429, 503) else None
    return JSONResponse(error_to_json(error), status_of(error), headers)


async def _on_ours(_: Request, error: Exception) -> Response:
    return _error_answer(error)


async def _on_unfit(_: Request, error: Exception) -> Response:
    return refusal(400, str(error))


async def _on_invalid(_: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    found = error.errors()[0] if error.errors() else {}
    where = ".".join(str(step) for step in found.get("loc", ()) if step != "body")
    said = str(found.get("msg", "the body does not fit")).removeprefix("Value error, ")
    if found.get("type") == "json_invalid":
        why = found.get("ctx", {}).get("error", "")
        return refusal(400, f"The body is not JSON, from character {where} on: {why}.")
    return refusal(400, f"{where}: {said}." if where else f"{said}.", param=where or None)


async def _on_http(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return refusal(
        error.status_code, str(error.detail), "not_found" if error.status_code == 404 else "http_error"
    )


async def _on_left(_: Request, error: Exception) -> Response:
    return Response(status_code=499)  # nobody reads it


async def _on_bug(_: Request, error: Exception) -> Response:
    return refusal(
        500, f"The host could not do that ({type(error).__name__}). Its log says more.", "internal_error"
    )


async def _breathing(events: AsyncGenerator[str, None]) -> AsyncGenerator[str, None]:
    """The events, with comments in between when they are slow to come."""
    while True:
        step = asyncio.ensure_future(anext(events, None))
        try:
            while not (await asyncio.wait({step}, timeout=_BREATH_S))[0]:
                yield ": waiting\n\n"
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
