"""Every tab in every language, light and dark, wide and narrow: translated, reachable, quiet in the console; kept as pictures."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import Page

from tests.support.page.page import open_tab, opened, picture
from tests.support.page.readability import astray, foreign_words
from tests.webui.conftest import Place
from tests.webui.test_other_tabs_page import SHAPE, Routing
from webui.i18n.texts import in_language

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]
TABS = ("generate", "chat", "compare", "loop", "project", "inside", "monitor")
SIZES = {"wide": (1360, 900), "narrow": (400, 800)}


@pytest.mark.parametrize("locale", ["en", "zh-CN", "zh"])
async def test_every_tab_speaks_the_language_and_everything_is_in_reach(
    place: Place, locale: str, tmp_path: Path
) -> None:
    engine = place.engine.current = Routing("")
    engine.set_info(shape=SHAPE)
    wrong: list[str] = []
    async with opened(place.browser, place.url, locale=locale) as page:
        page.on(
            "console", lambda told: wrong.append(f"console: {told.text}") if told.type == "error" else None
        )
        await _fill(page, locale, tmp_path)
        async for view in _views(page, locale):
            told = [f"foreign: {text}" for text in await foreign_words(page, locale)]
            told += [f"astray: {one}" for one in await astray(page)]
            wrong += [f"{view} {one}" for one in told]
    assert wrong == [], "\n".join(wrong)


async def _views(page: Page, locale: str) -> AsyncIterator[str]:
    """Each tab in each size and colour, with a picture of it; once each in `zh`, whose words are those of zh-CN."""
    again = locale == "zh"
    for size, (width, height) in list(SIZES.items())[again:]:
        await page.set_viewport_size({"width": width, "height": height})
        for scheme in ("light",) if again else ("light", "dark"):
            await page.emulate_media(color_scheme=scheme)
            await page.wait_for_function(
                "(dark) => document.body.classList.contains('dark') === dark", arg=scheme == "dark"
            )
            for tab in TABS:
                await open_tab(page, in_language(f"tab_{tab}", locale))
                await page.wait_for_selector(f"#{_MARKS[tab]}", state="visible")
                if size == "narrow" and scheme == "light":
                    await _unfold(page)
                view = f"{tab}-{locale}-{scheme}-{size}"
                if not again:
                    await picture(page, f"tabs/{view}", whole=True)
                yield view


_MARKS = {
    "generate": "request",
    "chat": "chat-words",
    "compare": "compare-prompts",
    "loop": "loop-requirement",
    "project": "project-folder",
    "inside": "inside-prompt",
    "monitor": "monitor .q-gauges",
}


async def _unfold(page: Page) -> None:
    """Open every folded panel of the tab: what is in them is to be read and reached too."""
    folded = page.locator("button.label-wrap:not(.open):visible")
    while await folded.count():
        await folded.first.click()


async def _fill(page: Page, locale: str, folder: Path) -> None:
    """Something on every tab, so that no picture is of an empty one."""
    (folder / "src").mkdir()
    (folder / "src" / "stack.py").write_text("class Stack:\n    def push(self, item):\n        return item\n")
    await page.fill("#request textarea", "stack")
    await page.click("#go")
    await page.wait_for_selector("#result .q-view[data-phase=done]")
    await open_tab(page, in_language("tab_chat", locale))
    await page.fill("#chat-words textarea", "stack")
    await page.click("#chat-send")
    await page.wait_for_selector("#chat-talk .bot :text('t3')")
    await open_tab(page, in_language("tab_compare", locale))
    await page.fill("#compare-prompts textarea", "stack")
    await page.click("#compare-go")
    await page.wait_for_selector("#compare-table td >> nth=1 >> .q-facts")
    await open_tab(page, in_language("tab_project", locale))
    await page.fill("#project-folder input, #project-folder textarea", str(folder))
    await page.click("#project-read")
    await page.click("#project-tree [data-path='src/stack.py']")
    await page.wait_for_selector("#project-chosen b")
    await open_tab(page, in_language("tab_inside", locale))
    await page.fill("#inside-prompt textarea", "stack")
    await page.click("#inside-go")
    await page.wait_for_selector("#inside .q-inside[data-phase=done]")
    await page.click("#inside .q-token >> nth=1")
