"""The listening socket and the HTTP server on it, with limits for slow and vanished clients."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import socket
from collections.abc import Callable, Generator

import psutil
import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.h11_impl import H11Protocol

from qwen_lsp.errors import HostError
from qwen_lsp.host.respond import SEND_S
from qwen_lsp.settings import HostSettings

_HEAD_S = 20.0
"""A connection that has not sent its first whole request head by then is closed."""
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


class Server(uvicorn.Server):
    """uvicorn without its signal handling; `on_started` is called when it answers."""

    def __init__(self, app: ASGIApp, *, on_started: Callable[[], None] = lambda: None) -> None:
        config = uvicorn.Config(
            app,
            http=Protocol,
            log_config=None,
            log_level="warning",
            access_log=False,
            lifespan="on",
            server_header=False,
            limit_concurrency=_MOST_CONNECTIONS,
            timeout_keep_alive=30,
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


class Protocol(H11Protocol):
    """HTTP/1.1 that does not wait for ever for the first request."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """A client connected."""
        super().connection_made(transport)
        self._silence = self.loop.call_later(_HEAD_S, self._cut_if_silent)

    def connection_lost(self, exc: Exception | None) -> None:
        """A client went; nothing may hold on to what it had."""
        self._silence.cancel()
        super().connection_lost(exc)

    def _cut_if_silent(self) -> None:
        if self.cycle is None and not self.transport.is_closing():
            self.transport.abort()
