"""Monitor and Inside in a real Chromium."""

from __future__ import annotations

import json
import time
from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

from qwen_lsp.engine.request import Chunk, Finish, ModelShape, Request, Token, Usage
from qwen_lsp.engine.stubs.demo import ScriptedEngine
from qwen_lsp.metrics import RequestTrace
from qwen_lsp.paths import paths
from qwen_lsp.storage.request_history import RequestHistory
from tests.support.page.page import open_tab, opened, picture
from tests.webui.conftest import Place

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]
SHAPE = ModelShape(
    "qwen3_moe", 3, 64, 4, 2, 16, 8, 2, 500, 4096, 300_000, 120_000, 200_000, 384, (("experts", "4 bits"),)
)


class Routing(ScriptedEngine):
    """Reports two experts a layer for each of four tokens."""

    async def generate(self, request: Request) -> AsyncGenerator[Chunk, None]:
        """Four tokens, half sure."""
        self.requests.append(request)
        for i in range(4):
            used = tuple(((i + layer) % 8, (i + layer + 1) % 8) for layer in range(3))
            yield Chunk(f"t{i} ", (Token(i, f"t{i} ", -0.693, (("other", -1.2),), used),))
        yield Chunk(finish=Finish("stop"), usage=Usage(prompt_tokens=5, cached_tokens=4, generated_tokens=4))


async def test_a_token_shows_its_experts_and_alternatives(place: Place, tmp_path: Path) -> None:
    engine = place.engine.current = Routing("")
    engine.set_info(shape=SHAPE)
    async with opened(place.browser, place.url, accept_downloads=True) as page:
        await open_tab(page, "Inside")
        await page.fill("#inside-prompt textarea", "go")
        await page.click("#inside-go")
        await page.wait_for_selector("#inside .q-inside[data-phase=done]")
        assert engine.requests[0].experts
        assert await page.locator("#inside .q-token").count() == 4
        assert await page.evaluate(
            "() => [document.querySelector('#inside canvas').width, "
            "document.querySelector('#inside canvas').height]"
        ) == [8, 3]
        await page.click("#inside .q-token >> nth=1")
        told = await page.inner_text("#inside .q-detail")
        assert "probability 50.0 %" in told
        assert "1: 1 2" in told
        assert '"other" 30.1 %' in told
        async with page.expect_download() as started:
            await page.click("#inside .q-export")
        file = tmp_path / "routing.json"
        await (await started.value).save_as(file)
        data = json.loads(file.read_text("utf-8"))
        assert data["tokens"][0]["experts"] == [0, 1, 1, 2, 2, 3]
        await page.click("#inside .q-keep")
        await page.click("#inside-go")
        await page.wait_for_selector("#inside .q-alike:text('100 %')")
        await picture(page, "inside-en")


async def test_the_monitor_counts_what_was_answered(place: Place) -> None:
    place.engine.current = Routing("")
    async with opened(place.browser, place.url, locale="zh", color_scheme="dark") as page:
        await page.fill("#request textarea", "go")
        await page.click("#go")
        await page.wait_for_selector("#result .q-view[data-phase=done]")
        await open_tab(page, "监控")
        await page.wait_for_selector("#monitor table")
        count = int(await page.inner_text("#monitor tbody tr:has-text('对话与页面') td >> nth=0"))
        await open_tab(page, "生成")
        await page.click("#go")
        await open_tab(page, "监控")
        await page.wait_for_selector(f"#monitor tbody tr:has-text('对话与页面') td:text-is('{count + 1}')")
        assert await page.locator("#monitor .q-chart").count() == 5
        await picture(page, "monitor-zh-dark")


async def test_the_monitor_remembers_the_last_day_across_a_restart(place: Place) -> None:
    hours_ago = time.time() - 5 * 3600
    kept = RequestTrace(hours_ago, "action", "m", 10, 5, 5, 21, 0.0, 100.0, 300.0, "stop")
    RequestHistory(paths().data / "monitor.sqlite").keep([kept], {"memory_bytes": 2.0**30}, at_s=hours_ago)
    async with opened(place.browser, place.url) as page:
        await open_tab(page, "Monitor")
        await page.wait_for_selector("#monitor .q-gauges")
        assert await page.locator("#monitor tbody tr:has-text('action')").count() == 0
        await page.click("#monitor-span label:has-text('Last day')")
        await page.wait_for_selector("#monitor tbody tr:has-text('action') td:text-is('100 / 100 ms')")
        assert "24 hours ago" in await page.inner_html("#monitor .q-charts")
