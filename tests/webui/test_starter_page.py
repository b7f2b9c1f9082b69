"""The seed's walk-through on the real starter model: a person's first minute with the page."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from qwen_lsp.engine.base import Engine
from qwen_lsp.engine.request import Chunk, Lane, Marker, Request, Text, TextPrompt
from qwen_lsp.samples import PROGRAMS
from qwen_lsp.settings import EngineSettings
from tests.support.page.page import PICTURES, Switch, open_tab, opened, picture
from tests.webui.conftest import Place

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]
SEED = "为一个基于微服务架构的项目设计统一日志采集组件，并给出 Python 示例实现"
COLLECTOR = next(p for p in PROGRAMS if p.request_zh == SEED)
WATCH_PHASES = """() => {
  window.phases = [];
  const view = document.querySelector('#result .q-view');
  new MutationObserver(() => window.phases.push(view.dataset.phase)).observe(view, {attributes: true});
}"""
"""Writing may be over before anyone has asked for it."""
FIBONACCI = next(p for p in PROGRAMS if p.request == "Write a Fibonacci function in Python.")


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def starter(starter_folder: Path) -> AsyncIterator[Engine]:
    """The starter, loaded once."""
    from qwen_lsp.engine.mlx.engine import MlxEngine

    engine = MlxEngine(starter_folder, EngineSettings())
    await engine.ready()
    yield engine
    await engine.close()


async def _shown(page: Any) -> str:
    code: str = await page.evaluate("() => document.querySelector('#result .q-code').textContent")
    return code


async def _asked(page: Any, words: str) -> None:
    await page.fill("#request textarea", words)
    await page.click("#go")
    await page.wait_for_selector("#result .q-view[data-phase=done]", timeout=60_000)


async def test_the_seeds_walk_through(place: Place, starter: Engine) -> None:
    place.engine.current = starter
    async with opened(place.browser, place.url, locale="zh-CN") as page:
        await page.fill("#request textarea", SEED)
        assert await page.inner_text("#go") == "生成/补全代码"
        await page.evaluate(WATCH_PHASES)
        await page.click("#go")
        await page.wait_for_selector("#result .q-view[data-phase=done]", timeout=60_000)
        assert "writing" in await page.evaluate("() => window.phases")
        assert await _shown(page) == COLLECTOR.code
        assert await page.locator("#result .q-code .k, #result .q-code .kd").count() >= 3
        assert "贪心" in await page.inner_text("#result .q-foot")
        assert "入门模型" in await page.inner_text("#header")
        info = await starter.info()
        assert info.shape is not None
        assert f"× {info.shape.layers} 层" in await page.inner_html("#picture svg")
        await picture(page, "starter-zh")


async def test_english_words_bring_the_program_and_the_pictures(place: Place, starter: Engine) -> None:
    place.engine.current = starter
    async with opened(place.browser, place.url, width=1280, height=800, color_scheme="light") as page:
        await _asked(page, FIBONACCI.request)
        assert await _shown(page) == FIBONACCI.code
        await page.mouse.move(0, 0)
        await _kept(page, "home")
        await open_tab(page, "Inside")
        await page.fill("#inside-prompt textarea", FIBONACCI.request)
        await page.click("#inside-go")
        await page.wait_for_selector("#inside .q-inside[data-phase=done]", timeout=60_000)
        usage = await page.inner_text("#inside .q-tokens")
        assert "def fibonacci" in usage
        assert await page.evaluate("() => document.querySelector('#inside canvas').width > 1")
        await page.click("#inside .q-token >> nth=12")
        await _kept(page, "inside")


async def _kept(page: Any, name: str) -> None:
    """For CI, and when asked for also for the README."""
    await page.evaluate("() => { document.activeElement.blur(); scrollTo(0, 0); }")
    await picture(page, f"starter-{name}")
    if os.environ.get("QWEN_LSP_KEEP_PICTURES"):
        PICTURES.mkdir(parents=True, exist_ok=True)
        await page.screenshot(path=PICTURES / f"{name}.png")


class Order(Switch):
    """Lets two pages start together, then asks for an editor's completion; keeps the order of the endings."""

    def __init__(self, engine: Engine) -> None:
        super().__init__(engine)
        self.endings: list[Lane] = []
        self.completion: asyncio.Task[None] | None = None
        self._both = asyncio.Barrier(2)

    async def generate(self, request: Request) -> AsyncGenerator[Chunk, None]:
        """By the engine; the first text of a page brings the completion."""
        if request.lane is Lane.CHAT:
            await self._both.wait()
        async with aclosing(self.current.generate(request)) as chunks:
            async for chunk in chunks:
                if chunk.text and self.completion is None and request.lane is Lane.CHAT:
                    self.completion = asyncio.create_task(self._complete())
                if chunk.finish is not None:  # before it is handed on: the page is done as soon as it has it
                    self.endings.append(request.lane)
                yield chunk

    async def _complete(self) -> None:
        hole = (Marker("<|fim_prefix|>"), Text("def add(a, b):\n    return "), Marker("<|fim_suffix|>"))
        prompt = TextPrompt((*hole, Marker("<|fim_middle|>")))
        async for _ in self.generate(Request(prompt, max_tokens=8, lane=Lane.INLINE)):
            pass


async def test_an_editors_completion_overtakes_two_pages(place: Place, starter: Engine) -> None:
    order = place.engine.current = Order(starter)
    async with opened(place.browser, place.url) as one, opened(place.browser, place.url) as two:
        for page in (one, two):
            await page.fill("#request textarea", SEED)
            await page.click("#go")
        for page in (one, two):
            await page.wait_for_selector("#result .q-view[data-phase=done]", timeout=60_000)
            assert await _shown(page) == COLLECTOR.code
        assert order.completion is not None
        await order.completion
        assert order.endings == [Lane.INLINE, Lane.CHAT, Lane.CHAT]
