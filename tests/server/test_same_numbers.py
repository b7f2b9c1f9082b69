"""What the page's monitor shows is also at /metrics: the engine's gauges, the process, editors' suggestions."""

from __future__ import annotations

from qwen_lsp.engine.stubs.demo import ScriptedEngine
from qwen_lsp.storage.acceptance_stats import Stats
from tests.support.http.hosts import serving


async def test_metrics_tell_what_editors_showed_and_took() -> None:
    stats = Stats.open()
    stats.shown("python", 12.0)
    stats.shown("python", 30.0)
    stats.ended("python", "accepted")
    stats.flush()
    engine = ScriptedEngine()
    engine.set_info(load=(("kv_bytes", 5.0),))
    async with serving(engine) as host:
        told = (await host.client.get("/metrics")).text
    assert 'qwen_lsp_suggestions_total{language="python",what="shown"} 2.0' in told
    assert 'qwen_lsp_suggestions_total{language="python",what="accepted"} 1.0' in told
    assert "qwen_lsp_engine_kv_bytes 5.0" in told
    assert "qwen_lsp_process_memory_bytes" in told
