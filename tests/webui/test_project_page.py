"""The project tab in a real Chromium: a tree, an explanation, tests and a migration accepted into the folder."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from qwen_lsp.engine.stubs.demo import Gate, ScriptedEngine
from tests.support.page.page import open_tab, opened, picture
from tests.webui.conftest import Place

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]
STACK = "import os\n\n\nclass Stack:\n    def push(self, item):\n        return os.path.join(item)\n"
MOVED = STACK.replace("import os", "from pathlib import Path").replace("os.path.join(item)", "Path(item)")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    root = tmp_path / "proj"
    (root / "src").mkdir(parents=True)
    (root / "src" / "stack.py").write_text(STACK)
    (root / "main.go").write_text("package main\n\nfunc main() {}\n")
    (root / ".env").write_text("PASSWORD=1\n")
    (tmp_path / "outside.py").write_text("OUTSIDE = 1\n")
    return root


async def _open(page: Any, project: Path, tab: str = "Project") -> None:
    await open_tab(page, tab)
    await page.fill("#project-folder input, #project-folder textarea", str(project))
    await page.click("#project-read")
    await page.wait_for_selector("#project-tree [data-path]")


async def _ask(page: Any, path: str, task: str) -> None:
    await page.click(f"#project-tree [data-path='{path}']")
    await page.wait_for_selector(f"#project-chosen :text-is('{path}')")
    await page.click(f"#project-task input[value={task}]")
    await page.click("#project-go")
    await page.wait_for_selector("#project-bar .q-phase[data-phase=done]")
    await page.wait_for_selector("#project-go:not([disabled])")


async def test_a_module_is_explained_and_the_tree_says_what_there_is(place: Place, project: Path) -> None:
    engine = place.engine.current = ScriptedEngine("# A stack\n\nIt **pushes**.")
    async with opened(place.browser, place.url) as page:
        await _open(page, project)
        rows = await page.locator("#project-tree [data-path]").all_inner_texts()
        assert [row.split()[0] for row in rows] == ["the", "stack.py", "main.go"]
        assert "Python · 85 B" in rows[1]
        await _ask(page, "src/stack.py", "explain")
        assert "Stack, push" in await page.inner_text("#project-chosen")
        assert "lines 1–6 of 6" in await page.inner_text("#project-bar")
        assert await page.inner_text("#project-answer h1") == "A stack"
        assert STACK.strip() in engine.requests[0].prompt.messages[-1].content  # type: ignore[union-attr]
        await picture(page, "project-en")
        await _ask(page, "src/", "explain")
        assert "src/stack.py:" in engine.requests[1].prompt.messages[-1].content  # type: ignore[union-attr]
        assert "1 files whole" in await page.inner_text("#project-bar")


async def test_a_migration_is_a_draft_until_it_is_accepted(place: Place, project: Path) -> None:
    place.engine.current = ScriptedEngine(f"```python\n{MOVED}```\n- Callers may pass bytes.")
    async with opened(place.browser, place.url, locale="zh-CN", color_scheme="dark") as page:
        await _open(page, project, "项目")
        await page.click("#project-task input[value=migrate]")
        await page.fill("#project-words textarea, #project-words input", "pathlib")
        await _ask(page, "src/stack.py", "migrate")
        assert "+from pathlib import Path" in await page.inner_text("#project-changes")
        assert "Callers may pass bytes" in await page.inner_text("#project-answer")
        assert (project / "src" / "stack.py").read_text() == STACK
        await picture(page, "project-zh-dark")
        await page.click("#project-accept")
        await page.wait_for_selector("#project-bar :text('已写入')")
        assert (project / "src" / "stack.py").read_text() == MOVED


async def test_tests_become_a_new_file_unless_it_came_meanwhile(place: Place, project: Path) -> None:
    written = "from stack import Stack\n\n\ndef test_push():\n    assert Stack()\n"
    place.engine.current = ScriptedEngine(f"```python\n{written}```")
    async with opened(place.browser, place.url) as page:
        await _open(page, project)
        await _ask(page, "src/stack.py", "tests")
        (project / "src" / "test_stack.py").write_text("mine\n")
        await page.click("#project-accept")
        await page.wait_for_selector("#project-bar :text('nothing was written') >> visible=true")
        assert (project / "src" / "test_stack.py").read_text() == "mine\n"
        (project / "src" / "test_stack.py").unlink()
        await page.click("#project-accept")
        await page.wait_for_selector("#project-bar :text('Written: src/test_stack.py')")
        assert (project / "src" / "test_stack.py").read_text() == written


async def test_a_review_lists_findings_and_stop_frees_the_engine(place: Place, project: Path) -> None:
    answer = '```json\n[{"line": 6, "severity": "error", "area": "security", "message": "Unchecked.", "fix": "Check."}]\n```'
    place.engine.current = ScriptedEngine(answer)
    async with opened(place.browser, place.url, width=400) as page:
        await _open(page, project)
        await _ask(page, "src/stack.py", "review")
        assert "error (security), line 6: Unchecked." in await page.inner_text("#project-answer")
        assert await page.evaluate("() => document.documentElement.scrollWidth <= innerWidth")
        await picture(page, "project-400")
        engine = place.engine.current = ScriptedEngine("never", gate=Gate())
        await page.click("#project-go")
        await engine.until(lambda e: e.in_flight == 1)
        await page.wait_for_selector("#project-stop:not([disabled])")
        await page.click("#project-stop")
        await engine.until(lambda e: e.in_flight == 0)
