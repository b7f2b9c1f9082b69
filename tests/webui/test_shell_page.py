"""The shell around the places: addresses, back and reload, palette, keys, colours and language of one's own."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.support.page.page import open_tab, opened
from tests.webui.conftest import Place
from webui.i18n.examples import EXAMPLES
from webui.places import PLACES

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]


async def _shows(page: Any, tab: str, mark: str) -> None:
    await page.wait_for_selector(f".q-rail [data-place={tab}][aria-current=page]")
    await page.wait_for_selector(mark, state="visible")


async def test_every_place_has_an_address_of_its_own(place: Place) -> None:
    async with httpx.AsyncClient() as client:
        for one in PLACES:
            answer = await client.get(place.url.rstrip("/") + one.path)
            assert answer.status_code == 200
            assert "gradio_config" in answer.text
        assert (await client.get(place.url + "nowhere")).status_code == 404


async def test_back_forward_and_reload_come_to_the_place_one_was_at(place: Place) -> None:
    async with opened(place.browser, place.url) as page:
        await open_tab(page, "Chat")
        await _shows(page, "chat", "#chat-words")
        assert page.url == f"{place.url}chat"
        await open_tab(page, "Monitor")
        await _shows(page, "monitor", "#monitor-span")
        await page.go_back()
        await _shows(page, "chat", "#chat-words")
        await page.reload()
        await _shows(page, "chat", "#chat-words")
        assert await page.title() == "Chat · qwen-lsp"
        await page.go_back()
        await _shows(page, "generate", "#request")


async def test_the_palette_goes_anywhere_and_presses_what_is_there(place: Place) -> None:
    async with opened(place.browser, place.url) as page:
        await page.keyboard.press("Control+k")
        await page.keyboard.type("comp")
        await page.wait_for_selector("#palette li:text-is('Compare')")
        await page.keyboard.press("Enter")
        await _shows(page, "compare", "#compare-prompts")
        await page.keyboard.press("Control+k")
        await page.keyboard.type("run")
        await page.keyboard.press("Enter")
        await page.wait_for_selector("#compare-bar :text('Type a request')")


async def test_keys_are_shown_and_a_number_after_g_goes_to_a_place(place: Place) -> None:
    async with opened(place.browser, place.url) as page:
        await page.evaluate("() => document.activeElement.blur()")
        await page.keyboard.press("?")
        await page.wait_for_selector("#keys kbd", state="visible")
        await page.keyboard.press("Escape")
        await page.wait_for_selector("#keys", state="hidden")
        await page.keyboard.press("g")
        await page.keyboard.press("2")
        await _shows(page, "chat", "#chat-words")


async def test_colours_and_language_are_kept_over_a_reload(place: Place) -> None:
    dark = "() => document.body.classList.contains('dark')"
    async with opened(place.browser, place.url, color_scheme="light") as page:
        await page.click("[data-tool=theme]")
        await page.wait_for_function(dark)
        await page.click("[data-tool=language]")
        await page.wait_for_selector("#go:text-is('生成/补全代码')")
        await page.wait_for_function(dark)
        assert await page.get_attribute("[data-tool=keys]", "title") == "快捷键"
        await page.click("[data-tool=theme]")
        await page.reload()
        await page.wait_for_selector("#header .q-engine")
        assert not await page.evaluate(dark)


async def test_a_place_keeps_its_settings_in_its_own_address(place: Place) -> None:
    async with opened(place.browser, f"{place.url}?temperature=0.3", root=place.url) as page:
        await page.wait_for_selector("#differs :text('0.3')")
        assert page.url == f"{place.url}?temperature=0.3"  # and nothing that is as usual
        await open_tab(page, "Project")
        assert page.url == f"{place.url}project"
        await open_tab(page, "Generate")
        assert page.url == f"{place.url}?temperature=0.3"


async def test_every_place_with_a_field_offers_an_example_in_the_readers_language(place: Place) -> None:
    fields = (
        ("chat", "chat-words"),
        ("loop", "loop-requirement"),
        ("compare", "compare-prompts"),
        ("inside", "inside-prompt"),
    )
    async with opened(place.browser, place.url, locale="zh-CN") as page:
        for tab, field in fields:
            await page.click(f".q-rail [data-place={tab}]")
            await page.click(f"#{tab}-{EXAMPLES[0].key}")
            await page.wait_for_function(
                "([field, words]) => document.querySelector(`#${field} textarea`).value === words",
                arg=[field, EXAMPLES[0].request[1]],
            )


async def test_nothing_of_a_place_covers_the_bar_of_a_phone(place: Place) -> None:
    hit = """() => [...document.querySelectorAll('.q-rail a')].filter((a) => {
      const box = a.getBoundingClientRect();
      return document.elementFromPoint(box.x + box.width / 2, box.y + box.height / 2)?.closest('a') === a;
    }).length"""
    async with opened(place.browser, f"{place.url}compare", root=place.url, width=390, height=844) as page:
        await page.wait_for_selector("#compare-prompts", state="visible")
        for y in range(0, 400, 25):
            await page.evaluate("(y) => scrollTo(0, y)", y)
            assert await page.evaluate(hit) == len(PLACES)
