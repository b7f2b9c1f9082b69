"""Compare with other models, templates, presets and tests: in a real Chromium, on a managed engine that really switches."""

from __future__ import annotations

import asyncio
import csv
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Page

from qwen_lsp.engine.base import Engine
from qwen_lsp.engine.request import EngineInfo
from qwen_lsp.engine.stubs.demo import Gate, ScriptedEngine
from qwen_lsp.engine.supervised import Report, SupervisedEngine
from qwen_lsp.errors import ModelNotFound
from qwen_lsp.paths import paths
from qwen_lsp.settings import SandboxSettings, Settings
from tests.support.page.page import open_tab, opened, picture, serve_page
from tests.webui.conftest import Place
from webui.parts.presets import Preset, Presets
from webui.request.form import Form

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]
ANSWERS = {
    "first": "```python\ndef double(n):\n    return n * 2\n```",
    "other": "```python\ndef double(n):\n    return n + 2\n```",
    "third": "```python\ndef double(n:\n```",
}
TESTS = "from solution import double\n\ndef test_double():\n    assert double(5) == 10\n"


@dataclass
class Loads:
    """Loads scripted models, remembers which and in what order, and says when one has come."""

    made: list[tuple[str, ScriptedEngine]] = field(default_factory=list)
    gates: dict[str, Gate] = field(default_factory=dict)
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    async def __call__(self, model: str, report: Report) -> Engine:
        """A model by its name."""
        info = EngineInfo("mlx", model, "ready", fim="qwen", context_tokens=4096)
        engine = ScriptedEngine(ANSWERS[model], gate=self.gates.get(model), info=info)
        self.made.append((model, engine))
        self.changed.set()
        return engine

    def find(self, model: str) -> None:
        """Refuse what is not here."""
        if model not in ANSWERS:
            raise ModelNotFound(f"The model {model} is not on this machine.")

    @property
    def names(self) -> list[str]:
        """What was loaded, in order."""
        return [name for name, _ in self.made]

    async def until(self, names: list[str]) -> None:
        """Wait until these were loaded."""
        async with asyncio.timeout(20):
            while self.names != names:
                self.changed.clear()
                await self.changed.wait()


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def _managed() -> AsyncIterator[tuple[str, Loads, SupervisedEngine]]:
    loads = Loads()
    engine = SupervisedEngine(loads, find=loads.find, model="first")
    settings = replace(Settings(), sandbox=SandboxSettings(allow_root=True, timeout_s=60.0))
    async with serve_page(engine, settings) as url:
        yield url, loads, engine
    await engine.close()


@pytest_asyncio.fixture(loop_scope="session")
async def managed(_managed: tuple[str, Loads, SupervisedEngine]) -> tuple[str, Loads, SupervisedEngine]:
    """The page on an engine that has just loaded the first model."""
    _, loads, engine = _managed
    loads.gates.clear()
    assert (await engine.switch("first")).model == "first"
    del loads.made[:-1]
    return _managed


async def _choose(page: Page, column: int, model: str) -> None:
    await page.fill(f"#column-{column}-model input", model)
    await page.keyboard.press("Enter")


async def _saved(page: Page, button: str, file: Path) -> str:
    async with page.expect_download() as started:
        await page.click(button)
    await (await started.value).save_as(file)
    return file.read_text("utf-8")


async def test_models_presets_templates_and_tests_stand_side_by_side(
    place: Place, managed: tuple[str, Loads, SupervisedEngine], tmp_path: Path
) -> None:
    url, loads, engine = managed
    Presets(paths().data / "presets.json").keep(
        "steady", Preset(Form(language="as-is", temperature=0.2, min_p=0.1), "As code: {input}")
    )
    async with opened(place.browser, url, width=1500, height=1100) as page:
        await open_tab(page, "Compare")
        assert "for everyone" in await page.inner_text("#compare-note")
        await page.click("#compare-columns label:has-text('4')")
        await page.wait_for_selector("#column-4-model input", state="visible")
        await page.click("#column-1-preset input")
        await page.get_by_role("option", name="steady").click()
        await page.wait_for_function(
            "() => document.querySelector('#column-1-template textarea').value === 'As code: {input}'"
        )
        for column, model in ((2, "other"), (3, "missing/model"), (4, "other")):
            await _choose(page, column, model)
        await page.fill("#compare-prompts textarea", "double a number\n\ntwice as much")
        await page.click("#compare-tests-panel button.label-wrap")
        await page.fill("#compare-tests textarea", TESTS)
        await page.click("#compare-go")
        await page.wait_for_selector("#compare-bar :text-is('8 of 8')", timeout=180_000)
        await page.wait_for_selector("#compare-go:not([disabled])")
        assert loads.names == ["first", "other", "first"]  # two columns, two prompts: loaded once
        assert engine.model == "first"
        asked = [r.prompt.messages[-1].content for r in loads.made[0][1].requests]  # type: ignore[union-attr]
        assert asked == ["As code: double a number", "As code: twice as much"]
        await _the_table_tells(page)
        data = json.loads(await _saved(page, "#compare-json", tmp_path / "c.json"))
        assert [c["model"] for c in data["columns"]] == ["", "other", "missing/model", "other"]
        assert data["columns"][0]["preset"] == "steady"
        assert {(c["column"], c["model"], c["passes"]) for c in data["cells"]} == {
            (0, "first", True), (1, "other", False), (2, "", None), (3, "other", False)
        }  # fmt: skip
        rows = list(csv.DictReader((await _saved(page, "#compare-csv", tmp_path / "c.csv")).splitlines()))
        assert {row["set_template"] for row in rows} == {"As code: {input}", ""}
        await picture(page, "compare-models-en")


async def _the_table_tells(page: Page) -> None:
    heads = await page.locator("#compare-table thead th").all_inner_texts()
    assert "steady" in heads[1]
    assert "the loaded model" in heads[1]
    assert "other" in heads[2]
    assert "Top-p" not in "".join(heads)  # held constant
    cells = await page.locator("#compare-table tbody tr:first-child td").all_inner_texts()
    assert "Tests passed. 1 of 1" in cells[0]
    assert "Tests failed. 0 of 1" in cells[1]
    assert "is not on this machine" in cells[2]


async def test_stop_brings_the_first_model_back(
    place: Place, managed: tuple[str, Loads, SupervisedEngine]
) -> None:
    url, loads, engine = managed
    loads.gates["other"] = Gate()
    async with opened(place.browser, url, locale="zh-CN") as page:
        await open_tab(page, "对比")
        assert "为所有人" in await page.inner_text("#compare-note")
        await _choose(page, 2, "other")
        await page.fill("#compare-prompts textarea", "double a number")
        await page.click("#compare-go")
        await loads.until(["first", "other"])
        await loads.made[-1][1].until(lambda e: e.in_flight == 1)
        await loads.gates["other"].step(2)
        await page.click("#compare-stop")
        await loads.until(["first", "other", "first"])
        assert engine.model == "first"
        await page.wait_for_selector("#compare-go:not([disabled])")
        assert await page.locator("#compare-table tbody td").count() == 2
        await page.wait_for_selector("#compare-bar :text('已停止')")


async def test_the_demo_stands_beside_the_model_and_a_closed_page_leaves_the_first_one(
    place: Place, managed: tuple[str, Loads, SupervisedEngine]
) -> None:
    url, loads, engine = managed
    loads.gates["other"] = Gate()
    async with opened(place.browser, url) as page:
        await open_tab(page, "Compare")
        await page.click("#column-1-model input")
        await page.get_by_role("option", name="demo, no model runs").click()
        await _choose(page, 2, "other")
        await page.fill("#compare-prompts textarea", "python")
        await page.click("#compare-go")
        await page.wait_for_selector("#compare-table td:has-text('no model ran')")
        await loads.until(["first", "other"])
        await loads.made[-1][1].until(lambda e: e.in_flight == 1)
    await loads.until(["first", "other", "first"])
    assert engine.model == "first"


async def test_a_sandbox_that_refuses_says_so_in_the_cell(place: Place) -> None:
    place.engine.current = ScriptedEngine(ANSWERS["first"])
    strict: Any = replace(Settings(), sandbox=SandboxSettings(allow_root=False))
    async with serve_page(place.engine, strict) as url, opened(place.browser, url) as page:
        await open_tab(page, "Compare")
        assert "serves one model" in await page.inner_text("#compare-note")
        await page.fill("#compare-prompts textarea", "double a number")
        await page.click("#compare-tests-panel button.label-wrap")
        await page.fill("#compare-tests textarea", TESTS)
        await page.click("#compare-go")
        await page.wait_for_selector("#compare-bar :text('2 of 2')")
        assert "Not tested." in await page.inner_text("#compare-table td >> nth=0")
        assert "root" in await page.inner_text("#compare-table td >> nth=0")
