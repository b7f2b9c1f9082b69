"""One request as a generator of small steps: take a history, read the prompt, decode, put it back."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator
from dataclasses import dataclass, replace

import mlx.core as mx

from qwen_lsp.engine.healing import Vocabulary
from qwen_lsp.engine.mlx.answer import Answer, Ends
from qwen_lsp.engine.mlx.choose import Chooser, HealingMask, Pick
from qwen_lsp.engine.mlx.forward import Forward, Pace
from qwen_lsp.engine.mlx.memory import refuse_kv
from qwen_lsp.engine.mlx.store import KvStore, Lease
from qwen_lsp.engine.mlx.tokens import PromptReader, ReadPrompt
from qwen_lsp.engine.request import Chunk, Progress, Request, Usage
from qwen_lsp.engine.scheduler import Steps, Together
from qwen_lsp.errors import PromptTooLong

_PROGRESS_FROM_TOKENS = 256
"""Shorter prompts are read before anyone could look."""


@dataclass(slots=True)
class Machine:
    """What the worker thread owns and every generation uses."""

    reader: PromptReader
    forward: Forward
    store: KvStore
    pace: Pace
    vocabulary: Vocabulary
    healing: HealingMask
    context_tokens: int


class Generation:
    """A request on its way through the machine. Made anywhere; stepped in the worker thread only."""

    def __init__(
        self, machine: Machine, request: Request, emit: Callable[[Chunk], None], *, warm: bool = False
    ) -> None:
        self._machine = machine
        self._request = request
        self._send = emit
        self._warm = warm
        self._asked_at = time.perf_counter()
        self._answers: list[Answer] = []
        self._unfinished = 0 if warm else max(1, request.n)
        self._usage = Usage()

    def usage(self) -> Usage:
        """What it has cost until now."""
        return replace(
            self._usage,
            generated_tokens=sum(a.generated for a in self._answers),
            total_ms=self._ms(),
        )

    def steps(self) -> Steps:
        """All of it, a small step at a time."""
        self._usage = replace(self._usage, queue_ms=self._ms())
        prompt = self._machine.reader.read(self._request.prompt, heal=self._request.heal)
        self._refuse_too_long(prompt)
        lease = self._take(prompt)
        leases = [lease]
        try:
            logits = yield from self._read(lease, prompt)
            if not self._warm:
                yield from self._answer(leases, prompt, logits)
        except GeneratorExit:
            raise
        except BaseException:
            # The step may have broken off between the arrays and our list of what they hold.
            for each in leases:
                each.broken = True
            raise
        finally:
            for each in leases:
                self._machine.store.put_back(each)

    # -- before and while reading the prompt ------------------------------------------------------------

    def _refuse_too_long(self, prompt: ReadPrompt) -> None:
        room = self._machine.context_tokens - len(prompt.tokens)
        if room < 1:
            raise PromptTooLong(
                f"The prompt has {len(prompt.tokens)} tokens and the window holds "
                f"{self._machine.context_tokens}, answer included. Send less text, or raise "
                "engine.context_tokens if the model allows more."
            )
        if not prompt.tokens:
            raise PromptTooLong("The prompt is empty; there is nothing to go on from.")

    def _take(self, prompt: ReadPrompt) -> Lease:
        answer_tokens = min(self._request.max_tokens, self._machine.context_tokens - len(prompt.tokens))
        budget = self._machine.store.budget
        lease = self._machine.store.take(
            prompt.tokens, answer_tokens=answer_tokens, leave=0 if self._warm else 1
        )
        growth = len(prompt.tokens) - lease.kept_tokens + answer_tokens
        try:
            refuse_kv(budget.of(growth), growth)
        except BaseException:
            self._machine.store.put_back(lease)
            raise
        self._usage = replace(self._usage, prompt_tokens=len(prompt.tokens), cached_tokens=lease.kept_tokens)
        return lease

    def _read(
        self, lease: Lease, prompt: ReadPrompt
    ) -> Generator[Together | None, bool | None, mx.array | None]:
        """Read what is not there yet; the logits after the last token (None when only warming)."""
        machine, total = self._machine, len(prompt.tokens)
        stop_at = min(prompt.stable, total - 1) if not machine.store.can_trim else 0
        while lease.length < total:
            start = lease.length
            end = min(total, start + machine.pace.chunk_tokens)
            if start < stop_at < end:
                end = stop_at
            if end == total and not self._warm:
                break
            before = time.perf_counter()
            machine.forward.read(prompt.tokens[start:end], lease.caches)
            lease.grew(prompt.tokens[start:end])
            machine.pace.took(end - start, (time.perf_counter() - before) * 1000)
            self._count(prefilled=end - start, forwards=1)
            if end == stop_at:
                machine.store.snapshot(lease)
            self._report(lease.length, total)
            yield
        if self._warm:
            return None
        tail = prompt.tokens[lease.length :]
        logits = machine.forward.last(mx.array(tail), lease.caches)
        lease.grew(tail)
        self._count(prefilled=len(tail), forwards=1)
        return logits

    def _report(self, done: int, total: int) -> None:
        if total >= _PROGRESS_FROM_TOKENS:
            self._send(Chunk(progress=Progress(done, total)))

    # -- decoding -----------------------------------------------------------------------------------------

    def _answer(self, leases: list[Lease], prompt: ReadPrompt, logits: mx.array | None) -> Steps:
        assert logits is not None
        request = self._request
        room = self._machine.context_tokens - len(prompt.tokens)
        ends = Ends(prompt.stops, request.stop, min(request.max_tokens, room))
        runs: list[Steps] = []
        for index in range(max(1, request.n)):
            answer = Answer(index, ends, self._machine.reader.bytes_of, self._emit, heal=prompt.heal)
            self._answers.append(answer)
            if ends.max_tokens <= 0:
                answer.nothing()
                continue
            if index:
                leases.append(self._machine.store.fork(leases[0]))
            chooser = Chooser(request.sampling, alternatives=request.logprobs, index=index)
            if chooser.wants_tail:
                chooser.remember(mx.array(prompt.tokens[-64:]))
            runs.append(self._decode(leases[index], logits, answer, chooser, prompt.heal))
        # Forks copy the prompt's KV, so all are made before the first answer goes on.
        while runs:
            for run in list(runs):
                try:
                    next(run)
                except StopIteration:
                    runs.remove(run)
            if runs:
                yield

    def _decode(
        self, lease: Lease, logits: mx.array, answer: Answer, chooser: Chooser, remaining: bytes
    ) -> Steps:
        """Token by token; the next forward is under way while the present token is handed out."""
        pick = self._choose(chooser, logits, remaining)
        while True:
            ahead: Pick | None = None
            if not remaining and answer.left_tokens > 1:
                ahead = self._next(lease, pick, chooser)
            token = int(pick.token.item())
            if ahead is not None:
                lease.grew((token,))
            if remaining:
                remaining = self._machine.vocabulary.spelled(remaining, token)
            if self._usage.first_token_ms is None:
                self._usage = replace(self._usage, first_token_ms=self._ms())
            if answer.take(token, pick):
                return
            if ahead is None:
                ahead = self._next(lease, pick, chooser, remaining)
                lease.grew((token,))
            pick = ahead
            yield

    def _next(self, lease: Lease, pick: Pick, chooser: Chooser, remaining: bytes = b"") -> Pick:
        """Feed a chosen token (its value need not be known yet) and choose the one after it."""
        chooser.remember(pick.token)
        logits = self._machine.forward.last(pick.token, lease.caches)
        self._count(forwards=1)
        return self._choose(chooser, logits, remaining)

    def _choose(self, chooser: Chooser, logits: mx.array, remaining: bytes) -> Pick:
        mask = self._machine.healing.of(remaining, logits) if remaining else None
        pick = chooser.choose(logits, mask)
        mx.async_eval(pick.arrays())
        return pick

    def _emit(self, chunk: Chunk) -> None:
        if chunk.finish is not None:
            self._unfinished -= 1
            if not self._unfinished:
                chunk = replace(chunk, usage=self.usage())
        self._send(chunk)

    def _count(self, *, prefilled: int = 0, forwards: int = 0) -> None:
        self._usage = replace(
            self._usage,
            prefilled_tokens=self._usage.prefilled_tokens + prefilled,
            forwards=self._usage.forwards + forwards,
        )

    def _ms(self) -> float:
        return (time.perf_counter() - self._asked_at) * 1000
