"""The MLX engine beside mlx_lm.stream_generate: same model, same prompts, same arithmetic, one run.

python -m benchmarks.engine [parity] [cancel] [inline] [chats] [experts] [lookup] [--model DIR]

Without a part, all of them. Without --model, a random 4-bit Qwen3-MoE of 128 wide, 4 layers, 8 experts, top-2.
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

from qwen_lsp.engine.mlx.engine import MlxEngine
from qwen_lsp.engine.request import Chunk, Lane, Request, Text, TextPrompt
from qwen_lsp.metrics import percentile
from qwen_lsp.settings import EngineSettings

ANSWER_TOKENS = 96
_SOURCE = Path(argparse.__file__).read_text("utf-8")


@dataclass(slots=True)
class Timed:
    """One answer and when its tokens came, in seconds from the asking."""

    tokens: list[int] = field(default_factory=list)
    at: list[float] = field(default_factory=list)
    chunks: list[Chunk] = field(default_factory=list)

    @property
    def first_ms(self) -> float:
        """Time to the first token."""
        return self.at[0] * 1000

    @property
    def rate(self) -> float:
        """Tokens per second after the first."""
        return (len(self.at) - 1) / (self.at[-1] - self.at[0]) if len(self.at) > 1 else 0.0


def request(text: str, tokens: int = ANSWER_TOKENS, **options: Any) -> Request:
    """A plain completion."""
    return Request(TextPrompt((Text(text),)), max_tokens=tokens, **{"lane": Lane.CHAT, **options})


async def ask(engine: MlxEngine, what: Request) -> Timed:
    """Ask and note when each token came."""
    timed, asked = Timed(), time.perf_counter()
    async for chunk in engine.generate(what):
        timed.chunks.append(chunk)
        for token in chunk.tokens:
            timed.tokens.append(token.id)
            timed.at.append(time.perf_counter() - asked)
    return timed


def ask_mlx_lm(model: Any, tokenizer: Any, text: str, tokens: int = ANSWER_TOKENS) -> Timed:
    """The same from mlx_lm.stream_generate."""
    from mlx_lm import stream_generate

    timed, asked = Timed(), time.perf_counter()
    prompt = tokenizer.encode(text, add_special_tokens=False)
    for response in stream_generate(model, tokenizer, prompt, max_tokens=tokens):
        if response.token not in tokenizer.eos_token_ids:
            timed.tokens.append(response.token)
            timed.at.append(time.perf_counter() - asked)
    return timed


@dataclass(slots=True)
class Bench:
    """What every part works with."""

    folder: Path
    engine: MlxEngine
    rows: list[tuple[str, str, str]] = field(default_factory=list)

    def row(self, what: str, measured: str, wanted: str = "") -> None:
        """One line of the table."""
        self.rows.append((what, measured, wanted))
        print(f"  {what:58} {measured:>34}   {wanted}", flush=True)


async def parity(bench: Bench) -> None:
    """Tokens, decode rate and time to first token beside mlx_lm.stream_generate."""
    import mlx.core as mx
    from mlx_lm import load

    model, tokenizer = load(str(bench.folder))[:2]
    if mx.default_device().type == mx.DeviceType.cpu:
        # Our loader computes in float32 on a CPU; the comparison is of engines, not of number formats.
        model.set_dtype(mx.float32)
    mx.eval(model.parameters())
    texts = [_SOURCE[start : start + size] for start, size in _cuts(12)]
    ask_mlx_lm(model, tokenizer, texts[0], 8)
    await ask(bench.engine, request(texts[0], 8))
    same, rates, firsts = 0, list[float](), list[float]()
    for turn, text in enumerate(texts):
        mine, other = await _both(
            bench.engine, model, tokenizer, f"# {turn}\n{text}", ours_first=turn % 2 == 0
        )
        same += mine.tokens == other.tokens
        if len(mine.tokens) > 16:
            rates.append(mine.rate / other.rate)
        firsts.append(mine.first_ms / other.first_ms)
    bench.row("same greedy tokens as mlx_lm.stream_generate", f"{same} of {len(texts)} prompts", "all")
    bench.row("decode rate, ours over theirs (median)", f"{median(rates):.2f}", ">= 1.0")
    bench.row("time to first token, ours over theirs (median)", f"{median(firsts):.2f}", "<= 1.0")


async def _both(
    engine: MlxEngine, model: Any, tokenizer: Any, text: str, *, ours_first: bool
) -> tuple[Timed, Timed]:
    """Both engines cold on one prompt, in turns of who goes first."""
    if ours_first:
        mine = await ask(engine, request(text, lane=Lane.INLINE))
        return mine, ask_mlx_lm(model, tokenizer, text)
    other = ask_mlx_lm(model, tokenizer, text)
    return await ask(engine, request(text, lane=Lane.INLINE)), other


async def cancel(bench: Bench) -> None:
    """From cancel to the next request's first token, in prefill and while decoding."""
    baseline = [await _short(bench, turn) for turn in range(6)]
    idle = median(baseline)
    waits: dict[str, list[float]] = {"prefill": [], "decoding": []}
    redone = 0
    for turn in range(16):
        kind = "prefill" if turn % 2 else "decoding"
        text = f"# {turn}\n" + _SOURCE[: 3000 if kind == "prefill" else 1500]
        stream = bench.engine.generate(request(text, 400))
        done = 0
        async for chunk in stream:
            done = chunk.progress.done_tokens if chunk.progress else done
            if (kind == "prefill" and done) or chunk.tokens:
                break
        await stream.aclose()
        waits[kind].append(await _short(bench, 100 + turn) - idle)
        if kind == "prefill":
            usage = (await ask(bench.engine, request(text, 1))).chunks[-1].usage
            redone += max(0, done - usage.cached_tokens) if usage else 0
    for kind, extra in waits.items():
        bench.row(f"cancel in {kind}: extra wait of the next, p50 / p95", _p(extra), "p95 <= 60 ms")
    bench.row("tokens of cancelled prefill read again", str(redone), "0")


async def _short(bench: Bench, turn: int) -> float:
    return (await ask(bench.engine, request(f"x{turn} = ", 1, lane=Lane.INLINE))).first_ms


async def inline(bench: Bench) -> None:
    """A completion while a long chat prompt is read, and while a chat streams."""
    typed = _SOURCE[:2500]
    await ask(bench.engine, request(typed, 8, lane=Lane.INLINE))

    async def keystroke(turn: int) -> float:
        before = time.perf_counter()
        await ask(bench.engine, request(typed + "x" * (turn % 7), 8, lane=Lane.INLINE))
        return (time.perf_counter() - before) * 1000

    idle = [await keystroke(turn) for turn in range(20)]
    bench.row("inline completion of 8 tokens, idle, p50 / p95", _p(idle))
    for what, size in (("while a chat's prompt is read", 9000), ("while a chat streams", 300)):
        beside: list[float] = []
        for turn in range(3):
            chat = asyncio.create_task(ask(bench.engine, request(f"# {turn} {size}\n" + _SOURCE[:size], 150)))
            await asyncio.sleep(0.02)
            while not chat.done() and len(beside) < 12 * (turn + 1):
                beside.append(await keystroke(turn + len(beside)))
                await asyncio.sleep(0.02)
            chat.cancel()
            await asyncio.gather(chat, return_exceptions=True)
        bench.row(f"inline {what}, p50 / p95", _p(beside), f"<= {1.5 * median(idle) + 50:.0f} ms at p50")


async def chats(bench: Bench) -> None:
    """Throughput of 4 and of 8 chats over that of one."""
    texts = [f"# chat {n}\n" + _SOURCE[n * 500 : n * 500 + 400] for n in range(8)]
    for text in texts:
        await bench.engine.warm(request(text))

    async def rate(count: int) -> float:
        before = time.perf_counter()
        answers = await asyncio.gather(*(ask(bench.engine, request(t, 64)) for t in texts[:count]))
        return sum(len(a.tokens) for a in answers) / (time.perf_counter() - before)

    rounds = [{count: await rate(count) for count in (1, 4, 8)} for _ in range(5)]
    for count, wanted in ((4, 1.8), (8, 2.5)):
        gain = median([r[count] / r[1] for r in rounds])
        many = median([r[count] for r in rounds])
        bench.row(f"throughput of {count} chats over one", f"{gain:.2f} ({many:.0f} tok/s)", f">= {wanted}")


async def experts(bench: Bench) -> None:
    """Decode rate with expert routing reported, over that without."""
    ratios: list[float] = []
    for turn in range(8):
        text = f"# {turn}\n" + _SOURCE[:600]
        pair = [await ask(bench.engine, request(text, lane=Lane.INLINE, experts=on)) for on in _order(turn)]
        off, on = pair if not turn % 2 else pair[::-1]
        if len(off.tokens) > 16:
            ratios.append(on.rate / off.rate)
    bench.row("decode rate with experts shown (median)", f"{median(ratios):.3f}", ">= 0.97")


async def lookup(bench: Bench) -> None:
    """Prompt lookup on and off: the same tokens, fewer forwards where the text repeats."""
    ratios: list[float] = []
    same = forwards = plain = 0
    for turn in range(8):
        text = f"# {turn}\n" + _SOURCE[turn * 300 : turn * 300 + 800]
        pair = [
            await ask(bench.engine, request(text, lane=_lane(on), drafts=(text,) if on else ()))
            for on in _order(turn)
        ]
        off, on = pair if not turn % 2 else pair[::-1]
        same += on.tokens == off.tokens
        usages = [a.chunks[-1].usage for a in (on, off)]
        forwards += usages[0].forwards if usages[0] else 0
        plain += usages[1].forwards if usages[1] else 0
        if len(off.tokens) > 16:
            ratios.append(on.rate / off.rate)
    bench.row("prompt lookup: same tokens", f"{same} of 8", "all")
    bench.row("prompt lookup: forwards over plain", f"{forwards / max(plain, 1):.2f}")
    bench.row(
        "prompt lookup: decode rate over plain (median)", f"{median(ratios):.2f}", ">= 0.95 on any text"
    )


def _lane(on: bool) -> Lane:
    return Lane.ACTION if on else Lane.INLINE


def _order(turn: int) -> tuple[bool, bool]:
    return (True, False) if turn % 2 else (False, True)


def _cuts(count: int) -> list[tuple[int, int]]:
    return [(turn * 1100, 300 + 250 * (turn % 6)) for turn in range(count)]


def _p(values: Sequence[float]) -> str:
    p50, p95 = percentile(values, 0.5), percentile(values, 0.95)
    return f"{p50:.1f} / {p95:.1f} ms" if p50 is not None and p95 is not None else "-"


PARTS: dict[str, Callable[[Bench], Awaitable[None]]] = {
    "parity": parity,
    "cancel": cancel,
    "inline": inline,
    "chats": chats,
    "experts": experts,
    "lookup": lookup,
}


async def run(folder: Path, parts: Sequence[str]) -> list[tuple[str, str, str]]:
    """Run the parts one after another; the table's rows."""
    engine = MlxEngine(folder, EngineSettings())
    await engine.ready()
    bench = Bench(folder, engine)
    for part in parts:
        doc = (PARTS[part].__doc__ or "").strip()
        print(f"{part}: {doc}", flush=True)
        await PARTS[part](bench)
    await engine.close()
    return bench.rows


def random_model(folder: Path) -> Path:
    """The model of the benchmarks: a decode step and a prefill in the real model's proportion."""
    from qwen_lsp.engine.starter.layout import write_random_model

    return write_random_model(folder, hidden=128, layers=4, experts=8, top_k=2, expert_width=128)


def main() -> None:
    """Parse, run, print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("parts", nargs="*", help=", ".join(PARTS))
    parser.add_argument("--model", type=Path, help="a model folder")
    given = parser.parse_args()
    unknown = [p for p in given.parts if p not in PARTS]
    if unknown:
        parser.error(f"there is no part {unknown[0]}; there are {', '.join(PARTS)}")
    with tempfile.TemporaryDirectory() as scratch:
        folder = given.model or random_model(Path(scratch) / "random model")
        asyncio.run(run(folder, given.parts or list(PARTS)))


if __name__ == "__main__":
    main()
