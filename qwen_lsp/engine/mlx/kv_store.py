"""The KV caches: carries out the plans of engine/prefix. Worker thread only."""

from __future__ import annotations

import copy
import itertools
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import mlx.core as mx
from mlx_lm.models.cache import KVCache, can_trim_prompt_cache, make_prompt_cache, trim_prompt_cache

from qwen_lsp.engine.mlx.kv_disk import KvFolder
from qwen_lsp.engine.prefix_cache.history import TokenHistory, token_array
from qwen_lsp.engine.prefix_cache.integrity import broken
from qwen_lsp.engine.prefix_cache.plan import Budget, plan, shrink

log = logging.getLogger(__name__)


@dataclass(slots=True, eq=False)
class Lease:
    """A history a request works in, exclusively, until it is put back."""

    history: TokenHistory
    caches: list[Any]
    kept_tokens: int
    broken: bool = False
    needless: bool = False
    """Another history holds all of this."""

    @property
    def length(self) -> int:
        """Tokens whose KV is there."""
        return len(self.history.tokens)

    def grew(self, tokens: Sequence[int]) -> None:
        """The model has read these."""
        self.history.tokens.extend(tokens)

    def trim(self, count: int) -> None:
        """Forget the last `count` tokens."""
        if count:
            trim_prompt_cache(self.caches, count)
            del self.history.tokens[len(self.history.tokens) - count :]


class KvStore:
    """Several histories under a byte budget."""

    def __init__(self, model: Any, budget: Budget, *, folder: KvFolder | None = None) -> None:
        self._model = model
        self.budget = budget
        self._folder = folder
        self._files: dict[int, Path] = {}
        self._histories: dict[int, TokenHistory] = {}
        self._caches: dict[int, list[Any]] = {}
        self._ids = itertools.count(1)
        self._clock = itertools.count(1)
        self.dropped = 0
        self.can_trim = can_trim_prompt_cache(make_prompt_cache(model))

    def take(self, prompt: Sequence[int], *, answer_tokens: int = 0, leave: int = 1) -> Lease:
        """The history to read `prompt` in, already trimmed to what they share."""
        held = self._histories.values()
        deed = plan(prompt, held, self.budget, answer_tokens=answer_tokens, leave=leave)
        while deed.source in self._files and not self._restore(deed.source):
            deed = plan(prompt, held, self.budget, answer_tokens=answer_tokens, leave=leave)
        for number in deed.evict:
            self._forget(number)
        if deed.source is None:
            history, caches = self._new(make_prompt_cache(self._model))
        elif deed.how == "in place":
            history, caches = self._histories[deed.source], self._caches[deed.source]
        else:
            history, caches = self._branch(deed.source, deed.keep_tokens)
        history.in_use, history.used_at = True, next(self._clock)
        lease = Lease(history, caches, deed.keep_tokens)
        lease.trim(lease.length - deed.keep_tokens)
        return lease

    def covers(self, prompt: Sequence[int], *, besides: Lease) -> bool:
        """Whether another history holds the KV of the whole prompt."""
        others = (h for h in self._histories.values() if h is not besides.history and not h.saved)
        return any(h.covers(prompt, leave=0) == len(prompt) for h in others)

    def fork(self, lease: Lease) -> Lease:
        """A second, independent history with the same tokens."""
        history, caches = self._branch(lease.history.id, lease.length)
        history.in_use, history.used_at = True, next(self._clock)
        return Lease(history, caches, lease.length)

    def snapshot(self, lease: Lease) -> None:
        """Keep a copy of this point, for models that cannot go back to it."""
        history, _ = self._branch(lease.history.id, lease.length)
        history.used_at = next(self._clock)
        self._measure(history)

    def put_back(self, lease: Lease) -> None:
        """The request is over; what it read stays for the next one, unless a step broke off inside."""
        history = lease.history
        history.in_use = False
        self._caches[history.id] = lease.caches
        useless = lease.broken or lease.needless or not history.tokens
        if useless or _length(lease.caches, lease.length) != lease.length:
            self._forget(history.id)
            return
        history.used_at = next(self._clock)
        history.trimmable = can_trim_prompt_cache(lease.caches)
        self._measure(history)
        for number in shrink(self._histories.values(), self.budget):
            self._forget(number)

    def relieve(self, bytes_wanted: int) -> None:
        """Give memory back: least recently used idle histories, until so many bytes are free again."""
        held = sum(h.bytes for h in self._histories.values())
        for number in shrink(self._histories.values(), Budget(max(0, held - bytes_wanted), 1)):
            self._forget(number)
        mx.clear_cache()

    def check(self, *, live: int = 0) -> dict[int, str]:
        """Drop what is not as it must be, and say what that was. For idle times."""
        lengths = {n: _length(c, len(self._histories[n].tokens)) for n, c in self._caches.items()}
        found = broken(self._histories.values(), lengths, live=live)
        for number, why in found.items():
            log.error("Dropped the kept prefix %d: %s", number, why)
            self._forget(number)
            self.dropped += 1
        return found

    def find_saved(self) -> None:
        """Know what an earlier run left on disk; it is loaded when a prompt needs it."""
        for file, tokens in self._folder.saved() if self._folder is not None else []:
            history = TokenHistory(next(self._ids), tokens, saved=True, trimmable=True)
            self._histories[history.id], self._files[history.id] = history, file

    def save(self) -> None:
        """Write every idle history to disk, if they are to be kept there."""
        if self._folder is None:
            return
        for number, caches in self._caches.items():
            history = self._histories[number]
            if not history.in_use:
                self._folder.save(history.tokens, caches)

    def clear(self) -> None:
        """Let go of everything."""
        self._histories.clear()
        self._files.clear()
        self._caches.clear()

    def gauges(self) -> dict[str, float]:
        """How much is held."""
        held = self._histories.values()
        return {
            "kv_bytes": float(sum(h.bytes for h in held)),
            "kv_tokens": float(sum(len(h.tokens) for h in held)),
            "kv_histories": float(len(self._histories)),
            "kv_budget_bytes": float(self.budget.bytes),
        }

    def _new(self, caches: list[Any]) -> tuple[TokenHistory, list[Any]]:
        history = TokenHistory(next(self._ids), trimmable=self.can_trim)
        self._histories[history.id], self._caches[history.id] = history, caches
        return history, caches

    def _branch(self, source: int, keep_tokens: int) -> tuple[TokenHistory, list[Any]]:
        tokens = self._histories[source].tokens
        history, caches = self._new(_copy(self._caches[source], keep_tokens, len(tokens)))
        history.tokens = token_array(tokens[:keep_tokens])
        return history, caches

    def _restore(self, number: int) -> bool:
        assert self._folder is not None
        history, file = self._histories[number], self._files.pop(number)
        caches = self._folder.load(file, len(history.tokens))
        if caches is None:
            self._forget(number)
            return False
        self._caches[number], history.saved = caches, False
        self._measure(history)
        return True

    def _forget(self, number: int) -> None:
        self._histories.pop(number, None)
        self._files.pop(number, None)
        self._caches.pop(number, None)

    def _measure(self, history: TokenHistory) -> None:
        history.bytes = sum(c.nbytes for c in self._caches[history.id])


def _copy(caches: list[Any], keep_tokens: int, length: int) -> list[Any]:
    """Caches of their own with the first `keep_tokens` of `length`; copies no more than those."""
    if not all(type(c) is KVCache for c in caches):
        twins = copy.deepcopy(caches)
        trim_prompt_cache(twins, length - keep_tokens)
        return twins
    copies: list[Any] = []
    for cache in caches:
        twin = KVCache()
        if cache.keys is not None and keep_tokens:
            twin.keys = mx.contiguous(cache.keys[..., :keep_tokens, :])
            twin.values = mx.contiguous(cache.values[..., :keep_tokens, :])
            twin.offset = keep_tokens
        copies.append(twin)
    # Before the source goes on: a lazy copy would make its next in-place write copy all of it.
    mx.eval([c.state for c in copies])
    return copies


def _length(caches: list[Any], otherwise: int) -> int:
    """Tokens in the caches; `otherwise` for kinds that do not count (linear attention)."""
    offsets = {int(c.offset) for c in caches if isinstance(getattr(c, "offset", None), int)}
    if not offsets:
        return otherwise
    return offsets.pop() if len(offsets) == 1 else -1
