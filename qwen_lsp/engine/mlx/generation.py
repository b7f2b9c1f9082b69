"""One request as a generator of small steps: take a history, read the prompt, decode, put it back."""

from __future__ import annotations

import time
from dataclasses import replace

import mlx.core as mx

from qwen_lsp.engine.mlx.batch import Batch
from qwen_lsp.engine.mlx.decode import Decoding, choose_after
from qwen_lsp.engine.mlx.delivery import Deliver
from qwen_lsp.engine.mlx.engine_state import EngineState
from qwen_lsp.engine.mlx.kv_store import Lease
from qwen_lsp.engine.mlx.memory_guard import refuse_kv
from qwen_lsp.engine.mlx.output import Ends, OutputText
from qwen_lsp.engine.mlx.sampling import TokenSampler
from qwen_lsp.engine.mlx.tokenizer import ReadPrompt
from qwen_lsp.engine.mlx.usage_meter import UsageMeter
from qwen_lsp.engine.prompt_lookup import Lookup
from qwen_lsp.engine.request import Chunk, Lane, PrefillProgress, Request, Usage
from qwen_lsp.engine.scheduler import Steps
from qwen_lsp.errors import NotEnoughMemory, PromptTooLong

_PROGRESS_FROM_TOKENS = 256
"""Shorter prompts are read before anyone could look."""


class MlxGeneration:
    """A request on its way through the machine. Made anywhere; stepped in the worker thread only."""

    def __init__(
        self, machine: EngineState, request: Request, deliver: Deliver, *, warm: bool = False
    ) -> None:
        self._machine = machine
        self._request = request
        self._reader = deliver
        self._warm = warm
        self._meter = UsageMeter()
        self._answers: list[OutputText] = []
        self._count = max(1, request.n)
        self._unfinished = self._count
        self._started = False

    def usage(self) -> Usage:
        """What it has cost until now."""
        return self._meter.usage(sum(a.generated for a in self._answers))

    def steps(self) -> Steps:
        """All of it, a small step at a time."""
        self._meter.queue_ms = self._meter.ms()
        prompt = self._machine.reader.read(self._request.prompt, heal=self._request.heal)
        self._refuse_unreadable(prompt)
        leases = [self._take(prompt)]
        try:
            yield from self._read(leases[0], prompt)
            if not self._warm:
                yield from self._answer(leases, prompt)
        except GeneratorExit:
            raise
        except BaseException:
            # The step may have broken off between the arrays and our list of what they hold.
            for lease in leases:
                lease.broken = True
            raise
        finally:
            for lease in leases:
                self._machine.store.put_back(lease)

    # -- the prompt ---------------------------------------------------------------------------------------

    def _refuse_unreadable(self, prompt: ReadPrompt) -> None:
        if not prompt.tokens:
            raise PromptTooLong("The prompt is empty; there is nothing to go on from.")
        if len(prompt.tokens) >= self._machine.context_tokens:
            raise PromptTooLong(
                f"The prompt has {len(prompt.tokens)} tokens and the window holds "
                f"{self._machine.context_tokens}, answer included. Send less text, or raise "
                "engine.context_tokens if the model allows more."
            )

    def _take(self, prompt: ReadPrompt) -> Lease:
        store = self._machine.store
        answer_tokens = 0 if self._warm else self._room(prompt)
        lease = store.take(prompt.tokens, answer_tokens=answer_tokens, leave=0 if self._warm else 1)
        growth = len(prompt.tokens) - lease.kept_tokens + answer_tokens
        try:
            self._refuse_too_big(store.budget.of(growth), growth)
        except BaseException:
            store.put_back(lease)
            raise
        self._meter.prompt_tokens, self._meter.cached_tokens = len(prompt.tokens), lease.kept_tokens
        return lease

    def _refuse_too_big(self, growth_bytes: int, growth_tokens: int) -> None:
        try:
            refuse_kv(growth_bytes, growth_tokens)
        except NotEnoughMemory:
            # What nobody is using may go first.
            self._machine.store.relieve(growth_bytes)
            refuse_kv(growth_bytes, growth_tokens)

    def _room(self, prompt: ReadPrompt) -> int:
        return max(0, min(self._request.max_tokens, self._machine.context_tokens - len(prompt.tokens)))

    def _read(self, lease: Lease, prompt: ReadPrompt) -> Steps:
        """Read the prompt in chunks, all but the last one, whose logits give the first token."""
        machine, total = self._machine, len(prompt.tokens)
        boundary = min(prompt.stable, total - 1) if not machine.store.can_trim else 0
        while lease.length < total:
            start = lease.length
            end = min(total, start + machine.pace.chunk_tokens)
            if start < boundary < end:
                end = boundary
            if end == total and not self._warm:
                return
            if self._warm and machine.store.covers(prompt.tokens, besides=lease):
                # Somebody could not wait and has read it meanwhile.
                lease.needless = True
                return
            machine.outbox.flush()
            before = time.perf_counter()
            machine.forward.read(prompt.tokens[start:end], lease.caches)
            lease.grew(prompt.tokens[start:end])
            machine.pace.took(end - start, (time.perf_counter() - before) * 1000)
            self._meter.read(end - start)
            if end == boundary:
                machine.store.snapshot(lease)
            if total >= _PROGRESS_FROM_TOKENS:
                machine.outbox.put(self._reader, Chunk(progress=PrefillProgress(end, total)), now=True)
            yield None

    # -- the answers --------------------------------------------------------------------------------------

    def _answer(self, leases: list[Lease], prompt: ReadPrompt) -> Steps:
        ends = Ends(prompt.stops, self._request.stop, self._room(prompt))
        machine = self._machine
        bytes_of = machine.reader.bytes_of
        self._answers = [
            OutputText(i, ends, bytes_of, self._emit, heal=prompt.heal) for i in range(self._count)
        ]
        if ends.max_tokens == 0:
            for answer in self._answers:
                answer.nothing()
            return
        if prompt.opening:
            for answer in self._answers:
                machine.outbox.put(self._reader, Chunk(prompt.opening, index=answer.index), now=False)
        runs = self._start(leases, prompt)
        if len(runs) == 1:
            yield from runs[0]
            return
        while runs:
            for run in list(runs):
                try:
                    next(run)
                except StopIteration:
                    runs.remove(run)
            if runs:
                yield None

    def _start(self, leases: list[Lease], prompt: ReadPrompt) -> list[Steps]:
        """Read the last chunk once, and choose each answer's first token from what it gave."""
        machine, request, lease = self._machine, self._request, leases[0]
        tail = prompt.tokens[lease.length :]
        self._meter.read(len(tail))
        # Forks share all but the last token, which each reads for itself: its odds are needed by each.
        for _ in range(1, self._count):
            leases.append(machine.store.fork(lease))
        runs: list[Steps] = []
        for answer, own in zip(self._answers, leases, strict=True):
            chooser = TokenSampler(request.sampling, alternatives=request.logprobs, index=answer.index)
            chooser.remember(mx.array(prompt.tokens[-64:]))
            first = choose_after(machine, mx.array(tail), own, chooser, prompt.heal, request.experts)
            own.grew(tail)
            decoding = Decoding(
                machine, own, answer, chooser, self._meter, prompt.heal, experts=request.experts
            )
            decoding.lookup = self._lookup(prompt, chooser, own)
            decoding.batch = self._company(own)
            runs.append(decoding.steps(first))
        return runs

    def _lookup(self, prompt: ReadPrompt, chooser: TokenSampler, lease: Lease) -> Lookup | None:
        """Drafts for answers that may copy: rewrites and chats, or whoever brings texts to copy from."""
        request, machine = self._request, self._machine
        wanted = request.lane in (Lane.ACTION, Lane.CHAT) or request.drafts
        exact = chooser.is_plain_greedy and not request.experts and self._count == 1
        if not (wanted and exact and machine.prompt_lookup and lease.history.trimmable):
            return None
        return Lookup([*(machine.reader.plain(text) for text in request.drafts), prompt.tokens])

    def _company(self, lease: Lease) -> Batch | None:
        alone = self._count > 1 or not Batch.can_hold(lease)
        return None if alone else self._machine.batches.get(self._request.lane)

    def _emit(self, chunk: Chunk) -> None:
        if chunk.finish is not None:
            self._unfinished -= 1
            if not self._unfinished:
                chunk = replace(chunk, usage=self.usage())
        if not self._started and chunk.tokens and self._request.lane is Lane.INLINE:
            # A suggestion is often cut short by its reader, who then never sees the ending.
            chunk = replace(chunk, usage=self.usage())
        awaited = chunk.finish is not None or not self._started
        self._started = True
        # A suggestion's reader may have enough at any token; whoever reads a chat does not see single ones.
        patient = self._request.lane is not Lane.INLINE
        self._machine.outbox.put(self._reader, chunk, now=awaited, patient=patient)
