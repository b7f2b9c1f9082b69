"""The host's numbers for Prometheus, read from the request records and the engine when asked."""

from __future__ import annotations

from collections.abc import Iterator

import psutil
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from qwen_lsp.engine.recording import BUCKETS_MS
from qwen_lsp.engine.request import EngineInfo
from qwen_lsp.metrics import RequestTrace, Ring
from qwen_lsp.server.activity import Activity
from qwen_lsp.storage.acceptance_stats import Stats


class Gauges(Collector):
    """One collector for all; `info` is set before each reading."""

    def __init__(self, requests: Ring[RequestTrace], activity: Activity) -> None:
        self._requests, self._activity = requests, activity
        self.info = EngineInfo(kind="none", model="", state="none")

    def collect(self) -> Iterator[Metric]:
        """All families."""
        counts = dict(self._requests.counts)
        yield _counter("qwen_lsp_requests", "Requests that ended, by lane", "lane", "requests_", counts)
        yield _counter("qwen_lsp_finishes", "How requests ended", "reason", "finish_", counts)
        yield _counter("qwen_lsp_tokens", "Tokens, by kind", "kind", "tokens_", counts)
        yield self._first_token(counts)
        yield GaugeMetricFamily(
            "qwen_lsp_open_requests", "HTTP requests being answered", value=self._activity.open
        )
        yield GaugeMetricFamily(
            "qwen_lsp_ready", "1 when the model answers", value=self.info.state == "ready"
        )
        yield GaugeMetricFamily(
            "qwen_lsp_process_memory_bytes",
            "Memory of the host's process",
            value=psutil.Process().memory_info().rss,
        )
        yield from self._suggestions()
        for name, value in self.info.load:
            yield GaugeMetricFamily(
                f"qwen_lsp_engine_{name}", f"The engine's {name.replace('_', ' ')}", value=value
            )

    def _suggestions(self) -> Iterator[Metric]:
        """What editors have shown and how it ended, by language, as the local statistics count them."""
        family = CounterMetricFamily(
            "qwen_lsp_suggestions", "Suggestions in editors", labels=["language", "what"]
        )
        for row in Stats.open().rows():
            if row.name != "all":
                for what, count in (("shown", row.shown), *sorted(row.endings.items())):
                    family.add_metric([row.name, what], count)
        yield family

    def _first_token(self, counts: dict[str, int]) -> HistogramMetricFamily:
        buckets = [(str(ms / 1000), float(counts.get(f"first_le_{ms}", 0))) for ms in BUCKETS_MS]
        buckets.append(("+Inf", float(counts.get("first_count", 0))))
        return HistogramMetricFamily(
            "qwen_lsp_first_token_seconds",
            "Time to the first token",
            buckets=buckets,
            sum_value=counts.get("first_sum_ms", 0) / 1000,
        )


def _counter(name: str, about: str, label: str, prefix: str, counts: dict[str, int]) -> CounterMetricFamily:
    family = CounterMetricFamily(name, about, labels=[label])
    for key, value in sorted(counts.items()):
        if key.startswith(prefix):
            family.add_metric([key.removeprefix(prefix)], value)
    return family
