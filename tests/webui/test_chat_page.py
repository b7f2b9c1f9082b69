"""The chat in a real Chromium."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from qwen_lsp.engine.stubs.demo import Gate, ScriptedEngine
from qwen_lsp.storage.conversations import Conversations
from tests.support.page.page import opened, picture
from tests.webui.conftest import Place

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]


async def _open_chat(page: Any) -> None:
    await page.click(".q-rail [data-place=chat]")
    await page.wait_for_selector("#chat-send", state="visible")


async def _send(page: Any, words: str) -> None:
    await page.fill("#chat-words textarea", words)
    await page.click("#chat-send")


async def _answered(page: Any, text: str) -> None:
    await page.wait_for_selector(f"#chat-talk :text('{text}')")
    await page.wait_for_selector("#chat-send:not([disabled])")


async def test_turns_versions_retry_and_reopening(place: Place) -> None:
    answers = iter(["first answer", "second answer", "third answer"])
    engine = place.engine.current = ScriptedEngine(lambda request: next(answers))
    async with opened(place.browser, place.url) as page:
        await _open_chat(page)
        await _send(page, "what is a heap")
        await _answered(page, "first answer")
        await page.get_by_role("button", name="Retry").click()
        await _answered(page, "second answer")
        assert "version 2 of 2" in await page.inner_text("#chat-bar")
        await page.click("#chat-older")
        await _answered(page, "first answer")
        await _send(page, "and a stack")
        await _answered(page, "third answer")
        asked = engine.requests[-1].prompt.messages  # type: ignore[union-attr]
        assert [m.content for m in asked][1:] == ["what is a heap", "first answer", "and a stack"]
        await picture(page, "chat-en")
        await page.click("#chat-new")
        await page.wait_for_function("() => !document.querySelector('#chat-talk').innerText.includes('heap')")
        await page.click("#chat-list .wrap label")
        await page.wait_for_selector("#chat-talk :text('third answer')")


async def test_stop_keeps_what_was_written(place: Place) -> None:
    gate = Gate()
    engine = place.engine.current = ScriptedEngine("alpha beta gamma delta", gate=gate)
    async with opened(place.browser, place.url, locale="zh-CN", color_scheme="dark") as page:
        await _open_chat(page)
        assert await page.inner_text("#chat-send") == "发送"
        await _send(page, "go")
        await engine.until(lambda e: e.in_flight == 1)
        await gate.step(2)
        await page.wait_for_selector("#chat-talk :text('alpha')")
        await page.click("#chat-stop")
        await engine.until(lambda e: e.in_flight == 0)
        await page.wait_for_selector("#chat-send:not([disabled])")
        assert "alpha" in await page.inner_text("#chat-talk")
        assert "已停止" in await page.inner_text("#chat-bar")
        await picture(page, "chat-zh-dark")


async def test_edit_search_export_delete_and_erase(place: Place, tmp_path: Path) -> None:
    answers = iter(["heap answer", "stack answer", "queue answer"])
    engine = place.engine.current = ScriptedEngine(lambda request: next(answers))
    async with opened(place.browser, place.url) as page:
        await _open_chat(page)
        await _send(page, "what is a heap")
        await _answered(page, "heap answer")
        await _edit(page, "what is a stack")
        await _answered(page, "stack answer")
        assert [m.content for m in engine.requests[-1].prompt.messages][1:] == ["what is a stack"]  # type: ignore[union-attr]
        async with page.expect_download() as started:
            await page.click("#chat-export")
        file = tmp_path / "talk.md"
        await (await started.value).save_as(file)
        assert "stack answer" in file.read_text("utf-8")
        await page.click("#chat-new")
        await page.wait_for_function(
            "() => !document.querySelector('#chat-talk').innerText.includes('stack')"
        )
        await _send(page, "what is a queue")
        await _answered(page, "queue answer")
        await page.fill("#chat-search input, #chat-search textarea", "stack answer")
        await page.wait_for_function("() => document.querySelectorAll('#chat-list .wrap label').length === 1")
        assert "heap" in await page.inner_text("#chat-list .wrap label")  # named by its first words
        await page.get_by_role("button", name="Undo").click()
        await page.wait_for_function(
            "() => !document.querySelector('#chat-talk').innerText.includes('queue')"
        )
        page.once("dialog", lambda dialog: asyncio.ensure_future(dialog.accept()))
        await page.click("#chat-erase")
        await page.wait_for_function("() => !document.querySelector('#chat-list .wrap label')")
        assert Conversations().conversations() == []


async def _edit(page: Any, words: str) -> None:
    await page.hover("#chat-talk .user")
    await page.click("#chat-talk button[title='Edit'], #chat-talk button[aria-label='Edit']")
    await page.fill("#chat-talk .user textarea", words)
    await page.click("#chat-talk button[title='Submit'], #chat-talk button[aria-label='Submit']")


async def test_a_file_of_the_project_goes_along(place: Place, tmp_path: Path) -> None:
    (tmp_path / "proj").mkdir()
    (tmp_path / "proj" / "heap.py").write_text("HEAP = []\n")
    engine = place.engine.current = ScriptedEngine("seen")
    async with opened(place.browser, place.url, width=400) as page:
        await _open_chat(page)
        await page.click("#chat-attach button.label-wrap")
        await page.fill("#chat-folder input, #chat-folder textarea", str(tmp_path / "proj"))
        await page.click("#chat-read")
        await page.wait_for_selector("#chat-told :text('1')")
        await page.click("#chat-files input")
        await page.get_by_role("option", name="heap.py").click()
        await _send(page, "explain")
        await _answered(page, "seen")
        assert "HEAP = []" in engine.requests[0].prompt.messages[-1].content  # type: ignore[union-attr]
        assert await page.evaluate("() => document.documentElement.scrollWidth <= innerWidth")
        await picture(page, "chat-400")


async def test_a_conversation_kept_elsewhere_opens_by_its_address(place: Place) -> None:
    kept = Conversations().keep("Explain push", "It **appends**.")
    async with opened(place.browser, f"{place.url}?conversation={kept}", root=place.url) as page:
        await page.wait_for_selector("#chat-talk strong:text('appends')")
        await page.wait_for_selector("#chat-send", state="visible")


async def test_model_markup_is_not_run(place: Place) -> None:
    place.engine.current = ScriptedEngine("<img src=x onerror=\"document.title='owned'\"> done")
    async with opened(place.browser, place.url) as page:
        await _open_chat(page)
        await _send(page, "go")
        await _answered(page, "done")
        assert await page.title() != "owned"
        assert await page.locator("#chat-talk img[onerror]").count() == 0


async def test_enter_sends_and_shift_enter_begins_a_line(place: Place) -> None:
    engine = place.engine.current = ScriptedEngine("seen")
    async with opened(place.browser, place.url) as page:
        await _open_chat(page)
        await page.focus("#chat-words textarea")
        await page.keyboard.type("first")
        await page.keyboard.press("Shift+Enter")
        await page.keyboard.type("second")
        assert engine.requests == []
        await page.keyboard.press("Enter")
        await _answered(page, "seen")
        assert engine.requests[0].prompt.messages[-1].content == "first\nsecond"  # type: ignore[union-attr]
        assert await page.input_value("#chat-words textarea") == ""
