"""Hammers a host in its own process: thousands of requests, a third given up midway, whole clients killed.

python -m benchmarks.host [requests]     prints what was unanswered, leaked and grown
"""

from __future__ import annotations

import asyncio
import random
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path

import httpx
import psutil

from benchmarks.plain_host import plain_host
from qwen_lsp.host.control import status_of_running
from qwen_lsp.host.state_file import HostState

_CLIENTS = 2
_PER_CLIENT = 250
_AT_ONCE = 8
_CANCELLED_SHARE = 0.3
_KILLED_SHARE = 0.25
_ANSWER_S = 30.0
_SAMPLE_EVERY = 500
_SETTLED_AFTER = 1_000
_MOST_GROWTH = 0.02
_BODIES: tuple[tuple[str, dict[str, object]], ...] = (
    ("/v1/completions", {"prompt": "a program in python", "max_tokens": 40}),
    ("/v1/completions", {"prompt": "a program in java", "max_tokens": 40, "stream": True}),
    ("/v1/chat/completions", {"messages": [{"role": "user", "content": "python"}], "max_tokens": 40}),
    ("/infill", {"input_prefix": "def f():\n", "prompt": "    r", "input_suffix": "\n", "n_predict": 40}),
)


def main(count: int) -> int:
    """Run it and print the table; 1 when something was unanswered, wrong, leaked or grew."""
    outcomes, memory = Counter[str](), list[tuple[int, float]]()
    with tempfile.TemporaryDirectory(prefix="qwen-lsp-bench-") as home, plain_host(Path(home)) as host:
        process = psutil.Process(host.pid)
        began = time.perf_counter()
        _hammer(host, count, outcomes, memory, process)
        took_s = time.perf_counter() - began
        leaked = _left_behind(host)
    done = sum(outcomes.values())
    settled = next(mb for at, mb in memory if at >= min(_SETTLED_AFTER, done))
    grown = memory[-1][1] / settled - 1
    bad = outcomes["unanswered"] + outcomes["wrong"] + outcomes["refused"]
    print(f"requests     {done} in {took_s:.0f} s ({done / took_s:.0f}/s), {_CLIENTS} clients x {_AT_ONCE}")
    print(f"outcomes     {dict(outcomes.most_common())}")
    print(f"unanswered   {outcomes['unanswered']}")
    print(f"leaked       {leaked}")
    print(
        f"memory       {settled:.1f} MB after {_SETTLED_AFTER}, {memory[-1][1]:.1f} MB in the end ({grown:+.1%})"
    )
    print("             " + " ".join(f"{mb:.1f}" for _, mb in memory))
    return int(bool(bad or leaked or grown > _MOST_GROWTH))


def _hammer(
    host: HostState,
    count: int,
    outcomes: Counter[str],
    memory: list[tuple[int, float]],
    process: psutil.Process,
) -> None:
    lock = threading.Lock()
    given = iter(range(0, count, _PER_CLIENT))

    def note(outcome: str) -> None:
        with lock:
            outcomes[outcome] += 1
            done = sum(outcomes.values())
            if done % _SAMPLE_EVERY == 0:
                memory.append((done, process.memory_info().rss / 1e6))

    def keep_one_client() -> None:
        while True:
            with lock:
                seed = next(given, None)
            if seed is None:
                return
            _one_client(host, seed, note)

    threads = [threading.Thread(target=keep_one_client) for _ in range(_CLIENTS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    memory.append((sum(outcomes.values()), process.memory_info().rss / 1e6))


def _one_client(host: HostState, seed: int, note: object) -> None:
    """A client process; some are killed at a random place, and what they had asked counts as killed."""
    assert callable(note)
    chance = random.Random(seed)
    dies_after = chance.randrange(_PER_CLIENT) if chance.random() < _KILLED_SHARE else None
    command = [sys.executable, "-m", "benchmarks.host", "--client", host.url, str(seed)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as client:
        assert client.stdout
        told = 0
        for line in client.stdout:
            note(line.strip())
            told += 1
            if told == dies_after:
                client.kill()
        for _ in range(_PER_CLIENT - told):
            note("killed" if dies_after is not None else "unanswered")


def _left_behind(host: HostState) -> dict[str, float]:
    """What the host still has under way when nobody asks any more."""
    until = time.monotonic() + 20
    while True:
        told = status_of_running(host) or {}
        gauges = {
            "open": float(told.get("open_requests", -1)),
            **dict(told.get("engine", {}).get("load", [])),
        }
        left = {name: value for name, value in gauges.items() if value}
        connections = sum(
            c.status == psutil.CONN_ESTABLISHED for c in psutil.Process(host.pid).net_connections()
        )
        if connections > 1:
            left["connections"] = connections
        if not left or time.monotonic() > until:
            return left
        time.sleep(0.1)


async def client(url: str, seed: int) -> None:
    """One client: its share of the requests, one line for the end of each."""
    chance = random.Random(seed)
    plans = [(chance.choice(_BODIES), chance.random() < _CANCELLED_SHARE) for _ in range(_PER_CLIENT)]
    turns = asyncio.Semaphore(_AT_ONCE)

    async with httpx.AsyncClient(base_url=url, timeout=_ANSWER_S, trust_env=False) as http:

        async def one(ask: tuple[str, dict[str, object]], cancel: bool) -> None:
            async with turns:
                asking = asyncio.ensure_future(_ask(http, *ask))
                if cancel:
                    await asyncio.sleep(chance.random() * 0.02)
                    asking.cancel()
                try:
                    outcome = await asking
                except asyncio.CancelledError:
                    outcome = "cancelled"
                print(outcome, flush=True)

        await asyncio.gather(*(one(*plan) for plan in plans))


async def _ask(http: httpx.AsyncClient, path: str, body: dict[str, object]) -> str:
    try:
        answer = await http.post(path, json=body)
    except httpx.TimeoutException:
        return "unanswered"
    except httpx.HTTPError:
        return "refused"
    if answer.status_code != 200:
        return "refused"
    if body.get("stream"):
        return "answered" if answer.text.endswith("[DONE]\n\n") else "wrong"
    return "answered" if "choices" in answer.json() or "content" in answer.json() else "wrong"


if __name__ == "__main__":
    if sys.argv[1:2] == ["--client"]:
        asyncio.run(client(sys.argv[2], int(sys.argv[3])))
    else:
        raise SystemExit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 10_000))
