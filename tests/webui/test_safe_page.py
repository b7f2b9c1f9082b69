"""The page served alone: names, origins, uploads, files, what is left closed, and who the server asks."""

from __future__ import annotations

import socket
from typing import Any

import httpx
import pytest

from tests.support.page.page import opened
from tests.webui.conftest import Place

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]
FILE = {"files": ("a.txt", b"x", "text/plain")}


@pytest.mark.parametrize(
    ("method", "path", "headers", "status"),
    [
        ("GET", "", {"host": "evil.example"}, 403),
        ("POST", "gradio_api/queue/join", {"host": "evil.example", "origin": "http://evil.example"}, 403),
        ("POST", "gradio_api/upload", {"origin": "http://evil.example"}, 403),
        ("GET", "gradio_api/file=/etc/passwd", {}, 403),
        ("GET", "gradio_api/file=http://127.0.0.1:22/", {}, 403),
        ("GET", "monitoring", {}, 403),
        ("GET", "gradio_api/mcp/", {}, 404),
        ("GET", "openapi.json", {}, 404),
        ("GET", "docs", {}, 404),
    ],
)
async def test_what_is_refused(
    place: Place, method: str, path: str, headers: dict[str, str], status: int
) -> None:
    async with httpx.AsyncClient() as client:
        files: Any = FILE if method == "POST" else None
        answer = await client.request(method, place.url + path, headers=headers, files=files)
    assert answer.status_code == status


async def test_a_large_upload_is_refused(place: Place) -> None:
    async with httpx.AsyncClient() as client:
        big = {"files": ("a.txt", b"x" * 3_000_000, "text/plain")}
        answer = await client.post(place.url + "gradio_api/upload", files=big)
    assert answer.status_code == 413


async def test_no_endpoint_is_public(place: Place) -> None:
    async with httpx.AsyncClient() as client:
        info = (await client.get(place.url + "gradio_api/info")).json()
    assert info["named_endpoints"] == {}
    assert info["unnamed_endpoints"] == {}


async def test_the_server_looks_up_no_name(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Any] = []
    real = socket.getaddrinfo

    def watched(host: Any, *rest: Any, **more: Any) -> Any:
        asked.append(host)
        return real(host, *rest, **more)

    monkeypatch.setattr(socket, "getaddrinfo", watched)
    async with opened(place.browser, place.url) as page:  # fails when the browser asks for anything foreign
        await page.fill("#request textarea", "python")
        await page.click("#go")
        await page.wait_for_selector("#result .q-view[data-phase=done]")
    assert [host for host in asked if host not in ("127.0.0.1", "localhost", b"127.0.0.1", None)] == []
