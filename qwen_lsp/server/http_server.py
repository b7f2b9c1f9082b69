"""The listening socket and the HTTP server on it, with limits for slow and vanished clients."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import socket
from collections.abc import Callable, Generator

import h11
import psutil
import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.h11_impl import H11Protocol

from qwen_lsp.errors import HostError
from qwen_lsp.server.responses import SEND_S
from qwen_lsp.settings import HostSettings

_HEAD_S = 20.0
"""A connection that has begun, and not ended, the head of a request by then is closed."""
_BETWEEN_S = 30
"""A connection may rest so long between two requests."""
_MOST_CONNECTIONS = 1000


def listen(settings: HostSettings, *, or_any: bool) -> socket.socket:
    """A bound socket. Raises HostError when the port is taken, unless any other will do."""
    family = socket.AF_INET6 if ":" in settings.address else socket.AF_INET
    made = socket.socket(family, socket.SOCK_STREAM)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    _notice_the_vanished(made)
    try:
        _bind(made, settings.address, settings.port, or_any=or_any)
    except BaseException:
        made.close()
        raise
    made.set_inheritable(True)
    return made


def _bind(made: socket.socket, address: str, port: int, *, or_any: bool) -> None:
    try:
        made.bind((address, port))
    except (OSError, OverflowError) as error:
        if or_any and port != 0:
            _bind(made, address, 0, or_any=False)
            return
        if isinstance(error, OSError) and error.errno == errno.EADDRINUSE:
            raise HostError(
                f"Port {port} is taken{_by_whom(port)}. Choose another with --port (0: any free one), "
                "or stop what uses it."
            ) from error
        raise HostError(
            f"Cannot listen on {address} port {port}: {error}. Choose another --address or --port."
        ) from error


def _by_whom(port: int) -> str:
    try:
        for connection in psutil.net_connections("tcp"):
            listens = (
                connection.status == psutil.CONN_LISTEN and connection.laddr and connection.laddr.port == port
            )
            if listens and connection.pid:
                return f" by {psutil.Process(connection.pid).name()} (process {connection.pid})"
    except (psutil.Error, OSError):
        pass  # only root may look at others' connections on macOS
    return ""


def _notice_the_vanished(made: socket.socket) -> None:
    """Half-open connections and clients that never read are cut by the system; inherited by what is accepted."""
    made.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in (
        ("TCP_USER_TIMEOUT", int(SEND_S * 1000)),
        ("TCP_KEEPIDLE", 30),
        ("TCP_KEEPINTVL", 10),
        ("TCP_KEEPCNT", 3),
    ):
        if hasattr(socket, name):
            made.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)


class HttpServer(uvicorn.Server):
    """uvicorn without its signal handling; `on_started` is called when it answers."""

    def __init__(self, app: ASGIApp, *, on_started: Callable[[], None] = lambda: None) -> None:
        config = uvicorn.Config(
            app,
            http=HttpProtocol,
            log_config=None,
            log_level="warning",
            access_log=False,
            lifespan="on",
            server_header=False,
            limit_concurrency=_MOST_CONNECTIONS,
            timeout_keep_alive=_BETWEEN_S,
            timeout_graceful_shutdown=3,
            h11_max_incomplete_event_size=64_000,
        )
        super().__init__(config)
        self._on_started = on_started

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, then tell."""
        await super().startup(sockets)
        if self.started:
            self._on_started()

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        """Signals are the caller's."""
        yield


class HttpProtocol(H11Protocol):
    """HTTP/1.1 that does not wait for ever for a request's head, be it the first or a later one."""

    _silence: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """A client connected."""
        super().connection_made(transport)
        self._watch()

    def data_received(self, data: bytes) -> None:
        """Part of a request came; uvicorn's own deadline between two requests ends with the first byte."""
        super().data_received(data)
        self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        """A client went; nothing may hold on to what it had."""
        self._rest()
        super().connection_lost(exc)

    def _watch(self) -> None:
        if not self._head_is_missing():
            self._rest()
        elif self._silence is None:
            self._silence = self.loop.call_later(_HEAD_S, self._cut_if_silent)

    def _rest(self) -> None:
        if self._silence is not None:
            self._silence.cancel()
            self._silence = None

    def _head_is_missing(self) -> bool:
        between = self.cycle is None or self.cycle.response_complete
        return bool(between and self.conn.their_state is h11.IDLE)

    def _cut_if_silent(self) -> None:
        self._silence = None
        if self._head_is_missing() and not self.transport.is_closing():
            self.transport.abort()
