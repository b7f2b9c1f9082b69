"""The start page in a real Chromium: typing, streaming, stopping, languages, sizes, addresses."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import webui.running.generation
from qwen_lsp.engine.stubs.demo import Gate, ScriptedEngine
from qwen_lsp.samples import PROGRAMS
from tests.support.page.page import opened, picture, unfold
from tests.webui.conftest import Place

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]
SEED = "为一个基于微服务架构的项目设计统一日志采集组件，并给出 Python 示例实现"
PROGRAM = next(p for p in PROGRAMS if p.name == "fibonacci_go")


async def _shown(page: Any) -> str:
    code: str = await page.evaluate("() => document.querySelector('#result .q-code').textContent")
    return code


async def test_the_seeds_walk_through_with_the_demo(place: Place) -> None:
    async with opened(place.browser, place.url, locale="zh-CN") as page:
        assert await page.inner_text("#go") == "生成/补全代码"
        await page.fill("#request textarea", SEED)
        await page.click("#go")
        await page.wait_for_selector("#result .q-view[data-phase=done]")
        code = await _shown(page)
        assert "示意，不实际推理" in code
        assert "temperature=0.7" in code
        assert "def fibonacci" in code
        assert "完成" in await page.inner_text("#result .q-bar")
        assert "温度 0.7" in await page.inner_text("#result .q-foot")
        assert await page.locator("#result .q-code .k, #result .q-code .kd").count() > 3
        assert "示意，不实际推理" in await page.inner_text("#header")
        await page.wait_for_selector("#picture figcaption")
        assert "当前并未载入" in await page.inner_text("#picture figcaption")
        assert "× 48 层" in await page.inner_html("#picture svg")
        await picture(page, "generate-zh")


@pytest.mark.parametrize(
    ("name", "context", "words"),
    [
        ("generate-zh-bare", {"locale": "zh"}, ("生成/补全代码", "目标语言", "就绪")),
        ("generate-400-dark", {"width": 400, "color_scheme": "dark"}, ("Stop", "Sampling", "Ready")),
    ],
)
async def test_the_page_speaks_and_fits(
    place: Place, name: str, context: dict[str, Any], words: tuple[str, ...]
) -> None:
    place.engine.current = ScriptedEngine(PROGRAM.answer)
    async with opened(place.browser, place.url, **context) as page:
        text = await page.inner_text("body")
        assert [word for word in words if word not in text] == []
        await page.fill("#request textarea", PROGRAM.request)
        await page.click("#go")
        await page.wait_for_selector("#result .q-view[data-phase=done]")
        assert await _shown(page) == PROGRAM.code
        assert await page.evaluate("() => document.documentElement.scrollWidth <= innerWidth")
        dark = await page.evaluate("() => document.body.classList.contains('dark')")
        assert dark == ("dark" in name)
        await picture(page, name)


async def test_stop_frees_the_engine_and_keeps_what_was_written(place: Place) -> None:
    gate = Gate()
    engine = place.engine.current = ScriptedEngine(PROGRAM.code, gate=gate)
    async with opened(place.browser, place.url) as page:
        await page.fill("#request textarea", "go")
        await page.click("#go")
        await engine.until(lambda e: e.in_flight == 1)
        await gate.step(12)
        await page.wait_for_selector("#result .q-view[data-phase=writing]")
        await page.click("#stop")
        await engine.until(lambda e: e.in_flight == 0)
        await page.wait_for_selector("#result .q-view[data-phase=stopped]")
        kept = await _shown(page)
        assert kept
        assert PROGRAM.code.startswith(kept)
        assert len(engine.aborted) == 1


async def test_stop_works_before_the_first_token(place: Place) -> None:
    engine = place.engine.current = ScriptedEngine("never", gate=Gate())
    async with opened(place.browser, place.url) as page:
        await page.fill("#request textarea", "go")
        await page.click("#go")
        await engine.until(lambda e: e.in_flight == 1)
        await page.wait_for_selector("#stop:not([disabled])")
        await page.click("#stop")
        await engine.until(lambda e: e.in_flight == 0)
        await page.wait_for_selector("#go:not([disabled])")


async def test_closing_the_tab_frees_the_engine_without_waiting_for_its_next_message(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(webui.running.generation, "_HEARTBEAT_S", 60.0)
    engine = place.engine.current = ScriptedEngine("never", gate=Gate())
    async with opened(place.browser, place.url) as page:
        await page.fill("#request textarea", "go")
        await page.click("#go")
        await engine.until(lambda e: e.in_flight == 1)
    await engine.until(lambda e: e.in_flight == 0)
    assert len(engine.aborted) == 1


async def test_the_result_follows_the_stream_until_the_reader_scrolls_away(place: Place) -> None:
    gate = Gate()
    engine = place.engine.current = ScriptedEngine([f"x{i} = {i}\n" for i in range(400)], gate=gate)
    gap = "() => { const s = document.querySelector('#result .q-scroll'); return s.scrollHeight - s.scrollTop - s.clientHeight; }"
    lines = "(least) => document.querySelector('#result .q-code').textContent.split('\\n').length > least"
    async with opened(place.browser, place.url) as page:
        await page.fill("#request textarea", "go")
        await page.click("#go")
        await engine.until(lambda e: e.in_flight == 1)
        await gate.step(200)
        await page.wait_for_function(lines, arg=199)
        assert await page.evaluate(gap) < 2
        await page.evaluate("() => { document.querySelector('#result .q-scroll').scrollTop = 40; }")
        await page.wait_for_function("() => document.querySelector('#result .q-scroll').scrollTop === 40")
        await gate.open()
        await page.wait_for_function(lines, arg=399)
        assert await page.evaluate("() => document.querySelector('#result .q-scroll').scrollTop") == 40


async def test_the_next_run_draws_anew_and_an_answer_of_many_colours_loses_nothing(place: Place) -> None:
    long = "".join(
        f'def f{i}():\n    """Doc {i}\n    more"""\n    return "{i}"  # <{i}>\n' for i in range(12)
    )
    async with opened(place.browser, place.url) as page:
        for text in (long, "short = 1\n"):
            place.engine.current = ScriptedEngine(f"```python\n{text}```\nDone & dusted.")
            await page.fill("#request textarea", "go")
            await page.click("#go")
            await page.wait_for_function(
                "(text) => document.querySelector('#result .q-code').textContent === text", arg=text
            )
            await page.wait_for_selector("#result .q-view[data-phase=done]")
            assert await _shown(page) == text
            assert await page.inner_text("#result .q-prose") == "Done & dusted."


async def test_two_tabs_do_not_disturb_each_other(place: Place) -> None:
    gate = Gate()
    engine = place.engine.current = ScriptedEngine(PROGRAM.code, gate=gate)
    async with opened(place.browser, place.url) as one, opened(place.browser, place.url) as two:
        for page in (one, two):
            await page.fill("#request textarea", "go")
            await page.click("#go")
        await engine.until(lambda e: e.in_flight == 2)
        await one.wait_for_selector("#stop:not([disabled])")
        await one.click("#stop")
        await engine.until(lambda e: e.in_flight == 1)
        await gate.open()
        await two.wait_for_selector("#result .q-view[data-phase=done]")
        assert await _shown(two) == PROGRAM.code


async def test_the_keyboard_alone_prompts_and_stops(place: Place) -> None:
    gate = Gate()
    engine = place.engine.current = ScriptedEngine(PROGRAM.code, gate=gate)
    async with opened(place.browser, place.url) as page:
        await page.focus("#request textarea")
        await page.keyboard.type("go")
        await page.keyboard.press("Control+Enter")
        await engine.until(lambda e: e.in_flight == 1)
        await page.wait_for_selector("#stop:not([disabled])")
        await page.keyboard.press("Escape")
        await engine.until(lambda e: e.in_flight == 0)
        await page.wait_for_selector("#result .q-view[data-phase=stopped]")


async def test_settings_travel_in_the_address(place: Place) -> None:
    async with opened(place.browser, place.url) as page:
        await unfold(page, "sampling")
        await page.fill("#temperature input[type=number]", "0.3")
        await page.keyboard.press("Tab")
        await page.wait_for_function("() => location.search.includes('temperature=0.3')")
        address = page.url
    engine = place.engine.current = ScriptedEngine("x")
    async with opened(place.browser, place.url) as page:
        await page.goto(address)
        await page.wait_for_selector("#differs :text('0.3')")
        await page.fill("#request textarea", "go")
        await page.click("#go")
        await page.wait_for_selector("#result .q-view[data-phase=done]")
        assert engine.requests[0].sampling.temperature == 0.3


async def test_model_text_is_never_html(place: Place) -> None:
    place.engine.current = ScriptedEngine("<img src=x onerror=\"document.title='owned'\"><script>1</script>")
    async with opened(place.browser, place.url) as page:
        await page.fill("#request textarea", "go")
        await page.click("#go")
        await page.wait_for_selector("#result .q-view[data-phase=done]")
        assert "<script>" in await _shown(page)
        assert await page.locator("#result img, #result script").count() == 0


async def test_an_example_card_fills_the_form_in_the_readers_language(place: Place) -> None:
    async with opened(place.browser, place.url, locale="zh-CN") as page:
        await page.click(f"#example_{PROGRAM.name}")
        await page.wait_for_function(
            "(words) => document.querySelector('#request textarea').value === words", arg=PROGRAM.request_zh
        )
        assert await page.input_value("#language input") == "Go"


async def test_a_preset_is_kept_and_comes_back(place: Place) -> None:
    async with opened(place.browser, place.url) as page:
        await unfold(page, "sampling")
        await page.fill("#top-k input[type=number]", "7")
        await page.keyboard.press("Tab")
        await page.click("#presets button.label-wrap")
        await page.fill("#preset-name input, #preset-name textarea", "seven")
        await page.click("#preset-save")
        await page.wait_for_selector("#preset-told :text('seven')")
        await page.fill("#top-k input[type=number]", "9")
        await page.click("#preset-load")
        await page.wait_for_function(
            "() => document.querySelector('#top-k input[type=number]').value === '7'"
        )


async def test_presets_travel_as_a_file_and_a_template_brings_its_request(
    place: Place, tmp_path: Path
) -> None:
    preset = {"temperature": 0.4, "stop_texts": "END", "request": "Write a heap."}
    given = tmp_path / "given.json"
    given.write_text(json.dumps({"format": "qwen-lsp presets 1", "presets": {"heap": preset}}))
    async with opened(place.browser, place.url) as page:
        await page.click("#presets button.label-wrap")
        async with page.expect_file_chooser() as chooser:
            await page.click("#preset-import")
        await (await chooser.value).set_files(given)
        await page.wait_for_selector("#preset-told :text('1 presets read.')")
        await page.click("#preset input")
        await page.get_by_role("option", name="heap").click()
        await page.click("#preset-load")
        await page.wait_for_function(
            "() => document.querySelector('#request textarea').value === 'Write a heap.'"
        )
        await unfold(page, "sampling")
        assert await page.input_value("#temperature input[type=number]") == "0.4"
        async with page.expect_download() as started:
            await page.click("#preset-export")
        file = tmp_path / "presets.json"
        await (await started.value).save_as(file)
        assert json.loads(file.read_text("utf-8"))["presets"]["heap"]["stop_texts"] == "END"


async def test_the_prompt_of_a_hole_is_shown_and_the_result_is_downloaded(
    place: Place, tmp_path: Path
) -> None:
    place.engine.current = ScriptedEngine("n * 2")
    async with opened(place.browser, place.url) as page:
        await page.fill("#request textarea", "def double(n):\n    return <cursor>\n")
        await page.click("#mode input[value=complete]")
        await page.click("#prompt-panel button.label-wrap")
        await page.click("#prompt-show")
        await page.wait_for_function(
            "() => document.querySelector('#prompt-text textarea').value.endsWith('<|fim_middle|>    return ')"
        )
        await page.click("#go")
        await page.wait_for_selector("#result .q-view[data-phase=done]")
        assert "context" in await page.inner_text("#result .q-stats")
        async with page.expect_download() as started:
            await page.click("#result .q-download")
        file = tmp_path / "result"
        download = await started.value
        await download.save_as(file)
        assert (download.suggested_filename, file.read_text("utf-8")) == ("result.py", "n * 2")


WATCH_COPY = """() => {
  const button = document.querySelector('#result .q-copy');
  new MutationObserver(() => { window.copied ||= button.classList.contains('q-did'); }).observe(button, {attributes: true});
}"""
"""The button says so for a moment only."""


async def test_the_keyboard_alone_reaches_copy(place: Place) -> None:
    place.engine.current = ScriptedEngine(PROGRAM.answer)
    async with opened(place.browser, place.url, permissions=["clipboard-read", "clipboard-write"]) as page:
        assert await page.evaluate("() => document.activeElement.closest('#request') !== null")  # at once
        await page.keyboard.type("go")
        await page.keyboard.press("Control+Enter")
        await page.wait_for_selector("#result .q-view[data-phase=done]")
        for _ in range(60):
            await page.keyboard.press("Tab")
            if await page.evaluate("() => document.activeElement.matches('#result .q-copy')"):
                break
        else:
            pytest.fail("sixty Tabs do not reach it")
        await page.evaluate(WATCH_COPY)
        await page.keyboard.press("Enter")
        await page.wait_for_function("() => window.copied")
        assert await page.evaluate("() => navigator.clipboard.readText()") == PROGRAM.code
