"""The MLX engine beside mlx_lm.stream_generate: same model, same prompts, same arithmetic, one run.

python -m benchmarks.engine [parity] [cancel] [inline] [chats] [experts] [lookup] [exact] [--model DIR]

Without a part, all of them. Without --model, a random 4-bit Qwen3-MoE of 128 wide, 4 layers, 8 experts, top-2.
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
import time
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.engine_asking import ANSWER_TOKENS, SOURCE, Bench, Timed, ask, p50_p95, random_model, request
from benchmarks.engine_company import chats, inline
from benchmarks.engine_exact import compare
from qwen_lsp.engine.mlx.engine import MlxEngine
from qwen_lsp.engine.request import Lane
from qwen_lsp.settings import EngineSettings

_EXACT_PROMPTS = 200


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


async def parity(bench: Bench) -> None:
    """Tokens, decode rate and time to first token beside mlx_lm.stream_generate."""
    import mlx.core as mx
    from mlx_lm import load

    model, tokenizer = load(str(bench.folder))[:2]
    if mx.default_device().type == mx.DeviceType.cpu:
        # Our loader computes in float32 on a CPU; the comparison is of engines, not of number formats.
        model.set_dtype(mx.float32)
    mx.eval(model.parameters())
    texts = [SOURCE[start : start + size] for start, size in _cuts(12)]
    ask_mlx_lm(model, tokenizer, texts[0], 8)
    await ask(bench.engine, request(texts[0], 8))
    for lane, how in (
        (Lane.INLINE, "a suggestion, no drafts"),
        (Lane.CHAT, "a chat, drafts from its prompt"),
    ):
        await _beside(bench, model, tokenizer, [f"# {lane} {t}\n{x}" for t, x in enumerate(texts)], lane, how)


async def _beside(
    bench: Bench, model: Any, tokenizer: Any, texts: Sequence[str], lane: Lane, how: str
) -> None:
    """Three rows: tokens, decode rate and first token as one lane asks for them."""
    same, rates, firsts = 0, list[float](), list[float]()
    for turn, text in enumerate(texts):
        mine, other = await _both(bench.engine, model, tokenizer, text, lane, ours_first=turn % 2 == 0)
        same += mine.tokens == other.tokens
        if len(mine.tokens) > 16:
            rates.append(mine.rate / other.rate)
        firsts.append(mine.first_ms / other.first_ms)
    bench.row(
        f"{how}: same greedy tokens as mlx_lm.stream_generate", f"{same} of {len(texts)} prompts", "all"
    )
    bench.row(f"{how}: decode rate, ours over theirs (median)", f"{median(rates):.2f}", ">= 1.0")
    bench.row(f"{how}: time to first token, ours over theirs (median)", f"{median(firsts):.2f}", "<= 1.0")


async def _both(
    engine: MlxEngine, model: Any, tokenizer: Any, text: str, lane: Lane, *, ours_first: bool
) -> tuple[Timed, Timed]:
    """Both engines cold on one prompt, in turns of who goes first."""
    if ours_first:
        mine = await ask(engine, request(text, lane=lane))
        return mine, ask_mlx_lm(model, tokenizer, text)
    other = ask_mlx_lm(model, tokenizer, text)
    return await ask(engine, request(text, lane=lane)), other


async def cancel(bench: Bench) -> None:
    """From cancel to the next request's first token, in prefill and while decoding."""
    baseline = [await _short(bench, turn) for turn in range(6)]
    idle = median(baseline)
    waits: dict[str, list[float]] = {"prefill": [], "decoding": []}
    redone = 0
    for turn in range(16):
        kind = "prefill" if turn % 2 else "decoding"
        text = f"# {turn}\n" + SOURCE[: 3000 if kind == "prefill" else 1500]
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
        bench.row(f"cancel in {kind}: extra wait of the next, p50 / p95", p50_p95(extra), "p95 <= 60 ms")
    bench.row("tokens of cancelled prefill read again", str(redone), "0")


async def _short(bench: Bench, turn: int) -> float:
    return (await ask(bench.engine, request(f"x{turn} = ", 1, lane=Lane.INLINE))).first_ms


async def experts(bench: Bench) -> None:
    """Decode rate with expert routing reported, over that without."""
    ratios: list[float] = []
    for turn in range(8):
        text = f"# {turn}\n" + SOURCE[:600]
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
        text = f"# {turn}\n" + SOURCE[turn * 300 : turn * 300 + 800]
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


async def exact(bench: Bench) -> None:
    """200 prompts on the starter: everything on against everything off."""
    from qwen_lsp.starter.build import ensure_starter

    print("  (the starter is built first if it is not there: one to three minutes)", flush=True)
    found = await compare(await asyncio.to_thread(ensure_starter), _EXACT_PROMPTS)
    for way, same in found.same.items():
        bench.row(
            f"same greedy tokens, all on ({way}) and all off", f"{same} of {found.prompts} prompts", "all"
        )
    forwards, prefilled = found.forwards, found.prefilled
    bench.row("forwards, all on over all off", f"{forwards['alone'] / forwards['off']:.2f}")
    bench.row("tokens of prompts read, all on over all off", f"{prefilled['alone'] / prefilled['off']:.2f}")


def _lane(on: bool) -> Lane:
    return Lane.ACTION if on else Lane.INLINE


def _order(turn: int) -> tuple[bool, bool]:
    return (True, False) if turn % 2 else (False, True)


def _cuts(count: int) -> list[tuple[int, int]]:
    return [(turn * 1100, 300 + 250 * (turn % 6)) for turn in range(count)]


PARTS: dict[str, Callable[[Bench], Awaitable[None]]] = {
    "parity": parity,
    "cancel": cancel,
    "inline": inline,
    "chats": chats,
    "experts": experts,
    "lookup": lookup,
    "exact": exact,
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
