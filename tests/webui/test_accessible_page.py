"""axe on every tab: no serious finding in what is ours; Gradio's own are named."""

from __future__ import annotations

from typing import Any

import pytest
from axe_playwright_python.async_playwright import Axe

from qwen_lsp.engine.stubs.demo import ScriptedEngine
from tests.support.page.page import open_tab, opened
from tests.webui.conftest import Place
from webui.i18n.texts import in_language

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]
GRADIOS_OWN = frozenset(["aria-prohibited-attr"])  # the placeholder of an empty block (webui notes 2.8)
TABS = ("generate", "chat", "compare", "loop", "project", "inside", "monitor")


@pytest.mark.parametrize(
    ("locale", "scheme", "width"),
    [
        ("en", "light", 1360),
        ("zh-CN", "dark", 400),
        *(
            pytest.param(locale, scheme, width, marks=pytest.mark.heavy)
            for locale in ("en", "zh-CN", "zh")
            for scheme in ("light", "dark")
            for width in (1360, 400)
            if (locale, scheme, width) not in {("en", "light", 1360), ("zh-CN", "dark", 400)}
        ),
    ],
)
async def test_no_serious_violation_on_any_tab(place: Place, locale: str, scheme: Any, width: int) -> None:
    place.engine.current = ScriptedEngine("```python\ndef add(a, b):\n    # sum\n    return a + b\n```")
    found: list[str] = []
    async with opened(place.browser, place.url, locale=locale, color_scheme=scheme, width=width) as page:
        await page.fill("#request textarea", "go")
        await page.click("#go")
        await page.wait_for_selector("#result .q-view[data-phase=done]")
        for tab in TABS:
            await open_tab(page, in_language(f"tab_{tab}", locale))
            results = await Axe().run(page)
            found += [
                f"{tab}: {violation['id']} {node['html'][:200]} {node['failureSummary'][:200]}"
                for violation in results.response["violations"]
                if violation["impact"] in ("serious", "critical") and violation["id"] not in GRADIOS_OWN
                for node in violation["nodes"]
            ]
    assert found == []
