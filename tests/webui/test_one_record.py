"""What is asked of the host shows in the page's monitor: both keep one record."""

from __future__ import annotations

from qwen_lsp.engine.recording import recorded
from qwen_lsp.engine.request import Request, Text, TextPrompt
from qwen_lsp.engine.stubs.demo import DemoEngine
from qwen_lsp.runtime import Services
from qwen_lsp.settings import Settings
from webui.page_context import page_context_for


async def test_an_engine_that_keeps_records_is_not_wrapped_again() -> None:
    engine = recorded(DemoEngine())
    assert recorded(engine) is engine
    context = page_context_for(Services(Settings(), engine))
    async for _ in engine.generate(Request(TextPrompt((Text("def f"),)), max_tokens=4)):
        pass
    assert context.services.engine is engine
    assert len(context.requests.last(10)) == 1
