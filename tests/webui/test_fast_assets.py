"""Gradio's scripts and styles from memory: whole, compressed, kept for good, and few requests for a page."""

from __future__ import annotations

import gzip
from pathlib import Path

import gradio as gr
import httpx
import pytest

from tests.support.page.page import opened
from tests.webui.conftest import Place
from webui.fast_assets import Assets

FOLDER = Path(gr.__file__).parent / "templates" / "frontend" / "assets"


PARTS = ("textbox", "dropdown", "chatbot")


def test_every_asset_comes_as_the_file_says_and_nothing_outside_the_folder_does() -> None:
    assets = Assets(FOLDER, PARTS)
    script = next(file for file in FOLDER.iterdir() if file.suffix == ".js")
    found = assets.get(script.name)
    assert found is not None
    assert gzip.decompress(found.packed) == found.plain == script.read_bytes()
    for name in ("../index.html", "nothing.js", ""):
        assert assets.get(name) is None


def test_what_the_components_need_comes_ahead_and_its_styles_as_one_file() -> None:
    assets = Assets(FOLDER, PARTS)
    bundle = assets.get(assets.bundle)
    assert bundle is not None
    assert len(assets.styles) > 5
    for name in assets.styles:
        assert (FOLDER / name).read_bytes() in bundle.plain
        assert f'href="./assets/{name}" disabled' in assets.head()
    assert len(assets.scripts) > 10
    assert all(f'"modulepreload" href="./assets/{name}"' in assets.head() for name in assets.scripts)


def test_a_gradio_that_is_built_otherwise_is_left_to_itself() -> None:
    assert Assets(FOLDER.parent, PARTS).head() == ""


@pytest.mark.browser
@pytest.mark.asyncio(loop_scope="session")
async def test_a_page_asks_for_little_and_a_second_one_for_next_to_nothing(place: Place) -> None:
    files = "() => performance.getEntriesByType('resource').filter((e) => e.name.includes('/assets/')).map((e) => e.transferSize)"
    async with opened(place.browser, place.url) as page:
        first = await page.evaluate(files)
        assert len(first) < 60  # eighty and more without the middleware
        await page.reload()
        await page.wait_for_selector("#header .q-engine")
        again = await page.evaluate(files)
        assert sum(size > 0 for size in again) <= 2
    async with httpx.AsyncClient() as client:
        name = next(file.name for file in FOLDER.iterdir() if file.suffix == ".css")
        answer = await client.get(f"{place.url}assets/{name}")
        assert "immutable" in answer.headers["cache-control"]
        assert (await client.get(f"{place.url}assets/nothing.js")).status_code == 404
