"""Keeps what passed in docs/editors.json when QWEN_LSP_KEEP_RESULTS is set; docs/generate.py makes the table of it."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

RESULTS = Path(__file__).parents[2] / "docs" / "editors.json"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    """Note the outcome of a test, by its file and name without parameters."""
    report: pytest.TestReport = yield  # type: ignore[assignment]
    if os.environ.get("QWEN_LSP_KEEP_RESULTS") and (report.when == "call" or report.failed):
        kept = json.loads(RESULTS.read_text("utf-8")) if RESULTS.exists() else {}
        name = f"{item.path.stem}::{item.name}"
        kept[name] = "failed" if report.failed and report.when != "call" else report.outcome
        RESULTS.write_text(
            json.dumps(dict(sorted(kept.items())), indent=1, ensure_ascii=True) + "\n", "utf-8"
        )
    return report  # type: ignore[return-value]
