"""The page served on a free loopback port, and a Chromium to look at it; both on the test's own loop."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import uvicorn
from playwright.async_api import Browser, Page, async_playwright

from qwen_lsp.engine.base import Engine
from qwen_lsp.engine.request import Chunk, EngineInfo, Request, Usage
from qwen_lsp.runtime import Services
from qwen_lsp.server.guard import Guard
from qwen_lsp.settings import Settings
from tests.support.repository import REPOSITORY

ARTIFACTS = REPOSITORY / "artifacts"
PICTURES = REPOSITORY / "docs" / "images"
FLAGS = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--disable-background-timer-throttling",
    "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1",
)  # fmt: skip


class Switch:
    """An engine that is whichever engine the test put in, so that one server serves all tests."""

    def __init__(self, engine: Engine) -> None:
        self.current = engine

    def generate(self, request: Request) -> AsyncGenerator[Chunk, None]:
        """By the engine of the moment."""
        return self.current.generate(request)

    async def warm(self, request: Request) -> Usage:
        """By the engine of the moment."""
        return await self.current.warm(request)

    async def info(self) -> EngineInfo:
        """By the engine of the moment."""
        return await self.current.info()

    async def close(self) -> None:
        """Nothing of ours to close."""


class _Server(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave the signals to the test runner."""
        yield


@asynccontextmanager
async def serve_page(engine: Engine, settings: Settings | None = None) -> AsyncIterator[str]:
    """The page's address while the block runs."""
    from webui.app import build_page

    app = Guard(build_page(Services(settings or Settings(), engine)), token="", public=False)
    server = _Server(
        uvicorn.Config(app, host="127.0.0.1", port=0, log_level="warning", timeout_graceful_shutdown=1)
    )
    task = asyncio.create_task(server.serve())
    try:
        async with asyncio.timeout(60):
            while not server.started:
                if task.done():
                    task.result()
                await asyncio.sleep(0.02)
        port = server.servers[0].sockets[0].getsockname()[1]
        yield f"http://127.0.0.1:{port}/"
    finally:
        server.should_exit = True
        await task


@asynccontextmanager
async def chromium() -> AsyncIterator[Browser]:
    """Debian's Chromium, or what QWEN_LSP_CHROMIUM names."""
    program = os.environ.get("QWEN_LSP_CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=program, args=list(FLAGS))
        try:
            yield browser
        finally:
            await browser.close()


@asynccontextmanager
async def opened(
    browser: Browser, url: str, *, width: int = 1360, height: int = 900, root: str = "", **context: Any
) -> AsyncIterator[Page]:
    """The page in a fresh browser profile; `failures` of the page (errors, foreign requests) fail the block."""
    profile = await browser.new_context(viewport={"width": width, "height": height}, **context)
    profile.set_default_timeout(15_000)
    page = await profile.new_page()
    failures: list[str] = []
    page.on("pageerror", lambda error: failures.append(f"page error: {error}"))
    page.on(
        "request",
        lambda request: (
            None if _ours(request.url, root or url) else failures.append(f"asked for {request.url}")
        ),
    )
    try:
        await page.goto(url)
        await page.wait_for_selector("#go", state="attached")
        await page.wait_for_selector("#header .q-engine")
        yield page
        assert failures == []
    finally:
        await profile.close()


def _ours(address: str, url: str) -> bool:
    return address.startswith((url, "data:", "blob:"))


async def open_tab(page: Page, name: str) -> None:
    """A place by its name in the rail."""
    await page.get_by_role("link", name=name, exact=True).click()


async def unfold(page: Page, panel: str) -> None:
    """Open a folded panel by its id, if it is folded."""
    folded = page.locator(f"#{panel} button.label-wrap:not(.open)")
    if await folded.count():
        await folded.click()


async def picture(page: Page, name: str, *, whole: bool = False) -> None:
    """Keep a screenshot where CI finds it; `whole` also of what lies below the window."""
    file = ARTIFACTS / f"{name}.png"
    file.parent.mkdir(parents=True, exist_ok=True)
    await page.screenshot(path=file, full_page=whole)
