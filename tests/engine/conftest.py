"""Engines for the tests of this room: one that is shared, one that may be broken."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import TYPE_CHECKING, Any

import pytest

from qwen_lsp.settings import EngineSettings
from tests.support.engines.random_model import random_model

if TYPE_CHECKING:
    from qwen_lsp.engine.mlx.engine import MlxEngine


@pytest.fixture(scope="module")
def shared() -> Iterator[MlxEngine]:
    from qwen_lsp.engine.mlx.engine import MlxEngine

    engine = MlxEngine(random_model(), EngineSettings())
    engine._worker.ready.result(timeout=60)
    yield engine
    engine._worker.close()


@pytest.fixture
async def engine(shared: MlxEngine) -> MlxEngine:
    """An engine that holds nothing yet."""
    while shared._worker.scheduler.has_work():  # noqa: ASYNC110
        await asyncio.sleep(0.001)
    machine: Any = shared._worker._machine
    machine.store.clear()
    return shared


@pytest.fixture
async def own() -> AsyncIterator[MlxEngine]:
    """An engine that may be broken."""
    from qwen_lsp.engine.mlx.engine import MlxEngine

    engine = MlxEngine(random_model(), EngineSettings())
    await engine.ready()
    yield engine
    await engine.close()
