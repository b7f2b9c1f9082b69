"""Everything that makes the engine fast, at once, on the starter: it must not change a single token."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from benchmarks.engine_asking import Timed, ask, hole
from qwen_lsp.engine.mlx.engine import MlxEngine
from qwen_lsp.engine.request import ChatPrompt, Lane, Message, Request
from qwen_lsp.samples import PROGRAMS
from qwen_lsp.settings import EngineSettings
from qwen_lsp.starter.lessons import conversations, holes

_TOKENS = 48
_BATCH = 8


@dataclass(frozen=True, slots=True)
class Exact:
    """How many prompts were answered alike, and what the two ways cost."""

    prompts: int
    same: dict[str, int]
    forwards: dict[str, int]
    prefilled: dict[str, int]
    accepted_drafts: int
    shared_forwards: int


def prompts(count: int, seed: int = 1) -> list[Request]:
    """Chats and holes of the starter's programs; the holes are typed into up to any letter."""
    rng = random.Random(seed)
    talks = [
        Request(ChatPrompt(_messages(talk.system, talk.request)), max_tokens=_TOKENS)
        for program in PROGRAMS
        for talk in conversations(program)
    ]
    rng.shuffle(talks)
    places = [h for program in PROGRAMS for h in holes(program)]
    fillings = []
    for place in rng.choices(places, k=count - count // 4):
        typed = place.middle[: rng.randrange(len(place.middle))]
        fillings.append(hole(place.prefix, place.suffix, typed, _TOKENS, heal=True))
    mixed = [*(talks * (count // 4 // len(talks) + 1))[: count // 4], *fillings]
    rng.shuffle(mixed)
    return mixed


def _messages(system: str, asked: str) -> tuple[Message, ...]:
    head = (Message("system", system),) if system else ()
    return (*head, Message("user", asked))


async def compare(folder: Path, count: int) -> Exact:
    """Each prompt cold and alone with everything off, then with everything on: alone, and eight at once."""
    asked = prompts(count)
    off = MlxEngine(folder, EngineSettings(prompt_lookup="off", kv_bytes=1))
    on = MlxEngine(folder, EngineSettings())
    await asyncio.gather(off.ready(), on.ready())
    try:
        plain = [await ask(off, r) for r in asked]
        code = tuple(p.code for p in PROGRAMS)
        drafted = [await ask(on, replace(r, lane=Lane.ACTION, drafts=code)) for r in asked]
        machine = on._worker._machine
        before = machine.forward.count if machine else 0
        together = await _together(on, [replace(r, lane=_lane(i)) for i, r in enumerate(asked)])
        shared = (machine.forward.count if machine else 0) - before
    finally:
        await off.close()
        await on.close()
    ways = {"alone": drafted, "together": together}
    return Exact(
        len(asked),
        {way: _same(plain, answers) for way, answers in ways.items()},
        {"off": _sum(plain, "forwards"), "alone": _sum(drafted, "forwards")},
        {"off": _sum(plain, "prefilled_tokens"), "alone": _sum(drafted, "prefilled_tokens")},
        _sum(drafted, "accepted_tokens"),
        shared,
    )


def _lane(number: int) -> Lane:
    """Mostly chats, which decode together; now and then one that overtakes them."""
    return Lane.INLINE if number % _BATCH == _BATCH - 1 else Lane.CHAT


async def _together(engine: MlxEngine, asked: Sequence[Request]) -> list[Timed]:
    answers: list[Timed] = []
    for start in range(0, len(asked), _BATCH):
        answers += await asyncio.gather(*(ask(engine, r) for r in asked[start : start + _BATCH]))
    return answers


def _same(left: list[Timed], right: list[Timed]) -> int:
    return sum(a.tokens == b.tokens for a, b in zip(left, right, strict=True))


def _sum(answers: list[Timed], counter: str) -> int:
    return sum(getattr(c.usage, counter) for a in answers for c in a.chunks if c.finish and c.usage)
