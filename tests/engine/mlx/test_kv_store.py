"""KV that was trimmed, copied, resumed or restored gives the logits of a cold prefill."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import mlx.core as mx
import pytest
from mlx_lm.models.cache import make_prompt_cache

from qwen_lsp.engine.mlx.kv_store import KvStore, Lease
from qwen_lsp.engine.mlx.model_runner import ModelRunner
from qwen_lsp.engine.prefix_cache.plan import Budget
from tests.support.engines.random_model import reference

pytestmark = pytest.mark.model

PROMPT = [(i * 37) % 400 + 1 for i in range(300)]
OTHER = [(i * 53) % 400 + 1 for i in range(120)]


@pytest.fixture
def forward() -> ModelRunner:
    return ModelRunner(reference()[0])


@pytest.fixture
def store() -> KvStore:
    return KvStore(reference()[0], Budget(10**9, 512))


def cold(forward: ModelRunner, tokens: list[int]) -> mx.array:
    return forward.last(mx.array(tokens), make_prompt_cache(reference()[0]))


def read(
    store: KvStore, forward: ModelRunner, tokens: list[int], *, chunk: int = 64
) -> tuple[Lease, mx.array]:
    lease = store.take(tokens)
    while len(tokens) - lease.length > chunk:
        part = tokens[lease.length : lease.length + chunk]
        forward.read(part, lease.caches)
        lease.grew(part)
    rest = tokens[lease.length :]
    logits = forward.last(mx.array(rest), lease.caches)
    mx.eval(logits)
    lease.grew(rest)
    return lease, logits


def same(left: mx.array, right: mx.array) -> bool:
    return bool(mx.allclose(left, right, rtol=1e-4, atol=1e-4).item())


def test_reading_in_chunks_is_reading(store: KvStore, forward: ModelRunner) -> None:
    assert same(read(store, forward, PROMPT)[1], cold(forward, PROMPT))


def test_a_trimmed_history_gives_the_logits_of_a_cold_one(store: KvStore, forward: ModelRunner) -> None:
    store.put_back(read(store, forward, PROMPT)[0])
    changed = [*PROMPT[:250], 5, 6, 7]
    lease, logits = read(store, forward, changed)
    assert lease.kept_tokens == 250
    assert same(logits, cold(forward, changed))
    assert store.gauges()["kv_histories"] == 1


def test_a_copy_and_its_source_go_their_own_ways(store: KvStore, forward: ModelRunner) -> None:
    first, _ = read(store, forward, PROMPT)
    second, logits = read(store, forward, [*PROMPT, 9, 9])
    assert second.kept_tokens == len(PROMPT)
    assert same(logits, cold(forward, [*PROMPT, 9, 9]))
    mine = forward.last(mx.array([3]), first.caches)
    assert same(mine, cold(forward, [*PROMPT, 3]))


def test_a_fork_goes_its_own_way(store: KvStore, forward: ModelRunner) -> None:
    lease, _ = read(store, forward, PROMPT)
    fork = store.fork(lease)
    left, right = forward.last(mx.array([3]), lease.caches), forward.last(mx.array([4]), fork.caches)
    assert same(left, cold(forward, [*PROMPT, 3]))
    assert same(right, cold(forward, [*PROMPT, 4]))


def test_half_a_prompt_is_resumed_and_not_read_again(store: KvStore, forward: ModelRunner) -> None:
    lease = store.take(PROMPT)
    forward.read(PROMPT[:128], lease.caches)
    lease.grew(PROMPT[:128])
    store.put_back(lease)
    again, logits = read(store, forward, PROMPT)
    assert again.kept_tokens == 128
    assert same(logits, cold(forward, PROMPT))


def test_a_history_whose_step_broke_off_is_dropped(store: KvStore, forward: ModelRunner) -> None:
    lease, _ = read(store, forward, PROMPT)
    lease.broken = True
    store.put_back(lease)
    assert store.gauges()["kv_histories"] == 0


def test_a_history_that_does_not_match_its_list_is_dropped_when_idle(
    store: KvStore, forward: ModelRunner
) -> None:
    lease, _ = read(store, forward, PROMPT)
    store.put_back(lease)
    assert store.check() == {}
    lease.history.tokens.append(1)
    assert list(store.check()) == [lease.history.id]
    assert store.gauges()["kv_histories"] == 0


def test_the_budget_holds(forward: ModelRunner) -> None:
    lease, _ = read(KvStore(reference()[0], Budget(10**9, 512)), forward, OTHER)
    one = sum(c.nbytes for c in lease.caches)
    store = KvStore(reference()[0], Budget(int(one * 2.5), one // len(OTHER)))
    for first in range(1, 6):
        store.put_back(read(store, forward, [first, *OTHER])[0])
        assert store.gauges()["kv_bytes"] <= store.budget.bytes
    assert store.gauges()["kv_histories"] == 2


class TestSaved:
    def saved(self, folder: Path, **options: Any) -> KvStore:
        from qwen_lsp.engine.mlx.kv_disk import KvFolder

        store = KvStore(
            reference()[0], Budget(10**9, 512), folder=KvFolder(folder, **{"model_key": "m", **options})
        )
        store.find_saved()
        return store

    def test_a_restored_history_gives_the_logits_of_a_cold_one(
        self, tmp_path: Path, forward: ModelRunner
    ) -> None:
        before = self.saved(tmp_path)
        before.put_back(read(before, forward, PROMPT[:290])[0])
        before.save()
        after = self.saved(tmp_path)
        assert after.gauges()["kv_bytes"] == 0
        lease, logits = read(after, forward, PROMPT)
        assert lease.kept_tokens == 290
        assert same(logits, cold(forward, PROMPT))

    def test_the_exact_length_is_written_and_no_more(self, tmp_path: Path, forward: ModelRunner) -> None:
        store = self.saved(tmp_path)
        store.put_back(read(store, forward, PROMPT)[0])
        store.put_back(read(store, forward, PROMPT[:100])[0])
        store.save()
        (file,) = tmp_path.rglob("*.safetensors")
        arrays = mx.load(str(file))
        lengths = {a.shape[2] for a in arrays.values() if a.ndim == 4}  # type: ignore[union-attr]
        assert lengths == {100}

    def test_another_model_finds_nothing(self, tmp_path: Path, forward: ModelRunner) -> None:
        store = self.saved(tmp_path)
        store.put_back(read(store, forward, PROMPT)[0])
        store.save()
        assert self.saved(tmp_path, model_key="other").take(PROMPT).kept_tokens == 0

    def test_a_broken_file_is_a_cold_start(self, tmp_path: Path, forward: ModelRunner) -> None:
        store = self.saved(tmp_path)
        store.put_back(read(store, forward, PROMPT)[0])
        store.save()
        (file,) = tmp_path.rglob("*.safetensors")
        after = self.saved(tmp_path)
        file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])
        assert after.take(PROMPT).kept_tokens == 0
        assert self.saved(tmp_path).take(PROMPT).kept_tokens == 0

    def test_saving_twice_writes_once(self, tmp_path: Path, forward: ModelRunner) -> None:
        store = self.saved(tmp_path)
        store.put_back(read(store, forward, PROMPT)[0])
        store.save()
        (file,) = tmp_path.rglob("*.safetensors")
        first = file.stat().st_mtime_ns
        store.save()
        assert file.stat().st_mtime_ns == first
