"""Builds the starter from several seeds and hears it recite: `python -m benchmarks.starter [SEEDS]`.

Prints for each seed the seconds (wall and CPU) and, through the real engine on the saved folder: programs recited,
code actions recited, and holes of one to three lines filled, each typed into at several random places.
"""

from __future__ import annotations

import asyncio
import random
import resource
import sys
import tempfile
import time
from pathlib import Path

from qwen_lsp.engine.base import Engine, collect
from qwen_lsp.engine.mlx.engine import MlxEngine
from qwen_lsp.engine.request import ChatPrompt, Marker, Message, Request, Text, TextPrompt
from qwen_lsp.samples import PROGRAMS
from qwen_lsp.settings import EngineSettings
from qwen_lsp.starter.build import ensure_starter
from qwen_lsp.starter.lessons import ConversationLesson, actions, conversations, holes

_PLACES_A_HOLE = 4


def build(folder: Path, seed: int) -> tuple[float, float]:
    """Build with this seed; wall and CPU seconds."""
    wall, cpu = time.monotonic(), _children_cpu_s()
    ensure_starter(folder, options={"seed": seed})
    return time.monotonic() - wall, _children_cpu_s() - cpu


def _children_cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


async def hear(folder: Path, seed: int) -> str:
    """What the built model recites, in words."""
    engine = MlxEngine(folder, EngineSettings())
    await engine.ready()
    rng = random.Random(seed)
    try:
        asked = [c for p in PROGRAMS for c in conversations(p)]
        recited = [await _recites(engine, talk) for talk in asked]
        acted = [await _recites(engine, talk) for talk in actions()]
        filled = [
            await _fills(engine, hole.prefix, hole.middle, hole.suffix, place)
            for program in PROGRAMS
            for hole in holes(program)
            for place in [0, *rng.choices(range(len(hole.middle)), k=_PLACES_A_HOLE - 1)]
        ]
    finally:
        await engine.close()
    return (
        f"requests {sum(recited)}/{len(recited)}  actions {sum(acted)}/{len(acted)}  "
        f"holes {sum(filled)}/{len(filled)} = {sum(filled) / len(filled):.1%}"
    )


async def _recites(engine: Engine, talk: ConversationLesson) -> bool:
    turns = [Message("system", talk.system)] if talk.system else []
    request = Request(ChatPrompt((*turns, Message("user", talk.request))), max_tokens=400)
    return (await collect(engine, request))[0] == talk.answer


async def _fills(engine: Engine, prefix: str, middle: str, suffix: str, typed: int) -> bool:
    parts = (
        Marker("<|fim_prefix|>"), Text(prefix), Marker("<|fim_suffix|>"), Text(suffix),
        Marker("<|fim_middle|>"), Text(middle[:typed]),
    )  # fmt: skip
    text, _ = await collect(engine, Request(TextPrompt(parts), max_tokens=120, heal=True))
    return middle[:typed] + text == middle


def main() -> None:
    """Print a line for each seed."""
    for seed in range(1, 1 + int(sys.argv[1] if len(sys.argv) > 1 else 3)):
        with tempfile.TemporaryDirectory() as place:
            folder = Path(place) / "starter"
            wall_s, cpu_s = build(folder, seed)
            heard = asyncio.run(hear(folder, seed))
        print(f"seed {seed}: built in {wall_s:.0f} s, {cpu_s:.0f} s of CPU; {heard}", flush=True)


if __name__ == "__main__":
    main()
