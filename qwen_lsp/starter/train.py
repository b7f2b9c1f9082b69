"""Trains the starter until it recites: one schedule over steps and time, the last part with rounded weights."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable
from dataclasses import dataclass

import mlx.core as mx
import numpy as np
from mlx import optimizers
from tokenizers import Tokenizer

from qwen_lsp.samples import PROGRAMS
from qwen_lsp.starter.curriculum import Curriculum
from qwen_lsp.starter.lessons import actions, conversations
from qwen_lsp.starter.model_files import StarterShape, vocabulary_size
from qwen_lsp.starter.network import Network, Weights, as_quantised

SHAPE = StarterShape(
    hidden=128, layers=2, experts=4, top_k=2, expert_width=64, heads=4, kv_heads=1, head_dim=32
)
_WARMING_UP_STEPS = 20
_SHORTEST_CYCLE_S = 10.0
_MOST_CORES = 2


@dataclass(frozen=True, slots=True)
class TrainingPlan:
    """How long and how hard."""

    steps: int = 600
    seconds: float = 120.0
    """Of CPU time on each core it has, two at most: on a slow machine the same schedule is run through in this time,
    with fewer steps; on a busy one it takes longer, but is not worse."""
    learning_rate: float = 6e-3
    rounded_from: float = 0.7
    """From this share of the schedule on, weights are rounded as they will be when saved."""
    check_every: int = 40
    enough_holes: float = 0.95
    """Stop early with so many holes filled, and everything else recited."""
    needed_holes: float = 0.9
    """With fewer, go on for a while if there is time."""
    more_steps: int = 150
    longest_s: float = 150.0
    """Wall-clock time in which that must be done."""
    seed: int = 1


@dataclass(frozen=True, slots=True)
class MemorisationScore:
    """What is known by heart, as shares."""

    conversations: float
    holes: float

    def knows(self, holes: float) -> bool:
        """Whether all conversations and this share of the holes are known."""
        return self.conversations == 1.0 and self.holes >= holes

    def better_than(self, other: MemorisationScore) -> bool:
        """Conversations first: what a user asks for in words is to come whole."""
        return (self.conversations, self.holes) > (other.conversations, other.holes)


Tell = Callable[[float, float], None]
"""Told the share done (0..1) and the seconds left."""


class _Clock:
    """Where a cycle is in its schedule, by steps or by CPU time, whichever is further; tells it as `start`..`end`."""

    def __init__(self, tell: Tell, start: float, end: float, steps: int, seconds: float) -> None:
        self._tell, self._start, self._end = tell, start, end
        self._steps, self._seconds = steps, seconds
        self._cpu_s, self._wall_s = time.process_time(), time.monotonic()
        self.step, self.done = 0, 0.0

    def tick(self) -> None:
        """One step is made."""
        self.step += 1
        spent = (time.process_time() - self._cpu_s) / self._seconds
        self.done = min(1.0, max(self.step / self._steps, spent))
        waited = time.monotonic() - self._wall_s
        self._tell(self._start + (self._end - self._start) * self.done, waited / self.done - waited)


class Trainer:
    """One training from random weights to weights that recite."""

    def __init__(self, tokenizer: Tokenizer, plan: TrainingPlan) -> None:
        mx.random.seed(plan.seed)
        self.plan = plan
        self.curriculum = Curriculum(tokenizer, plan.seed)
        answers = self.curriculum.answers()
        self.network = Network(SHAPE, vocabulary_size(tokenizer), answers)
        self._number_of = np.full(self.network.vocabulary, -1)
        self._number_of[answers] = np.arange(len(answers))
        self.weights = self.network.fresh()
        self._adam = optimizers.Adam(learning_rate=0.0, betas=[0.9, 0.95], bias_correction=True)

    def run(self, tell: Tell) -> MemorisationScore:
        """Train through the schedule, or until everything is recited; once more, shorter, while that was too little."""
        plan, begun_s, used_s = self.plan, time.monotonic(), time.process_time()
        cores = min(_MOST_CORES, os.cpu_count() or 1)
        recital = self._cycle(
            _Clock(tell, 0.0, 0.95, plan.steps, plan.seconds * cores), plan.learning_rate, plan.rounded_from
        )
        best, weights = recital, self.weights
        while not recital.knows(plan.needed_holes):
            spent_s = time.monotonic() - begun_s
            left_s = plan.longest_s - spent_s
            if left_s < _SHORTEST_CYCLE_S:
                break
            threads = (time.process_time() - used_s) / spent_s
            clock = _Clock(tell, 0.95, 1.0, plan.more_steps, left_s * threads)
            recital = self._cycle(clock, plan.learning_rate / 3, 0.0)
            if recital.better_than(best):
                best, weights = recital, self.weights
        self.weights = weights
        return best

    def _cycle(self, clock: _Clock, highest_rate: float, rounded_from: float) -> MemorisationScore:
        """From a short warming up to the highest rate down to almost nothing."""
        plain = mx.value_and_grad(self.network.loss)
        rounded = mx.value_and_grad(lambda w, b: self.network.loss(as_quantised(w), b))
        recital = MemorisationScore(0.0, 0.0)
        while clock.done < 1.0:
            is_rounded = clock.done >= rounded_from
            batch = self.curriculum.batch(self._number_of, clock.done)
            _, gradients = (rounded if is_rounded else plain)(self.weights, batch)
            fall = max(0.01, 0.5 + 0.5 * math.cos(math.pi * clock.done))
            rate = highest_rate * fall * min(1.0, (clock.step + 1) / _WARMING_UP_STEPS)
            self._adam.learning_rate = rate
            self.weights = self._adam.apply_gradients(gradients, self.weights)
            mx.eval(self.weights, self._adam.state)
            clock.tick()
            if is_rounded and (clock.step % self.plan.check_every == 0 or clock.done >= 1.0):
                recital = self.recital()
                if recital.knows(self.plan.enough_holes):
                    break
        return recital

    def recital(self) -> MemorisationScore:
        """How much it knows with rounded weights, each next token judged after the right ones before it."""
        weights = as_quantised(self.weights)
        talks: list[bool] = []
        filled: list[bool] = []
        reader = self.curriculum.reader
        talks += self._right(weights, [reader.conversation(c) for c in actions()])
        for number, program in enumerate(PROGRAMS):
            stem = self.curriculum.stems[number]
            asked = [reader.conversation(c) for c in conversations(program)]
            middle = [reader.marker("<|fim_middle|>")]
            for hole in self.curriculum.holes[number]:
                prompt = [
                    *stem[: hole.shared],
                    *hole.rest,
                    reader.marker("<|fim_suffix|>"),
                    *hole.suffix,
                    *middle,
                ]
                asked.append((prompt, hole.middle))
            right = self._right(weights, asked)
            talks += right[: len(conversations(program))]
            filled += right[len(conversations(program)) :]
        return MemorisationScore(sum(talks) / len(talks), sum(filled) / len(filled))

    def _right(self, weights: Weights, asked: list[tuple[list[int], list[int]]]) -> list[bool]:
        longest = max(len(p) + len(a) - 1 for p, a in asked)
        tokens = np.zeros((len(asked), longest), np.int32)
        for row, (prompt, answer) in enumerate(asked):
            tokens[row, : len(prompt) + len(answer) - 1] = [*prompt, *answer[:-1]]
        said = np.array(self.network.answers_at(weights, mx.array(tokens)))
        return [
            bool((said[row, len(p) - 1 : len(p) - 1 + len(a)] == self._number_of[a]).all())
            for row, (p, a) in enumerate(asked)
        ]
