"""Messages over stdin and stdout: framed, in order, and with nothing else allowed on stdout.

Our own loop instead of pygls's: that one spends three thread hops per message, stops reading while its pool
is busy, and starts requests which are already cancelled further back in the queue.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import re
import sys
import threading
from collections.abc import Callable, Iterator
from typing import Any, BinaryIO, Final

from qwen_lsp.lsp.jsonrpc.protocol import LspServer, MalformedMessage

log = logging.getLogger(__name__)

_LENGTH = re.compile(rb"content-length\s*:\s*(\d{1,10})", re.IGNORECASE)
_MOST_BYTES = 512 * 1024 * 1024
END: Final = object()


def take_stdio() -> tuple[int, BinaryIO]:
    """The wire's own file descriptor to read and file to write; print() and children get stderr instead."""
    reading, writing = os.dup(0), os.dup(1)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    os.dup2(2, 1)
    sys.stdout = sys.stderr
    return reading, os.fdopen(writing, "wb")


async def serve(server: LspServer, reading: int, writing: BinaryIO) -> int:
    """Handle messages until `exit` or the end of input; the exit code."""
    loop = asyncio.get_running_loop()
    left: asyncio.Future[int] = loop.create_future()

    def leave(code: int) -> None:
        if not left.done():
            left.set_result(code)

    server.leave = leave
    server.protocol.set_writer(_Writer(writing, lambda: leave(1)))
    inbox = _Inbox(server, lambda: leave(0))
    reader = threading.Thread(target=_read, args=(reading, loop, inbox.put), name="lsp-reader", daemon=True)
    reader.start()
    handling = asyncio.create_task(inbox.run())
    try:
        return await left
    finally:
        handling.cancel()


class _Inbox:
    """Messages read but not handled yet."""

    def __init__(self, server: LspServer, ended: Callable[[], None]) -> None:
        self._server = server
        self._ended = ended
        self._waiting: asyncio.Queue[Any] = asyncio.Queue()
        self._revoked: set[int | str] = set()
        """Requests whose cancellation waits in line behind them or has just been seen."""

    def put(self, message: Any) -> None:
        if (revoked := _revoked_id(message)) is not None:
            self._revoked.add(revoked)
        self._waiting.put_nowait(message)

    async def run(self) -> None:
        while True:
            message = await self._waiting.get()
            if message is END:
                self._ended()
                return
            try:
                self._handle(message)
            except Exception:
                log.exception("A message could not be handled")
            # An async handler takes its snapshot when its task starts, which must be before the next change.
            await asyncio.sleep(0)

    def _handle(self, message: Any) -> None:
        if (revoked := _revoked_id(message)) is not None:
            self._revoked.discard(revoked)
        elif (
            isinstance(message, dict)
            and "method" in message
            and _usable_id(message.get("id")) in self._revoked
        ):
            self._server.protocol.answer_cancelled(message["id"])
            return
        self._server.protocol.receive(message)


class _Writer:
    """stdout, as pygls wants it; says so when the editor is gone."""

    def __init__(self, file: BinaryIO, gone: Callable[[], None]) -> None:
        self._file = file
        self._gone = gone

    def write(self, data: bytes) -> None:
        try:
            self._file.write(data)
            self._file.flush()
        except (OSError, ValueError):
            self._gone()

    def close(self) -> None:
        try:
            self._file.close()
        except OSError:
            self._gone()


def _read(reading: int, loop: asyncio.AbstractEventLoop, put: Callable[[Any], None]) -> None:
    try:
        for body in frames(lambda: os.read(reading, 65536)):
            loop.call_soon_threadsafe(put, _decode(body))
        loop.call_soon_threadsafe(put, END)
    except (OSError, RuntimeError) as error:  # the editor is gone, or our loop is closed
        log.debug("Reading ended: %s", error)


def _decode(body: bytes) -> Any:
    try:
        return json.loads(body)
    except (ValueError, RecursionError) as error:
        return MalformedMessage(f"The message is not JSON: {error}")


def _revoked_id(message: Any) -> int | str | None:
    """The id that a `$/cancelRequest` names."""
    if isinstance(message, dict) and message.get("method") == "$/cancelRequest":
        params = message.get("params")
        return _usable_id(params.get("id")) if isinstance(params, dict) else None
    return None


def _usable_id(value: Any) -> int | str | None:
    return value if isinstance(value, int | str) else None


def frames(read: Callable[[], bytes]) -> Iterator[bytes]:
    """The message bodies in a stream; bytes that belong to none are skipped."""
    buffer = bytearray()

    def fill() -> bool:
        more = read()
        buffer.extend(more)
        return bool(more)

    while True:
        while (end := buffer.find(b"\r\n\r\n")) < 0:
            if len(buffer) > 65536:  # no header is that long: drop what cannot be one
                del buffer[:-4]
            if not fill():
                return
        headers = bytes(buffer[:end])
        del buffer[: end + 4]
        found = _LENGTH.findall(headers)
        length = int(found[-1]) if found else 0
        if not 0 < length <= _MOST_BYTES:
            log.warning("Skipped a message without a usable Content-Length")
            continue
        while len(buffer) < length:
            if not fill():
                return
        yield bytes(buffer[:length])
        del buffer[:length]


def frame(message: object) -> bytes:
    """A message with its header, for tests and tools that speak to a server."""
    body = json.dumps(message).encode()
    return b"Content-Length: %d\r\n\r\n%s" % (len(body), body)
