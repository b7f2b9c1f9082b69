"""Hears a saved starter recite: loaded from disk by mlx-lm, 4-bit, greedy."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import mlx.core as mx
import numpy as np
from tokenizers import Tokenizer

from qwen_lsp.samples import PROGRAMS
from qwen_lsp.starter.lessons import Reader, actions, conversations, holes
from qwen_lsp.starter.train import MemorisationScore


def recite(folder: Path, *, hole_step: int = 1) -> MemorisationScore:
    """Shares of the programs' requests answered, and of their holes of one to three lines filled, to the letter.

    Greedy text is right exactly when, after the right tokens so far, the likeliest next one is right each time: so
    one forward judges many answers at once. With `hole_step` n only every n-th hole is tried.
    """
    from mlx_lm.utils import load

    model, _ = load(str(folder))[:2]
    reader = Reader(Tokenizer.from_file(str(folder / "tokenizer.json")))
    talks: list[bool] = []
    filled: list[bool] = []
    for talk in actions():
        talks += _right(model, [reader.conversation(talk)])
    for program in PROGRAMS:
        for talk in conversations(program):
            talks += _right(model, [reader.conversation(talk)])
        for hole in list(holes(program))[::hole_step]:
            filled += _right(model, [reader.hole_prompt(hole)])
    return MemorisationScore(sum(talks) / len(talks), sum(filled) / len(filled))


def _right(model: Any, asked: list[tuple[list[int], list[int]]]) -> list[bool]:
    longest = max(len(p) + len(a) - 1 for p, a in asked)
    tokens = np.zeros((len(asked), longest), np.int32)
    for row, (prompt, answer) in enumerate(asked):
        tokens[row, : len(prompt) + len(answer) - 1] = [*prompt, *answer[:-1]]
    said = np.array(mx.argmax(model(mx.array(tokens)), axis=-1))
    return [
        bool((said[row, len(p) - 1 : len(p) - 1 + len(a)] == np.array(a)).all())
        for row, (p, a) in enumerate(asked)
    ]
