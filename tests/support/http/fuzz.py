"""Malformed HTTP for a running host: bodies that break its OpenAPI document, and bytes that are no HTTP at all."""

from __future__ import annotations

import http.client
import json
import socket
from collections import Counter
from typing import Any
from urllib.parse import urlencode

import schemathesis
from hypothesis import HealthCheck, Phase, Verbosity, given, seed, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode

from qwen_lsp.host.state_file import HostState

ANSWER_S = 20.0
_BROKEN_BODIES = [
    b"",
    b"{",
    b"[]",
    b"null",
    b'"x"',
    b"\xff\xfe",
    b'{"prompt": NaN}',
    b"[" * 20_000,
    b'{"a":1}x',
]
_TEXT = st.text(max_size=40)
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | _TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_TEXT, inner, max_size=4),
    max_leaves=12,
)


class Fuzzed:
    """What came of it."""

    def __init__(self) -> None:
        self.sent = 0
        self.statuses: Counter[int] = Counter()
        """By status; 0: the connection was closed without an answer."""
        self.bad: list[str] = []
        """What should not have been: crashes, hangs, errors that say nothing."""


def fuzz_bodies(host: HostState, count: int, fuzzed: Fuzzed, *, number: int = 0) -> None:
    """`count` requests, shared out over the operations of the OpenAPI document, most of them breaking it."""
    told = json.loads(_plain(host, "/openapi.json"))
    document = schemathesis.openapi.from_dict(told)
    operations: list[Any] = [result.ok() for result in _results(document)]
    for operation in operations:
        cases = operation.as_strategy(generation_mode=GenerationMode.NEGATIVE)
        if not told["paths"][operation.path][operation.method].get("requestBody"):
            cases = operation.as_strategy()  # nothing to break in it
        _play(cases, lambda case: _send_case(host, case, fuzzed), count // len(operations), number)


def fuzz_raw(host: HostState, count: int, fuzzed: Fuzzed, *, number: int = 0) -> None:
    """`count` sequences of bytes that are broken HTTP, or broken JSON in whole HTTP."""
    _play(_raw(), lambda data: _send_raw(host, data, fuzzed), count, number)


def _results(document: Any) -> list[Any]:
    return list(document.get_all_operations())


def _play(cases: Any, send: Any, count: int, number: int) -> None:
    @settings(
        max_examples=count,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
        verbosity=Verbosity.quiet,
    )
    @seed(number)
    @given(cases)
    def run(case: Any) -> None:
        send(case)

    run()


def _raw() -> st.SearchStrategy[bytes]:
    methods = st.sampled_from([b"GET", b"POST", b"PUT", b"OPTIONS", b"\x00", b"GE T", b"PRI"])
    paths = st.sampled_from(
        [
            b"/infill",
            b"/v1/completions",
            b"/../../etc/passwd",
            b"/v1/%2e%2e/",
            b"//",
            b"*",
            b"/qwen/stop",
            b"/%ff",
        ]
    )
    headers = st.sampled_from(
        [
            b"Host: 127.0.0.1\r\n",
            b"Host: evil.example\r\n",
            b"Content-Length: -1\r\n",
            b"Content-Length: 99999999999999999999\r\n",
            b"Content-Length: 5\r\nContent-Length: 6\r\n",
            b"Transfer-Encoding: chunked\r\nContent-Length: 3\r\n",
            b"Transfer-Encoding: gzip\r\n",
            b"Origin: null\r\n",
            b": no name\r\n",
            b"X: " + b"y" * 70_000 + b"\r\n",
            b"Cookie: \xff;;=\r\n",
        ]
    )
    broken = st.builds(
        lambda method, path, version, lines, body: (
            method + b" " + path + b" " + version + b"\r\n" + b"".join(lines) + b"\r\n" + body
        ),
        methods,
        paths,
        st.sampled_from([b"HTTP/1.1", b"HTTP/9.9", b"HTTP", b""]),
        st.lists(headers, max_size=4),
        st.binary(max_size=40),
    )
    whole = st.builds(
        _post,
        st.sampled_from(
            [b"/infill", b"/completion", b"/v1/completions", b"/v1/chat/completions", b"/qwen/model"]
        ),
        st.sampled_from(_BROKEN_BODIES) | st.binary(max_size=60) | st.builds(_dumped, _JSON),
    )
    return st.one_of(broken, whole, st.binary(min_size=1, max_size=200))


def _dumped(value: Any) -> bytes:
    return json.dumps(value).encode("utf-8", "surrogatepass")


def _post(path: bytes, body: bytes) -> bytes:
    head = b"POST %s HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nConnection: close\r\n"
    return head % path + b"Content-Length: %d\r\n\r\n%s" % (len(body), body)


def _send_raw(host: HostState, data: bytes, fuzzed: Fuzzed) -> None:
    answer = bytearray()
    try:
        with socket.create_connection((host.address, host.port), ANSWER_S) as wire:
            wire.settimeout(ANSWER_S)
            try:
                wire.sendall(data)
                wire.shutdown(socket.SHUT_WR)
                while piece := wire.recv(65536):
                    answer += piece
            except (ConnectionResetError, BrokenPipeError):
                pass
            except OSError as error:
                if isinstance(error, TimeoutError):
                    raise
    except TimeoutError:
        fuzzed.bad.append(f"no answer and no end in {ANSWER_S:.0f} s to {data[:200]!r}")
    line = bytes(answer).partition(b"\r\n")[0].split(b" ")
    _judge(int(line[1]) if len(line) > 1 else 0, bytes(answer), data[:200], fuzzed)


def _send_case(host: HostState, case: Any, fuzzed: Fuzzed) -> None:
    given = case.as_transport_kwargs(base_url=host.url)
    body = given.get("data") if given.get("json") is None else _dumped(given["json"])
    if isinstance(body, str):
        body = body.encode("utf-8", "surrogatepass")
    if body is not None and not isinstance(body, bytes):
        body = _dumped(list(body.items()) if isinstance(body, dict) else str(body))
    path = given["url"].removeprefix(host.url) + (
        "?" + urlencode(given["params"], doseq=True) if given.get("params") else ""
    )
    headers = {"Content-Type": "application/json", **dict(given.get("headers") or {})}
    headers = {
        name: value for name, value in headers.items() if name.lower() not in ("content-length", "host")
    }
    wire = http.client.HTTPConnection(host.address, host.port, timeout=ANSWER_S)
    try:
        wire.request(given["method"], path, body, headers)
        answer = wire.getresponse()
        _judge(answer.status, answer.read(), (given["method"], path, (body or b"")[:300]), fuzzed)
    except TimeoutError:
        fuzzed.bad.append(f"no answer in {ANSWER_S:.0f} s to {path} {body!r:.300}")
    except (ValueError, UnicodeError):
        fuzzed.statuses[-1] += 1  # this client cannot send it
    except http.client.HTTPException as error:
        fuzzed.bad.append(f"{type(error).__name__} after {path} {body!r:.300}")
    finally:
        wire.close()


def _judge(status: int, answer: bytes, asked: Any, fuzzed: Fuzzed) -> None:
    fuzzed.sent += 1
    fuzzed.statuses[status] += 1
    if status >= 500 and status not in (501, 503):
        fuzzed.bad.append(f"{status} to {asked!r}: {answer[-300:]!r}")


def _plain(host: HostState, path: str) -> bytes:
    wire = http.client.HTTPConnection(host.address, host.port, timeout=ANSWER_S)
    try:
        wire.request("GET", path)
        return wire.getresponse().read()
    finally:
        wire.close()


def still_well(host: HostState) -> bool:
    """Whether the same process still answers a proper question."""
    from qwen_lsp.host.control import status_of_running

    return status_of_running(host) is not None and json.loads(_plain(host, "/health")) == {"status": "ok"}
