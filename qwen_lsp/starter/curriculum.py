"""Picks what to learn next and lays it out as a Batch: some programs with many of their holes, some conversations."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable
from typing import TypeVar

import mlx.core as mx
import numpy as np
from tokenizers import Tokenizer

from qwen_lsp.samples import PROGRAMS
from qwen_lsp.starter.lessons import (
    ConversationLesson,
    HoleTokens,
    Reader,
    actions,
    conversations,
    holes,
    reworded,
    unfinished,
)
from qwen_lsp.starter.network import TrainingBatch

Item = TypeVar("Item")
_NEVER = -1e9
_TREES = 2
_BRANCH_TOKENS_SHORT, _BRANCH_TOKENS_LONG = 2 * 12 * 48, 2 * 30 * 48
_SHORT = (48,)
_LONG = (48, 96, 170)
_HOLES_A_SHARE = 10
_STEM_WEIGHT = 0.3
"""Learning the programs as plain text, besides: what follows what."""
_FEWEST_HOLES = 5
_ACTION_SHARE = 0.5


class Curriculum:
    """An endless supply of batches; every lesson comes once before any comes twice."""

    def __init__(self, tokenizer: Tokenizer, seed: int) -> None:
        self._rng = random.Random(seed)
        self.reader = Reader(tokenizer)
        self.stems = [self.reader.stem(p) for p in PROGRAMS]
        self.holes = [
            [self.reader.hole(h, stem) for h in [*holes(p), *unfinished(p)]]
            for p, stem in zip(PROGRAMS, self.stems, strict=True)
        ]
        # Long programs have more holes, so they come more often.
        shares = [n for n, found in enumerate(self.holes) for _ in range(round(len(found) / _HOLES_A_SHARE))]
        self._next_program = self._deck(shares)
        self._next_hole = [self._deck(h) for h in self.holes]
        self._next_talk = self._deck([c for p in PROGRAMS for c in conversations(p)])
        self._next_action = self._deck(actions())
        self._next_reworded = self._deck(PROGRAMS)

    def _deck(self, items: Iterable[Item]) -> Callable[[], Item]:
        """Deals the items in a random order, again and again."""
        all_items, left = list(items), list[Item]()

        def deal() -> Item:
            if not left:
                left.extend(all_items)
                self._rng.shuffle(left)
            return left.pop()

        return deal

    def answers(self) -> list[int]:
        """Every token that is ever to be predicted."""
        tokens = {t for stem in self.stems for t in stem}
        tokens |= {t for program in self.holes for hole in program for t in hole.middle}
        talks = [*actions(), *(c for p in PROGRAMS for c in conversations(p))]
        tokens |= {t for talk in talks for t in self.reader.conversation(talk)[1]}
        return sorted(tokens)

    def batch(self, number_of: np.ndarray, done: float) -> TrainingBatch:
        """The next batch; `number_of[token]` is its number among the answers, `done` the share of the time used.

        Suffixes are cut short at first: what decides is near the hole, and short ones are cheap.
        """
        length = self._rng.choice(_SHORT if done < 0.3 else _LONG)
        budget = _BRANCH_TOKENS_SHORT if length in _SHORT else _BRANCH_TOKENS_LONG
        count = max(_FEWEST_HOLES, budget // _TREES // length)
        programs = [self._next_program() for _ in range(_TREES)]
        rows = [(self.stems[p], [_STEM_WEIGHT] * (len(self.stems[p]) - 1)) for p in programs]
        rows.append(self._talk_row(self._next_talk()))
        rows.append(
            self._talk_row(reworded(self._next_reworded(), self._rng), cut=self._rng.choice((24, 60)))
        )
        if self._rng.random() < _ACTION_SHARE:
            rows.append(self._talk_row(self._next_action()))
        chosen = [self._next_hole[p]() for p in programs for _ in range(count)]
        return _lay_out(rows, chosen, count, length, number_of, self.reader)

    def _talk_row(self, talk: ConversationLesson, cut: int | None = None) -> tuple[list[int], list[float]]:
        prompt, answer = self.reader.conversation(talk)
        answer = answer[:cut]
        return prompt + answer, [0.0] * (len(prompt) - 1) + [1.0] * len(answer)


def _lay_out(
    rows: list[tuple[list[int], list[float]]],
    chosen: list[HoleTokens],
    count: int,
    length: int,
    number_of: np.ndarray,
    reader: Reader,
) -> TrainingBatch:
    stem_length = max(len(tokens) for tokens, _ in rows)
    stems = np.zeros((len(rows), stem_length), np.int32)
    stem_rows, targets, weights = [], [], []
    for row, (tokens, teach) in enumerate(rows):
        stems[row, : len(tokens)] = tokens
        for at, weight in enumerate(teach):
            if weight:
                stem_rows.append(row * stem_length + at)
                targets.append(tokens[at + 1])
                weights.append(weight)
    trees = len(chosen) // count
    tree_length = max(len(tokens) for tokens, _ in rows[:trees])
    branches = np.zeros((len(chosen), length), np.int32)
    positions = np.zeros((len(chosen), length), np.int32)
    padding, shared = np.zeros(len(chosen), np.int32), np.array([hole.shared for hole in chosen])
    middles = []
    for row, hole in enumerate(chosen):
        tokens, middle = _branch(hole, length, reader)
        padding[row] = length - len(tokens)
        branches[row, padding[row] :] = tokens
        positions[row, padding[row] :] = np.arange(len(tokens)) + hole.shared
        middles.append(middle)
    tail = max(len(m) for m in middles)
    branch_rows: list[int] = []
    for row, middle in enumerate(middles):
        branch_rows += range((row + 1) * tail - len(middle), (row + 1) * tail)
        targets += middle
        weights += [1.0] * len(middle)
    mask = _mask(shared, padding, tree_length, length).reshape(
        trees, 1, 1, count, length, tree_length + length
    )
    return TrainingBatch(
        stems=mx.array(stems),
        trees=trees,
        holes=count,
        branches=mx.array(branches),
        positions=mx.array(positions),
        trunk=tree_length,
        mask=mx.array(mask),
        tail=tail,
        stem_rows=mx.array(np.array(stem_rows, np.int32)),
        branch_rows=mx.array(np.array(branch_rows, np.int32)),
        targets=mx.array(number_of[targets].astype(np.int32)),
        weights=mx.array(np.array(weights, np.float32) / sum(weights)),
    )


def _mask(shared: np.ndarray, padding: np.ndarray, trunk: int, length: int) -> np.ndarray:
    """[branches, length, trunk + length]: the shared part of the trunk, and of the branch what came before."""
    places = np.arange(length)
    of_trunk = np.broadcast_to(np.arange(trunk) >= shared[:, None, None], (len(shared), length, trunk))
    of_branch = (places > places[None, :, None]) | (places < padding[:, None, None])
    return np.where(np.concatenate([of_trunk, of_branch], axis=-1), np.float32(_NEVER), np.float32(0))


def _branch(hole: HoleTokens, length: int, reader: Reader) -> tuple[list[int], list[int]]:
    """Rest of the prefix, suffix (as much as fits) and middle; and what each of the last tokens should be followed by."""
    room = length - len(hole.rest) - 2 - (len(hole.middle) - 1)
    suffix = hole.suffix[: max(room, 0)]
    head = [*hole.rest, reader.marker("<|fim_suffix|>"), *suffix, reader.marker("<|fim_middle|>")]
    middle = hole.middle[: length - len(head) + 1]
    return head + middle[:-1], middle
