"""A remote engine over TLS: a certificate is checked, and a company's own authority can be named."""

from __future__ import annotations

import asyncio
import ssl
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from qwen_lsp.engine.base import collect
from qwen_lsp.engine.remote.engine import RemoteEngine
from qwen_lsp.engine.request import ChatPrompt, Message, Request
from qwen_lsp.errors import EngineUnavailable

ASK = Request(ChatPrompt((Message("user", "x"),)), max_tokens=4)
ANSWERS = {
    "GET /v1/models": b'{"data": [{"id": "m", "owned_by": "vllm"}]}',
    "POST /v1/chat/completions": b'data: {"choices": [{"delta": {"content": "ok"}, "finish_reason": "stop"}]}\n\n',
}


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """A certificate for this machine that nobody has signed but itself, with its key."""
    file = tmp_path / "own.pem"
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=own"]
    command += ["-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(file), "-out", f"{file}.crt"]
    subprocess.run(command, check=True, capture_output=True)
    file.write_bytes(file.read_bytes() + Path(f"{file}.crt").read_bytes())
    return file


@pytest.fixture
async def server(certificate: Path) -> AsyncIterator[str]:
    """The few answers a chat needs, over TLS."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        body = ANSWERS.get(" ".join(head.split(" ")[:2]), b"{}")
        writer.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
        await writer.drain()
        writer.close()

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    async with await asyncio.start_server(answer, "127.0.0.1", 0, ssl=context) as listening:
        yield f"https://127.0.0.1:{listening.sockets[0].getsockname()[1]}"


async def test_a_certificate_nobody_vouches_for_is_refused_and_told(server: str) -> None:
    engine = RemoteEngine(server)
    with pytest.raises(EngineUnavailable, match=r"does not trust.*SSL_CERT_FILE"):
        await collect(engine, ASK)
    await engine.close()


async def test_an_authority_named_in_the_environment_is_trusted(
    server: str, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", f"{certificate}.crt")
    engine = RemoteEngine(server)
    assert (await collect(engine, ASK))[0] == "ok"
    assert "vLLM at https://127.0.0.1" in (await engine.info()).detail
    await engine.close()


@pytest.mark.parametrize(("scheme", "openly"), [("http", True), ("https", False)])
async def test_a_server_elsewhere_without_tls_is_named_unencrypted(scheme: str, openly: bool) -> None:
    engine = RemoteEngine(f"{scheme}://192.0.2.1", allow_elsewhere=True)
    engine._http._client = httpx.AsyncClient(transport=httpx.MockTransport(lambda r: httpx.Response(503)))
    detail = (await engine.info()).detail
    await engine.close()
    assert "Code leaves this machine" in detail
    assert ("unencrypted" in detail) is openly
