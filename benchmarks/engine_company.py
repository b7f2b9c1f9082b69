"""The engine with several at once: inline completions beside chats, and chats beside each other."""

from __future__ import annotations

import asyncio
import random
import time
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.engine_asking import SOURCE, Bench, Timed, ask, hole, p50_p95, request
from qwen_lsp.engine.mlx.engine import MlxEngine
from qwen_lsp.engine.mlx.model_runner import TARGET_MS
from qwen_lsp.engine.request import Lane, Request
from qwen_lsp.metrics import percentile
from qwen_lsp.settings import EngineSettings

_ROUNDS, _KEYS = 8, 6
_PAUSE_S = 0.05
_INLINE_TOKENS = 8
_CHAT_PROMPT_TOKENS = 4000
_TYPED = "    for action in self._actions:\n        if action.dest is not None and hasattr(namespace, action.dest):"
_ROW_STEPS = 40
_TOKENS = 400


class Typist:
    """Types into one anchored hole, a letter or two at a time; every key is asked for with the same KV state."""

    def __init__(self, bench: Bench) -> None:
        self._bench = bench
        self._at = 0
        self.prefilled: list[int] = []

    async def key(self) -> float:
        """One more letter; milliseconds to the whole answer."""
        self._at = self._at % (len(_TYPED) - 1) + 1
        asked = time.perf_counter()
        reply = await ask(
            self._bench.engine, hole(SOURCE[:4000], SOURCE[6000:7000], _TYPED[: self._at], _INLINE_TOKENS)
        )
        self.prefilled.append(reply.prefilled_tokens)
        return (time.perf_counter() - asked) * 1000


async def inline(bench: Bench) -> None:
    """A keystroke's completion alone, while a chat's prompt of 4,000 tokens is read, and while a chat streams."""
    typist = Typist(bench)
    for _ in range(_KEYS):
        await typist.key()
    long_text = await _text_of(bench, _CHAT_PROMPT_TOKENS)
    kinds = {"read": (long_text, 8), "streams": (SOURCE[:300], 120)}
    idle, beside = list[float](), {kind: list[float]() for kind in kinds}
    unchanged = asked = 0
    for turn in range(_ROUNDS):
        idle += [await typist.key() for _ in range(_KEYS)]
        for kind, (text, tokens) in kinds.items():
            what = request(f"# {turn}\n" + text, tokens)
            disturbed = await _beside(typist, bench, what, beside[kind])
            unchanged += disturbed.tokens == (await ask(bench.engine, what)).tokens
            asked += 1
    bench.row("inline completion of 8 tokens, idle, p50 / p95", p50_p95(idle))
    chunk_ms = TARGET_MS
    for kind, situation in (("read", "while a chat's prompt is read"), ("streams", "while a chat streams")):
        limits = [1.5 * (percentile(idle, q) or 0) + chunk_ms for q in (0.5, 0.95)]
        wanted = f"<= {limits[0]:.0f} / {limits[1]:.0f} ms (n = {len(beside[kind])})"
        bench.row(f"inline {situation}, p50 / p95", p50_p95(beside[kind]), wanted)
    bench.row(
        "tokens read per key (mean)", f"{sum(typist.prefilled[1:]) / len(typist.prefilled[1:]):.2f}", "<= 2"
    )
    bench.row("chats that say the same with keys beside them", f"{unchanged} of {asked}", "all")


async def _beside(typist: Typist, bench: Bench, what: Request, taken_ms: list[float]) -> Timed:
    """Type while a chat is answered, from its first sign of life on; the chat's answer."""
    begun, timed = asyncio.Event(), Timed()

    async def watch() -> None:
        async for chunk in bench.engine.generate(what):
            timed.tokens += [token.id for token in chunk.tokens]
            begun.set()

    chat = asyncio.create_task(watch())
    await begun.wait()
    for _ in range(_KEYS):
        taken = await typist.key()
        if chat.done():
            # Not beside it all the time.
            break
        taken_ms.append(taken)
        await asyncio.sleep(_PAUSE_S)
    await chat
    return timed


async def _text_of(bench: Bench, tokens: int) -> str:
    """Source text of about so many tokens."""
    usage = await bench.engine.warm(request(SOURCE[:4000], lane=Lane.WARM))
    return SOURCE[: 4000 * tokens // usage.prompt_tokens]


async def chats(bench: Bench) -> None:
    """Throughput of 4 and of 8 chats over that of one, and what the cost of rows allows on this machine."""
    engine = MlxEngine(bench.folder, EngineSettings(prompt_lookup="off"))
    await engine.ready()
    costs = RowCosts(bench.folder)
    texts = [f"# chat {n}\n" + SOURCE[n * 500 : n * 500 + 400] for n in range(8)]
    for text in texts:
        await engine.warm(request(text))
    rounds: list[dict[int, float]] = []
    for _ in range(6):
        rounds.append(
            {count: await _rate(engine, [request(t, 128) for t in texts[:count]]) for count in (1, 4, 8)}
        )
        costs.measure()
    await engine.close()
    for count, wanted in ((4, 1.8), (8, 2.5)):
        gain = median([r[count] / r[1] for r in rounds])
        limit = costs.limit(count)
        many = median([r[count] for r in rounds])
        bench.row(
            f"throughput of {count} chats over one",
            f"{gain:.2f} ({many:.0f} tok/s)",
            f">= {wanted}; a forward of {count} rows allows {limit:.2f} here",
        )


async def _rate(engine: MlxEngine, requests: list[Request]) -> float:
    before = time.perf_counter()
    answers = await asyncio.gather(*(ask(engine, r) for r in requests))
    return sum(len(a.tokens) for a in answers) / (time.perf_counter() - before)


class RowCosts:
    """How long a bare forward takes with one token of each of several sequences: what no batching can beat."""

    def __init__(self, folder: Path) -> None:
        from qwen_lsp.engine.mlx.loader import load
        from qwen_lsp.engine.mlx.model_runner import ModelRunner

        loaded = load(folder)
        self._forward = ModelRunner(loaded.model)
        self._model = loaded.model
        self._caches = {rows: self._merged(rows) for rows in (1, 4, 8)}
        self._ms: dict[int, list[float]] = {rows: [] for rows in self._caches}
        self._chance = random.Random(1)

    def measure(self) -> None:
        """Some steps of each, taken in turns."""
        for _ in range(_ROW_STEPS):
            for rows, caches in self._caches.items():
                before = time.perf_counter()
                self._step(rows, caches)
                self._ms[rows].append((time.perf_counter() - before) * 1000)

    def limit(self, rows: int) -> float:
        """Throughput of so many over one."""
        return rows * median(self._ms[1]) / median(self._ms[rows])

    def _merged(self, rows: int) -> list[Any]:
        from mlx_lm.models.cache import BatchKVCache, make_prompt_cache

        singles: list[list[Any]] = []
        for row in range(rows):
            caches: list[Any] = make_prompt_cache(self._model)
            self._forward.read([(row * 31 + i * 7) % _TOKENS for i in range(200)], caches)
            singles.append(caches)
        if rows == 1:
            return singles[0]
        return [BatchKVCache.merge(list(layer)) for layer in zip(*singles, strict=True)]

    def _step(self, rows: int, caches: list[Any]) -> None:
        import mlx.core as mx

        # Chats say different things: the same token in every row would use the same experts, which is cheaper.
        tokens = [self._chance.randrange(_TOKENS) for _ in range(rows)]
        logits = self._forward.batch(mx.array(tokens), caches)
        mx.eval(mx.argmax(logits - mx.logsumexp(logits, axis=-1, keepdims=True), axis=-1))
