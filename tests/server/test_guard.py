"""What must not reach the host does not, and nothing that is sent brings it down."""

from __future__ import annotations

import asyncio
import dataclasses
import gc
import json
import random
from typing import Any

import pytest

from qwen_lsp.engine.stubs.demo import Gate, ScriptedEngine
from qwen_lsp.server.guard import LARGEST_BODY_BYTES
from qwen_lsp.server.http_server import HttpProtocol
from qwen_lsp.settings import Settings
from tests.support.http.hosts import TOKEN, Running, serving

pytestmark = pytest.mark.model

CHAT = {"messages": [{"role": "user", "content": "x"}]}
PUBLIC = dataclasses.replace(Settings(), host=dataclasses.replace(Settings().host, address="0.0.0.0"))
KNOCK = {"Authorization": f"Bearer {TOKEN}"}


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "evil.example"},
        {"Host": "evil.example:7860"},
        {"Host": "127.0.0.1.evil.example"},
        {"Host": ""},
        {"Host": "[::1"},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:1"},
        {"Origin": "vscode-webview://x"},
        {"Sec-Fetch-Site": "cross-site"},
    ],
)
async def test_foreign_hosts_and_origins_are_refused_on_every_route(headers: dict[str, str]) -> None:
    engine = ScriptedEngine("x")
    async with serving(engine) as host:
        for path in ("/v1/chat/completions", "/infill", "/", "/qwen/stop"):
            answer = await host.post(path, CHAT, **headers)
            assert answer.status_code in (400, 403), (path, answer.text)
        assert (await host.client.get("/v1/models", headers=headers)).status_code in (400, 403)
    assert engine.requests == []


async def test_the_hosts_own_page_may_ask() -> None:
    async with serving(ScriptedEngine("x")) as host:
        for name in ("127.0.0.1", "localhost"):
            origin = f"http://{name}:{host.port}"
            answer = await host.post(
                "/v1/chat/completions", CHAT, Origin=origin, **{"Sec-Fetch-Site": "same-origin"}
            )
            assert answer.status_code == 200


async def test_a_link_from_elsewhere_may_open_the_page() -> None:
    headers = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}
    async with serving(ScriptedEngine("x")) as host:
        assert (await host.client.get("/", headers=headers)).status_code == 404  # no page here, but let in


async def test_control_needs_the_token_even_on_loopback() -> None:
    stopped: list[bool] = []
    async with serving(ScriptedEngine("x"), stop=lambda: stopped.append(True)) as host:
        assert (await host.post("/qwen/stop", {})).status_code == 401
        assert (await host.post("/qwen/stop", {}, Authorization="Bearer wrong")).status_code == 401
        assert stopped == []
        assert (await host.post("/qwen/stop", {}, **KNOCK)).status_code == 200
    assert stopped == [True]


async def test_beyond_loopback_everything_needs_the_token() -> None:
    async with serving(ScriptedEngine("x"), settings=PUBLIC) as host:
        for path in ("/v1/models", "/", "/metrics", "/qwen/status", "/openapi.json"):
            assert (await host.client.get(path)).status_code == 401, path
        assert (await host.post("/v1/chat/completions", CHAT)).status_code == 401
        assert (await host.post("/v1/chat/completions", CHAT, **KNOCK)).status_code == 200
        assert (await host.client.get("/health")).status_code == 200
        first = await host.client.get(f"/?token={TOKEN}&__theme=dark")
        assert first.headers["location"] == "/?__theme=dark"
        cookie = first.headers["set-cookie"]
        assert "HttpOnly" in cookie
        assert "samesite=strict" in cookie.lower()
        assert (await host.client.get("/v1/models")).status_code == 200  # the client kept the cookie
        assert (await host.post("/qwen/stop", {})).status_code == 401  # a cookie is not enough for control


async def test_bodies_too_large_are_refused_before_they_are_read() -> None:
    engine = ScriptedEngine("x")
    async with serving(engine) as host:
        headers = {"Content-Type": "application/json", "Content-Length": str(LARGEST_BODY_BYTES + 1)}
        told = await raw(host, "POST /v1/completions HTTP/1.1", headers, b"{")
        assert b" 413 " in told

        async def endless() -> Any:
            for _ in range(LARGEST_BODY_BYTES // 500_000 + 2):
                yield b" " * 500_000

        answer = await host.client.post("/v1/completions", content=endless())
        assert answer.status_code == 413
    assert engine.requests == []


async def raw(host: Running, line: str, headers: dict[str, str], body: bytes, *, read: bool = True) -> bytes:
    """Speak HTTP by hand."""
    reader, writer = await asyncio.open_connection("127.0.0.1", host.port)
    head = "\r\n".join([line, f"Host: 127.0.0.1:{host.port}", *(f"{k}: {v}" for k, v in headers.items())])
    writer.write(head.encode() + b"\r\n\r\n" + body)
    await writer.drain()
    told = await reader.read(65536) if read else b""
    writer.close()
    return told


async def test_paths_with_tricks_find_nothing() -> None:
    async with serving(ScriptedEngine("x")) as host:
        for path in (
            "/v1/../qwen/status",
            "/v1/%2e%2e/%2e%2e/etc/passwd",
            "//etc/passwd",
            "/qwen/..%2fetc",
            "/v1/models/../..",
        ):
            told = await raw(host, f"GET {path} HTTP/1.1", {"Connection": "close"}, b"")
            assert b" 404 " in told.split(b"\r\n")[0], (path, told[:200])
            assert b"root:" not in told


async def test_a_client_that_vanishes_without_a_word_frees_the_engine() -> None:
    engine = ScriptedEngine("one two three", gate=Gate())
    async with serving(engine) as host:
        body = json.dumps({"prompt": "x", "stream": False}).encode()
        headers = {"Content-Type": "application/json", "Content-Length": str(len(body))}
        await raw(host, "POST /v1/completions HTTP/1.1", headers, body, read=False)
        await engine.until(lambda e: len(e.aborted) == 1)
    assert engine.in_flight == 0


async def test_a_client_that_never_reads_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("qwen_lsp.server.responses.SEND_S", 0.3)
    engine = ScriptedEngine(["x" * 65536] * 100_000)
    async with serving(engine) as host:
        body = json.dumps({"prompt": "x", "stream": True, "max_tokens": 1_000_000}).encode()
        _, writer = await asyncio.open_connection("127.0.0.1", host.port, limit=1024)
        head = f"POST /v1/completions HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        writer.write(head.encode() + body)
        await engine.until(lambda e: len(e.aborted) == 1)
        assert engine.in_flight == 0
        writer.transport.abort()


@pytest.mark.parametrize("said", [b"", b"POST /v1/comp"])
@pytest.mark.parametrize("asked_before", [False, True])
async def test_a_connection_that_does_not_end_what_it_began_is_closed(
    asked_before: bool, said: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("qwen_lsp.server.http_server._HEAD_S", 0.2)
    monkeypatch.setattr("qwen_lsp.server.http_server._BETWEEN_S", 1)
    async with serving(ScriptedEngine("x")) as host:
        reader, writer = await asyncio.open_connection("127.0.0.1", host.port)
        if asked_before:
            writer.write(b"GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
            await reader.readuntil(b'{"status":"ok"}')
        writer.write(said)
        assert await until_closed(reader) == b""
        writer.close()


async def test_a_quick_client_is_not_cut_between_its_requests(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("qwen_lsp.server.http_server._HEAD_S", 0.2)
    gate = Gate()
    async with serving(ScriptedEngine("one two", gate=gate)) as host:
        for _ in range(2):  # the second on the same connection
            asking = asyncio.create_task(host.post("/v1/completions", {"prompt": "x"}))
            await asyncio.sleep(0.5)  # longer than the deadline for a head
            await gate.open()
            assert (await asking).status_code == 200


async def test_a_body_that_never_ends_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("qwen_lsp.server.guard._BODY_S", 0.2)
    engine = ScriptedEngine("x")
    async with serving(engine) as host:
        headers = {"Content-Type": "application/json", "Content-Length": "100"}
        told = await raw(host, "POST /v1/completions HTTP/1.1", headers, b'{"pro')
    assert b" 408 " in told
    assert engine.requests == []


async def until_closed(reader: asyncio.StreamReader) -> bytes:
    async with asyncio.timeout(10):
        try:
            return await reader.read()
        except ConnectionResetError:
            return b""


FIELDS = ("prompt", "suffix", "messages", "max_tokens", "n", "stop", "stream", "tools", "seed", "logprobs", "temperature",
          "prompt_parts", "input_prefix", "input_extra", "n_predict", "response_fields", "stream_options", "lane")  # fmt: skip
ODD: tuple[Any, ...] = (
    None, True, -1, 0, 2**70, 1e400, float("nan"), "", "x", "\ud800", "\u0000", [], [None], [[]], {}, {"a": {"b": []}},
    [{"role": "user", "content": "x"}], [{"role": 1}], [{"text": 1}], [{"marker": "<|nope|>"}], {"include_usage": 1}, ["", "\n"],
)  # fmt: skip


def malformed(seed: int) -> bytes:
    """A body that is wrong in one of many ways."""
    chance = random.Random(seed)
    body: Any = {chance.choice(FIELDS): chance.choice(ODD) for _ in range(chance.randint(0, 6))}
    text = json.dumps(chance.choice((body, body, body, [body], chance.choice(ODD)))).encode()
    how = chance.randint(0, 5)
    if how == 0:
        at = chance.randint(0, len(text))
        text = text[:at] + bytes(chance.randrange(256) for _ in range(3)) + text[at:]
    if how == 1:
        text = text[: chance.randint(0, len(text))]
    if how == 2:
        text = b"[" * 100_000
    return text


async def test_malformed_bodies_get_an_answer_each_and_harm_nothing() -> None:
    engine = ScriptedEngine("ok")
    paths = ("/v1/completions", "/v1/chat/completions", "/infill", "/completion")
    statuses: list[int] = []
    async with serving(engine) as host:
        for seed in range(200):
            kind = "application/json" if seed % 7 else "text/plain"
            answer = await host.client.post(
                paths[seed % 4], content=malformed(seed), headers={"Content-Type": kind}
            )
            statuses.append(answer.status_code)
            if answer.status_code != 200:
                assert set(answer.json()["error"]) == {"message", "type", "param", "code"}, answer.text
        healthy = await host.post("/v1/completions", {"prompt": "x"})
    assert healthy.json()["choices"][0]["text"] == "ok"
    assert set(statuses) <= {200, 400}
    assert statuses.count(400) > 100
    assert engine.in_flight == 0


async def test_malformed_http_gets_an_error_or_a_closed_connection() -> None:
    chance = random.Random(5)
    async with serving(ScriptedEngine("ok")) as host:
        lines = (
            "GET",
            "POST / HTTP/9.9",
            "\x00\x01",
            "GET /%zz HTTP/1.1",
            "CONNECT x:1 HTTP/1.1",
            "GET " + "a" * 70000 + " HTTP/1.1",
        )
        for turn in range(60):
            junk = bytes(chance.randrange(256) for _ in range(chance.randint(1, 60)))
            headers = {"Content-Length": str(chance.choice((-1, "x", 3, 10**30))), "Connection": "close"}
            async with asyncio.timeout(5):
                told = await raw(host, lines[turn % len(lines)], headers, junk)
            assert told == b"" or told.startswith(b"HTTP/1.1 4"), told[:80]
        assert (await host.client.get("/health")).status_code == 200


async def test_a_page_that_is_being_made_is_told_with_the_engines_progress() -> None:
    made = asyncio.Event()
    lived: list[str] = []

    async def page(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            lived.append((await receive())["type"])
            await send({"type": "lifespan.startup.complete"})
            lived.append((await receive())["type"])
            await send({"type": "lifespan.shutdown.complete"})
            return
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"the page"})

    async def make() -> Any:
        await made.wait()
        return page

    engine = ScriptedEngine("x")
    engine.set_info(state="loading", progress=0.25, detail="Reading <weights>", seconds_left=12.0)
    async with serving(engine, make_page=make) as host:
        waiting = await host.client.get("/")
        assert waiting.status_code == 503
        assert "Reading &lt;weights&gt; 25%, about 12 s left" in waiting.text
        assert (await host.client.get("/v1/models")).status_code == 200
        made.set()
        async with asyncio.timeout(10):
            while (await host.client.get("/")).text != "the page":
                pass
        assert lived == ["lifespan.startup"]
    assert lived == ["lifespan.startup", "lifespan.shutdown"]


async def test_a_page_that_cannot_be_made_leaves_the_api_working() -> None:
    async def make() -> Any:
        raise RuntimeError("gradio is not here")

    async with serving(ScriptedEngine("ok"), make_page=make) as host:
        async with asyncio.timeout(10):
            while "gradio is not here" not in (told := await host.client.get("/")).text:
                pass
        assert told.status_code == 500
        assert (await host.post("/v1/completions", {"prompt": "x"})).status_code == 200


async def test_metrics_count_what_happened() -> None:
    async with serving(ScriptedEngine("one two")) as host:
        for _ in range(3):
            await host.post("/v1/completions", {"prompt": "x"})
        told = (await host.client.get("/metrics")).text
        traces = (await host.client.get("/qwen/traces?count=2")).json()
    assert 'qwen_lsp_requests_total{lane="action"} 3.0' in told
    assert "qwen_lsp_first_token_seconds_count 3.0" in told
    assert 'qwen_lsp_tokens_total{kind="generated"} 6.0' in told
    assert [t["finish"] for t in traces] == ["stop", "stop"]


async def test_a_closed_connection_is_not_held_until_its_first_deadline() -> None:
    def held() -> int:
        gc.collect()
        return sum(isinstance(thing, HttpProtocol) for thing in gc.get_objects())

    before = held()
    async with serving(ScriptedEngine("x")) as host:
        for _ in range(20):
            _, writer = await asyncio.open_connection("127.0.0.1", host.port)
            writer.close()
            await writer.wait_closed()
        async with asyncio.timeout(10):
            while held() > before + 1:  # noqa: ASYNC110 - the collector tells nobody
                await asyncio.sleep(0.05)
