"""Recall at size: building two million tokens in the background, and what a keystroke feels of it."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import psutil

from benchmarks.recall import packages
from qwen_lsp.assist.recall import Recall
from qwen_lsp.code.snapshot import Snapshot
from qwen_lsp.metrics import percentile
from qwen_lsp.settings import RecallSettings

TOKENS = 2_000_000
LINES = 5_000
KEY_PAUSE_S = 0.02
KEYS = 300


def main() -> None:
    """Print the table."""
    every = dict(packages(False))
    roots = [every[n] for n in ("zod (typescript)", "rich (python)") if n in every] or list(every.values())
    text = long_document(every["gradio (python)"])
    idle = Recall(RecallSettings(), [], lambda path: False)
    quiet = type_into(idle, text, keys(KEYS))
    idle.close()
    before_bytes = psutil.Process().memory_info().rss
    began = time.perf_counter()
    recall = Recall(RecallSettings(), roots, lambda path: False)
    first = type_into(recall, text, keys(1))
    first_s = time.perf_counter() - began
    busy = type_into(
        recall, text, lambda: not recall.state().calibrated and time.perf_counter() - began < 120
    )
    took_s = time.perf_counter() - began
    after = type_into(recall, text, keys(KEYS))
    grown_bytes = psutil.Process().memory_info().rss - before_bytes
    state = recall.state()
    recall.close()
    print(
        f"indexed and calibrated: {state.tokens:,} tokens of {state.files} files in {took_s:.1f} s, in the background"
    )
    print(
        f"memory: {state.byte_count / 1e6:.0f} MB held by the index, process grown by {grown_bytes / 1e6:.0f} MB"
    )
    print(f"first look-up {first_s:.2f} s after the start ({len(first)} key)")
    for name, times in (("idle", quiet), ("while building", busy), ("afterwards", after)):
        update, look = [u for u, _ in times], [k for _, k in times]
        print(
            f"{name:15} keys {len(times):4}  update p50 {percentile(update, 0.5):.2f} p95 {percentile(update, 0.95):.2f} ms"
            f"   look-up p50 {percentile(look, 0.5):.2f} p95 {percentile(look, 0.95):.2f} ms"
        )
    totals = [percentile([u + k for u, k in times], 0.95) or 0.0 for times in (quiet, busy)]
    print(f"keystroke p95, building over idle: {totals[1] / totals[0]:.2f} x")


def long_document(folder: Path) -> str:
    """Five thousand lines of real code."""
    lines: list[str] = []
    for file in sorted(folder.glob("*.py")):
        lines += file.read_text("utf-8").splitlines()
    return "\n".join(lines[:LINES]) + "\n"


def keys(count: int) -> Callable[[], bool]:
    """True so many times."""
    left = iter(range(count))
    return lambda: next(left, None) is not None


def type_into(recall: Recall, text: str, go_on: Callable[[], bool]) -> list[tuple[float, float]]:
    """(update ms, look-up ms) of each key typed in the middle of the document."""
    at = text.index("\n", len(text) // 2)
    times: list[tuple[float, float]] = []
    while go_on():
        text, at = text[:at] + "x" + text[at:], at + 1
        snapshot = Snapshot("file:///work/long.py", "python", len(times), text)
        began = time.perf_counter()
        recall.changed(snapshot)
        updated = time.perf_counter()
        recall.suggest(snapshot, at, multiline=True)
        times.append(((updated - began) * 1000, (time.perf_counter() - updated) * 1000))
        time.sleep(KEY_PAUSE_S)
    return times


if __name__ == "__main__":
    main()
