"""What makes the engine fast changes no token: batches, drafts, everything at once."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from typing import Any

import pytest

from qwen_lsp.engine.mlx import generation
from qwen_lsp.engine.mlx.engine import MlxEngine
from qwen_lsp.engine.prompt_lookup import Lookup
from qwen_lsp.engine.request import Lane, Sampling
from qwen_lsp.settings import EngineSettings
from tests.support.engines.random_model import ask, plain, random_model, theirs

pytestmark = pytest.mark.model

CODE = "def add(left, right):\n    return left + right\n\n\nclass Stack:\n    def push(self, item):\n        "


async def test_every_feature_on_gives_the_tokens_of_all_off() -> None:
    prompts = [CODE[i:] * (1 + i % 3) for i in range(30)]
    off = MlxEngine(random_model(), EngineSettings(prompt_lookup="off", kv_bytes=1))
    on = MlxEngine(random_model(), EngineSettings())
    try:
        cold = [(await ask(off, plain(p, max_tokens=16))).ids_of() for p in prompts]
        alone = [await ask(on, plain(p, max_tokens=16, lane=Lane.ACTION, drafts=(p,))) for p in prompts]
        together = await asyncio.gather(*(ask(on, plain(p, max_tokens=16)) for p in prompts))
    finally:
        await off.close()
        await on.close()
    assert [r.ids_of() for r in alone] == cold
    assert [r.ids_of() for r in together] == cold


async def test_chats_that_decode_together_say_what_they_say_alone(engine: MlxEngine) -> None:
    prompts = [CODE * n for n in (1, 2, 5, 9)]
    alone = [(await ask(engine, plain(p, max_tokens=n * 10 + 20))).ids_of() for n, p in enumerate(prompts)]
    together = await asyncio.gather(
        *(ask(engine, plain(p, max_tokens=n * 10 + 20)) for n, p in enumerate(prompts))
    )
    assert [r.ids_of() for r in together] == alone
    # A history that was merged and taken apart again is as good as before.
    again = [await ask(engine, plain(p, max_tokens=4)) for p in prompts]
    assert [r.ids_of() for r in again] == [ids[:4] for ids in alone]
    assert all(r.usage.prefilled_tokens == 1 for r in again)


class Oracle:
    """Drafts that are right, or right only now and then."""

    def __init__(self, truth: list[int], *, wrong_every: int = 0) -> None:
        self._truth = truth
        self._done = 0
        self._wrong_every = wrong_every

    def extend(self, tokens: Iterable[int]) -> None:
        self._done += len(tuple(tokens))

    def draft(self) -> list[int]:
        ahead = self._truth[self._done : self._done + 8]
        if self._wrong_every and ahead:
            ahead[self._done % self._wrong_every % len(ahead)] = 5
        return ahead

    def judged(self, drafted: int, accepted: int) -> None:
        assert 0 <= accepted <= drafted


@pytest.mark.parametrize(("wrong_every", "most_forwards"), [(0, 12), (4, 45), (1, 80)])
async def test_drafts_save_forwards_and_change_no_token(
    engine: MlxEngine, monkeypatch: pytest.MonkeyPatch, wrong_every: int, most_forwards: int
) -> None:
    plainly = await ask(engine, plain(CODE, max_tokens=60))
    truth = plainly.ids_of()
    monkeypatch.setattr(generation, "Lookup", lambda sources: Oracle(truth, wrong_every=wrong_every))
    drafted = await ask(engine, plain(CODE, max_tokens=60, lane=Lane.ACTION, logprobs=2))
    assert drafted.ids_of() == truth
    assert drafted.usage.forwards <= most_forwards
    assert drafted.usage.accepted_tokens <= drafted.usage.drafted_tokens
    # The KV that is left is that of the tokens listed for it.
    more = await ask(engine, plain(CODE + drafted.text, max_tokens=3))
    assert more.ids_of() == theirs(CODE + drafted.text, 3)


async def test_sampling_is_never_drafted(engine: MlxEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[object] = []

    def counted(sources: Sequence[Sequence[int]]) -> Lookup:
        made.append(sources)
        return Lookup(sources)

    monkeypatch.setattr(generation, "Lookup", counted)
    await ask(engine, plain(CODE, max_tokens=4, lane=Lane.ACTION))
    assert len(made) == 1  # what is counted here is what drafts are made by
    await ask(engine, plain(CODE, max_tokens=4, sampling=Sampling(1.0), lane=Lane.ACTION))
    await ask(engine, plain(CODE, max_tokens=4, lane=Lane.INLINE))
    assert len(made) == 1


async def test_chats_share_their_forwards(engine: MlxEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    machine: Any = engine._worker._machine
    for n in range(4):
        await engine.warm(plain(f"# {n}\n" + CODE))
    before = machine.forward.count
    await asyncio.gather(*(ask(engine, plain(f"# {n}\n" + CODE, max_tokens=40)) for n in range(4)))
    assert machine.forward.count - before < 4 * 40 * 0.6
