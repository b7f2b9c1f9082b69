"""Training's own arithmetic is mlx-lm's: the same loss on the same tokens, the same gradients as plain MLX."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import mlx.core as mx
import numpy as np
import pytest

from qwen_lsp.starter import cpu_kernels, curriculum
from qwen_lsp.starter.curriculum import Curriculum
from qwen_lsp.starter.lessons import all_texts
from qwen_lsp.starter.model_files import (
    StarterShape,
    model_config,
    new_model,
    starter_tokenizer,
    vocabulary_size,
)
from qwen_lsp.starter.network import Network, as_quantised, for_mlx_lm

pytestmark = pytest.mark.model

_TOKENIZER = starter_tokenizer(all_texts())
_SHAPE = StarterShape(hidden=64, experts=4, top_k=2, heads=4, kv_heads=2, head_dim=32)


def _random(*shape: int, seed: int) -> mx.array:
    return mx.random.normal(shape, key=mx.random.key(seed))


_OPERATIONS: list[tuple[str, Callable[..., mx.array], list[mx.array], int]] = [
    ("linear", cpu_kernels.linear, [_random(7, 5, seed=1), _random(3, 5, seed=2)], 2),
    ("scores", cpu_kernels.scores, [_random(2, 3, 4, 5, seed=3), _random(2, 3, 6, 5, seed=4)], 2),
    ("mix", cpu_kernels.mix, [_random(2, 3, 4, 6, seed=5), _random(2, 3, 6, 5, seed=6)], 2),
    ("softmax", cpu_kernels.softmax, [_random(3, 9, seed=7)], 1),
    (
        "shares",
        lambda found, mask: cpu_kernels.shares(found, mask, 0.3),
        [_random(2, 3, 4, 4, seed=8), mx.where(mx.arange(4)[None] > mx.arange(4)[:, None], -1e9, 0.0)],
        1,
    ),
    ("swiglu", cpu_kernels.swiglu, [_random(4, 6, seed=9), _random(4, 6, seed=10)], 2),
    (
        "cross_entropy",
        cpu_kernels.cross_entropy,
        [_random(5, 8, seed=11), mx.array([0, 3, 7, 1, 1]), mx.array([0.1, 0.2, 0.3, 0.2, 0.2])],
        1,
    ),
]


@pytest.mark.parametrize(
    ("name", "operation", "inputs", "learned"), _OPERATIONS, ids=[o[0] for o in _OPERATIONS]
)
def test_numpy_gives_what_mlx_gives(
    name: str,
    operation: Callable[..., mx.array],
    inputs: list[mx.array],
    learned: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def found(on_gpu: bool) -> list[Any]:
        monkeypatch.setattr(cpu_kernels, "_on_gpu", lambda: on_gpu)
        out = operation(*inputs)
        weigh = mx.cos(mx.arange(out.size)).reshape(out.shape)
        gradients = mx.grad(lambda *given: (operation(*given) * weigh).sum(), tuple(range(learned)))(*inputs)
        return [out, *(gradients if isinstance(gradients, tuple | list) else [gradients])]

    for ours, theirs in zip(found(False), found(True), strict=True):
        np.testing.assert_allclose(np.array(ours), np.array(theirs), rtol=2e-4, atol=1e-5)


@pytest.mark.parametrize("done", [0.0, 0.5])
def test_a_batch_costs_what_its_rows_cost_in_mlx_lm(done: float, monkeypatch: pytest.MonkeyPatch) -> None:
    laid: dict[str, Any] = {}
    real = curriculum._lay_out

    def remember(rows: Any, chosen: Any, count: int, length: int, *rest: Any) -> Any:
        laid.update(rows=rows, chosen=chosen, count=count, length=length)
        return real(rows, chosen, count, length, *rest)

    monkeypatch.setattr(curriculum, "_lay_out", remember)
    lessons = Curriculum(_TOKENIZER, seed=5)
    answers = lessons.answers()
    number_of = np.full(vocabulary_size(_TOKENIZER), -1)
    number_of[answers] = np.arange(len(answers))
    network = Network(_SHAPE, vocabulary_size(_TOKENIZER), answers)
    mx.random.seed(3)
    weights = network.fresh()
    batch = lessons.batch(number_of, done)
    model = new_model(model_config(_SHAPE, _TOKENIZER, starter=True))
    model.load_weights(for_mlx_lm(weights, network))

    costs: list[float] = []
    for tokens, teach in laid["rows"]:
        costs += _costs(model, tokens, [(at, tokens[at + 1]) for at, weight in enumerate(teach) if weight])
    for row, hole in enumerate(laid["chosen"]):
        stem = laid["rows"][row // laid["count"]][0]
        branch, middle = curriculum._branch(hole, laid["length"], lessons.reader)
        tokens = [*stem[: hole.shared], *branch]
        first = len(tokens) - len(middle)
        costs += _costs(model, tokens, [(first + at, token) for at, token in enumerate(middle)])
    expected = float((np.array(costs) * np.array(batch.weights)).sum())
    assert float(network.loss(weights, batch)) == pytest.approx(expected, rel=1e-4)


def _costs(model: Any, tokens: list[int], wanted: list[tuple[int, int]]) -> list[float]:
    """Cross entropy of each wanted (place, next token), by mlx-lm's model."""
    logits = model(mx.array([tokens]))[0]
    said = np.array(logits - mx.logsumexp(logits, axis=-1, keepdims=True))
    return [-float(said[place, token]) for place, token in wanted]


def test_training_sees_the_weights_as_they_will_be_saved() -> None:
    from mlx.nn.layers.linear import Linear

    weights = {"0.q": _random(128, 64, seed=1), "0.router": _random(4, 64, seed=2), "norm": mx.ones(64)}
    rounded = as_quantised(weights)
    for name, bits in (("0.q", 4), ("0.router", 8)):
        layer = Linear(64, weights[name].shape[0], bias=False)
        layer.weight = weights[name]
        saved = layer.to_quantized(group_size=64, bits=bits)
        np.testing.assert_allclose(
            np.array(saved(mx.eye(64)).T), np.array(rounded[name]), rtol=1e-4, atol=1e-5
        )
    assert mx.array_equal(rounded["norm"], weights["norm"])
    gradient = mx.grad(lambda w: as_quantised(w)["0.q"].sum())(weights)["0.q"]
    assert mx.array_equal(gradient, mx.ones((128, 64)))


def test_every_lesson_comes_before_any_comes_again() -> None:
    lessons = Curriculum(_TOKENIZER, seed=1)
    dealt = [tuple(lessons._next_hole[0]().middle) for _ in range(len(lessons.holes[0]))]
    assert sorted(dealt) == sorted(tuple(h.middle) for h in lessons.holes[0])
