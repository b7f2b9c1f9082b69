"""One server and one browser for all tests of the page, on the session's loop."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace

import pytest
import pytest_asyncio
from playwright.async_api import Browser

from qwen_lsp.engine.stubs.demo import DemoEngine
from qwen_lsp.settings import SandboxSettings, Settings
from tests.support.page.page import Switch, chromium, serve_page


@dataclass(frozen=True, slots=True)
class Place:
    """Where the page is, what answers there, and what looks at it."""

    url: str
    engine: Switch
    browser: Browser


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def _served() -> AsyncIterator[Place]:
    engine = Switch(DemoEngine())
    # CI containers are root; the sandbox is a room of its own with its own tests.
    settings = replace(Settings(), sandbox=SandboxSettings(allow_root=True, timeout_s=60.0))
    async with serve_page(engine, settings) as url, chromium() as browser:
        yield Place(url, engine, browser)


@pytest.fixture
def place(_served: Place) -> Place:
    """The page with the demo engine in it; a test may put another."""
    _served.engine.current = DemoEngine()
    return _served
