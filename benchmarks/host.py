"""Hammers a host: thousands of requests, a third given up midway. Prints what was unanswered, leaked and grown.

python -m benchmarks.host [requests]
"""

from __future__ import annotations

import asyncio
import gc
import random
import sys
import time
from collections import Counter

import httpx
import psutil

from qwen_lsp.engine.demo import ScriptedEngine
from tests.support.hosts import Running, serving

_AT_ONCE = 20
_CANCELLED_SHARE = 0.3
_SETTLED_AFTER = 1_000
_WORDS = [f"word{i} " for i in range(40)]


async def main(count: int) -> int:
    """Run it and print the table."""
    engine = ScriptedEngine(_WORDS)
    chance, outcomes = random.Random(1), Counter[str]()
    memory: list[float] = []
    start = time.perf_counter()
    async with serving(engine) as host:
        for begins in range(0, count, 500):
            await _batch(host, min(500, count - begins), chance, outcomes)
            gc.collect()
            memory.append(psutil.Process().memory_info().rss / 1e6)
        await engine.until(lambda e: e.in_flight == 0)
    took_s = time.perf_counter() - start
    settled = memory[min(len(memory) - 1, _SETTLED_AFTER // 500 - 1)]
    print(f"requests     {count}, {_AT_ONCE} at once, {took_s:.1f} s ({count / took_s:.0f}/s)")
    print(f"outcomes     {dict(outcomes)}")
    print(f"unanswered   {count - sum(outcomes.values())}")
    print(f"leaked       {engine.in_flight}")
    print(
        f"memory       {settled:.1f} MB after {_SETTLED_AFTER}, {memory[-1]:.1f} MB at the end ({memory[-1] / settled - 1:+.1%})"
    )
    return int(engine.in_flight > 0 or sum(outcomes.values()) != count)


async def _batch(host: Running, count: int, chance: random.Random, outcomes: Counter[str]) -> None:
    turns = asyncio.Semaphore(_AT_ONCE)

    async def one(cancel: bool, stream: bool) -> None:
        async with turns:
            asking = asyncio.ensure_future(_ask(host, stream))
            if cancel:
                await asyncio.sleep(chance.random() * 0.02)
                asking.cancel()
            try:
                outcomes[await asking] += 1
            except asyncio.CancelledError:
                outcomes["cancelled"] += 1

    plans = [(chance.random() < _CANCELLED_SHARE, chance.random() < 0.5) for _ in range(count)]
    await asyncio.gather(*(one(*plan) for plan in plans))


async def _ask(host: Running, stream: bool) -> str:
    body = {"prompt": "x", "stream": stream, "max_tokens": 100}
    try:
        answer = await host.client.post("/v1/completions", json=body)
    except httpx.HTTPError as error:
        return type(error).__name__
    whole = (
        answer.text.endswith("[DONE]\n\n")
        if stream
        else answer.json()["choices"][0]["text"] == "".join(_WORDS)
    )
    return "answered" if whole and answer.status_code == 200 else "wrong"


if __name__ == "__main__":
    raise SystemExit(asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 10_000)))
