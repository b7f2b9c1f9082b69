"""Compare and the test loop in a real Chromium."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest

from qwen_lsp.engine.request import Request
from qwen_lsp.engine.stubs.demo import Gate, ScriptedEngine
from tests.support.page.page import open_tab, opened, picture
from tests.webui.conftest import Place

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]
WRONG = "```python\ndef double(n):\n    return n + 2\n```"
RIGHT = "```python\ndef double(n):\n    return n * 2\n```"
TESTS = "from solution import double\n\ndef test_double():\n    assert double(5) == 10\n"


async def _saved(page: Any, button: str, file: Path) -> str:
    async with page.expect_download() as started:
        await page.click(button)
    await (await started.value).save_as(file)
    return file.read_text("utf-8")


async def test_two_settings_two_prompts_twice(place: Place, tmp_path: Path) -> None:
    engine = place.engine.current = ScriptedEngine("```python\nx = 1\n```")
    async with opened(place.browser, place.url) as page:
        await open_tab(page, "Compare")
        await page.fill("#compare-prompts textarea", "one\n\ntwo")
        await page.fill("#compare-repeat input[type=number]", "2")
        await page.click("#compare-go")
        await page.wait_for_selector("#compare-bar :text('8 of 8')")
        await page.wait_for_selector("#compare-go:not([disabled])")
        assert [r.sampling.temperature for r in engine.requests] == [0.0, 0.7] * 4
        heads = await page.inner_text("#compare-table thead")
        assert "Temperature 0.7" in heads
        assert "Max tokens" not in heads  # held constant: said once, above
        assert await page.locator("#compare-table td").count() == 4
        assert "2 / 2" in await page.inner_text("#compare-table td >> nth=0")
        data = json.loads(await _saved(page, "#compare-json", tmp_path / "c.json"))
        assert (len(data["cells"]), len(data["columns"])) == (8, 2)
        rows = list(csv.DictReader((await _saved(page, "#compare-csv", tmp_path / "c.csv")).splitlines()))
        assert rows[0]["prompt"] == "one"
        await picture(page, "compare-en")


async def test_roles_hand_their_answers_on(place: Place) -> None:
    def script(request: Request) -> str:
        return f"<{len(engine.requests)}>"

    engine = place.engine.current = ScriptedEngine(script)
    async with opened(place.browser, place.url) as page:
        await open_tab(page, "Compare")
        await page.click("#recipe button.label-wrap")
        await page.fill("#recipe-task textarea", "sort")
        await page.wait_for_function(
            "document.querySelector('#recipe-roles textarea')?.value.includes('writer')"
        )
        await page.fill("#recipe-roles textarea", "a: do {input}\n\nb: check {previous}")
        await page.click("#recipe-go")
        await page.wait_for_selector("#recipe-shown .q-step >> nth=1")
        await page.wait_for_selector("#recipe-shown .q-step:nth-of-type(2) pre:text('<2>')")
        assert [r.prompt.messages[-1].content for r in engine.requests] == ["do sort", "check <1>"]  # type: ignore[union-attr]


async def test_the_loop_mends_until_green(place: Place, tmp_path: Path) -> None:
    def script(request: Request) -> str:
        return WRONG if len(engine.requests) == 1 else RIGHT

    engine = place.engine.current = ScriptedEngine(script)
    async with opened(place.browser, place.url, locale="zh-CN") as page:
        await open_tab(page, "测试")
        await page.fill("#loop-requirement textarea", "double a number")
        await page.fill("#loop-tests textarea", TESTS)
        await page.click("#loop-go")
        await page.wait_for_selector("#loop-bar :text('全部测试通过')", timeout=60_000)
        assert await page.locator("#loop-rounds .q-round").count() == 2
        assert "n * 2" in await page.input_value("#loop-accepted textarea")
        await page.fill("#loop-folder textarea, #loop-folder input", str(tmp_path))
        await page.fill("#loop-file textarea, #loop-file input", "double.py")
        await page.click("#loop-put")
        await page.wait_for_selector("#loop-told :text('已写入')")
        assert "n * 2" in (tmp_path / "double.py").read_text()
        assert "n + 2" in engine.requests[1].prompt.messages[-1].content  # type: ignore[union-attr]
        await picture(page, "loop-zh")


async def test_stop_ends_a_recipe_and_a_run_in_the_sandbox(place: Place) -> None:
    engine = place.engine.current = ScriptedEngine("never", gate=Gate())
    async with opened(place.browser, place.url) as page:
        await open_tab(page, "Compare")
        await page.click("#recipe button.label-wrap")
        await page.fill("#recipe-task textarea", "sort")
        await page.click("#recipe-go")
        await engine.until(lambda e: e.in_flight == 1)
        await page.click("#recipe-stop")
        await engine.until(lambda e: e.in_flight == 0)
        place.engine.current = ScriptedEngine("```python\nwhile True:\n    pass\n```")
        await open_tab(page, "Tests")
        await page.fill("#loop-requirement textarea", "never ends")
        await page.fill("#loop-tests textarea", TESTS)
        await page.click("#loop-go")
        await page.wait_for_selector("#loop-bar :text('Round 1: testing')")
        await page.click("#loop-stop")
        await page.wait_for_selector("#loop-bar :text('Stopped')")
        await page.wait_for_selector("#loop-go:not([disabled])")
        assert await page.locator("#loop-rounds .q-round").count() == 0


async def test_stop_ends_a_comparison(place: Place) -> None:
    engine = place.engine.current = ScriptedEngine("never", gate=Gate())
    async with opened(place.browser, place.url, width=400, color_scheme="dark") as page:
        await open_tab(page, "Compare")
        await page.fill("#compare-prompts textarea", "one\n\ntwo")
        await page.click("#compare-go")
        await engine.until(lambda e: e.in_flight == 1)
        await page.wait_for_selector("#compare-stop:not([disabled])")
        await page.click("#compare-stop")
        await page.wait_for_selector("#compare-go:not([disabled])")
        assert (engine.in_flight, len(engine.requests)) == (0, 1)
        assert await page.evaluate("() => document.documentElement.scrollWidth <= innerWidth")
        await picture(page, "compare-400-dark")
