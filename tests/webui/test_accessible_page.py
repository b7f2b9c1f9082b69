"""axe on every tab: no serious finding in what is ours; Gradio's own are named."""

from __future__ import annotations

from typing import Any

import pytest
from axe_playwright_python.async_playwright import Axe

from qwen_lsp.engine.demo import ScriptedEngine
from tests.support.page import opened
from tests.webui.conftest import Place

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]
GRADIOS_OWN = frozenset(["aria-prohibited-attr"])  # the placeholder of an empty block (webui notes 2.8)


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_no_serious_violation_on_any_tab(place: Place, scheme: Any) -> None:
    place.engine.current = ScriptedEngine("```python\ndef add(a, b):\n    # sum\n    return a + b\n```")
    found: list[str] = []
    async with opened(place.browser, place.url, color_scheme=scheme) as page:
        await page.fill("#request textarea", "go")
        await page.click("#go")
        await page.wait_for_selector("#result .q-view[data-phase=done]")
        for tab in await page.get_by_role("tab").all():
            name = await tab.inner_text()
            await tab.click()
            results = await Axe().run(page)
            found += [
                f"{name}: {violation['id']} {node['html'][:200]} {node['failureSummary'][:200]}"
                for violation in results.response["violations"]
                if violation["impact"] in ("serious", "critical") and violation["id"] not in GRADIOS_OWN
                for node in violation["nodes"]
            ]
    assert found == []
