"""Trains the starter until it recites: one schedule over steps and time, the last part with rounded weights."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass

import mlx.core as mx
import numpy as np
from tokenizers import Tokenizer

from qwen_lsp.engine.starter.batches import Curriculum
from qwen_lsp.engine.starter.layout import Shape, vocabulary_size
from qwen_lsp.engine.starter.lessons import actions, conversations
from qwen_lsp.engine.starter.network import Network, Weights, as_quantised
from qwen_lsp.engine.starter.programs import PROGRAMS

SHAPE = Shape(hidden=128, layers=2, experts=4, top_k=2, expert_width=64, heads=4, kv_heads=1, head_dim=32)


@dataclass(frozen=True, slots=True)
class Plan:
    """How long and how hard."""

    steps: int = 600
    seconds: float = 140.0
    """Of CPU time: on a slow machine the same schedule is run through in this time, with fewer steps; on a busy one
    it takes longer, but is not worse."""
    learning_rate: float = 6e-3
    rounded_from: float = 0.7
    """From this share of the schedule on, weights are rounded as they will be when saved."""
    check_every: int = 40
    enough_holes: float = 0.98
    seed: int = 1


@dataclass(frozen=True, slots=True)
class Recital:
    """What is known by heart, as shares."""

    conversations: float
    holes: float


Tell = Callable[[float, float], None]
"""Told the share done (0..1) and the seconds left."""


class Stopped(Exception):
    """The caller asked to stop."""


class Trainer:
    """One training from random weights to weights that recite."""

    def __init__(self, tokenizer: Tokenizer, plan: Plan) -> None:
        mx.random.seed(plan.seed)
        self.plan = plan
        self.curriculum = Curriculum(tokenizer, plan.seed)
        answers = self.curriculum.answers()
        self.network = Network(SHAPE, vocabulary_size(tokenizer), answers)
        self._number_of = np.full(self.network.vocabulary, -1)
        self._number_of[answers] = np.arange(len(answers))
        self.weights = self.network.fresh()
        self._adam = _Adam()

    def run(self, tell: Tell, stop: Callable[[], bool]) -> Recital:
        """Train through the schedule, or until everything is recited. Raises Stopped."""
        started, began = time.process_time(), time.monotonic()
        plain = mx.value_and_grad(self.network.loss)
        rounded = mx.value_and_grad(lambda w, b: self.network.loss(as_quantised(w), b))
        recital = Recital(0.0, 0.0)
        step, done = 0, 0.0
        while done < 1.0:
            if stop():
                raise Stopped
            batch = self.curriculum.batch(self._number_of, done)
            is_rounded = done >= self.plan.rounded_from
            _, gradients = (rounded if is_rounded else plain)(self.weights, batch)
            rate = (
                self.plan.learning_rate
                * min(1.0, (step + 1) / 20)
                * max(0.01, 0.5 + 0.5 * math.cos(math.pi * done))
            )
            self.weights = self._adam.step(self.weights, gradients, rate)
            step += 1
            spent = time.process_time() - started
            done = max(step / self.plan.steps, spent / self.plan.seconds)
            waited = time.monotonic() - began
            tell(min(1.0, done), max(0.0, waited / done - waited))
            if is_rounded and (step % self.plan.check_every == 0 or done >= 1.0):
                recital = self.recital()
                if recital.conversations == 1.0 and recital.holes >= self.plan.enough_holes:
                    break
        return recital

    def recital(self) -> Recital:
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
        return Recital(sum(talks) / len(talks), sum(filled) / len(filled))

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


class _Adam:
    """Adam with bias correction and a short memory of squares."""

    _DECAY, _DECAY_SQUARE = 0.9, 0.95

    def __init__(self) -> None:
        self._mean: Weights = {}
        self._square: Weights = {}
        self._steps = 0

    def step(self, weights: Weights, gradients: Weights, rate: float) -> Weights:
        self._steps += 1
        mean_share = 1 - self._DECAY**self._steps
        square_share = 1 - self._DECAY_SQUARE**self._steps
        moved: Weights = {}
        for name, weight in weights.items():
            gradient = gradients[name]
            mean = self._DECAY * self._mean.get(name, mx.zeros_like(weight)) + (1 - self._DECAY) * gradient
            square = self._DECAY_SQUARE * self._square.get(name, mx.zeros_like(weight))
            square = square + (1 - self._DECAY_SQUARE) * gradient * gradient
            self._mean[name], self._square[name] = mean, square
            moved[name] = weight - rate * (mean / mean_share) / (mx.sqrt(square / square_share) + 1e-8)
        mx.eval(moved, self._mean, self._square)
        return moved
