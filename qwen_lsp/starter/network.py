"""Qwen3-MoE once more, as training wants it: all experts densely, many holes over one shared prefix, loss only where it
teaches. Same arithmetic and weights as mlx-lm's model, which is what is saved and what answers.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import mlx.core as mx
import numpy as np

from qwen_lsp.starter.cpu_kernels import cross_entropy, linear, mix, scores, shares, softmax, swiglu
from qwen_lsp.starter.model_files import BITS, GROUP_SIZE, ROUTER_BITS, StarterShape

Weights = dict[str, mx.array]
_ROPE_BASE = 10_000_000.0
_LONGEST_TOKENS = 2_048


@dataclass(frozen=True, slots=True)
class TrainingBatch:
    """Stems, and holes that hang on the first `trees` of them, `holes` on each.

    Holes are padded at the left, so that what is to be predicted lies in their last `tail` tokens.
    """

    stems: mx.array
    trees: int
    holes: int
    branches: mx.array
    positions: mx.array
    """of the branches' tokens"""
    trunk: int
    """tokens of the longest tree; conversations among the stems may be longer"""
    mask: mx.array
    """[trees, 1, 1, holes, branch, trunk + branch]: what a branch may see, as numbers added to scores"""
    tail: int
    stem_rows: mx.array
    """rows of the flattened stems to learn from"""
    branch_rows: mx.array
    """rows of the flattened tails to learn from"""
    targets: mx.array
    weights: mx.array


class Network:
    """Knows the shape and which tokens are ever answers; weights are passed in."""

    def __init__(self, shape: StarterShape, vocabulary: int, answers: list[int]) -> None:
        self.shape, self.vocabulary, self.answers = shape, vocabulary, answers
        # One row of the head stands for all tokens that are never an answer, as likely as all of them together.
        self._others = mx.array([0.0] * len(answers) + [math.log(vocabulary - len(answers))])
        angles = np.arange(_LONGEST_TOKENS)[:, None] * _ROPE_BASE ** (
            -np.arange(0, shape.head_dim, 2) / shape.head_dim
        )
        self._cos, self._sin = (
            mx.array(np.cos(angles, dtype=np.float32)),
            mx.array(np.sin(angles, dtype=np.float32)),
        )
        mx.eval(self._others, self._cos, self._sin)

    def fresh(self) -> Weights:
        """Random weights."""
        s = self.shape
        weights = {
            "embed": mx.random.normal((self.vocabulary, s.hidden)),
            "norm": mx.ones(s.hidden),
            "head": mx.random.normal((len(self.answers) + 1, s.hidden)) * s.hidden**-0.5,
        }
        for layer in range(s.layers):
            for name, rows, columns, scale in (
                ("q", s.heads * s.head_dim, s.hidden, 1.0),
                ("k", s.kv_heads * s.head_dim, s.hidden, 1.0),
                ("v", s.kv_heads * s.head_dim, s.hidden, 1.0),
                ("o", s.hidden, s.heads * s.head_dim, 0.5),
                ("router", s.experts, s.hidden, 1.0),
                ("gate", s.experts * s.expert_width, s.hidden, 1.0),
                ("up", s.experts * s.expert_width, s.hidden, 1.0),
            ):
                weights[f"{layer}.{name}"] = mx.random.normal((rows, columns)) * (scale * columns**-0.5)
            down = mx.random.normal((s.experts, s.hidden, s.expert_width))
            weights[f"{layer}.down"] = down * (0.5 * s.expert_width**-0.5)
            for name, width in (
                ("norm1", s.hidden),
                ("norm2", s.hidden),
                ("qnorm", s.head_dim),
                ("knorm", s.head_dim),
            ):
                weights[f"{layer}.{name}"] = mx.ones(width)
        return weights

    def loss(self, weights: Weights, batch: TrainingBatch) -> mx.array:
        """Mean weighted cross entropy over what the batch teaches."""
        trees, holes, hidden = batch.trees, batch.holes, self.shape.hidden
        trunk = batch.trunk
        stems, branches = weights["embed"][batch.stems], weights["embed"][batch.branches]
        stem_positions = mx.broadcast_to(mx.arange(stems.shape[1]), stems.shape[:2])
        causal = _causal(stems.shape[1])
        for layer in range(self.shape.layers):
            last = layer == self.shape.layers - 1
            w = _Layer(weights, layer)
            stem_in, branch_in = _norm(stems, w["norm1"]), _norm(branches, w["norm1"])
            stem_keys, stem_values = self._keys_values(w, stem_in, stem_positions)
            keys, values = self._keys_values(w, branch_in, batch.positions)
            if last:  # nothing looks at these tokens any more, but for those that are learned from
                branch_in, branches = branch_in[:, -batch.tail :], branches[:, -batch.tail :]
            length = branch_in.shape[1]
            seen = self._attend(self._queries(w, stem_in, stem_positions), stem_keys, stem_values, causal)
            grown = self._attend_tree(
                self._queries(w, branch_in, batch.positions[:, -length:]),
                (stem_keys[:trees, :trunk], stem_values[:trees, :trunk]),
                (keys, values),
                batch.mask[..., -length:, :],
                holes,
            )
            stems = stems + _rows(seen, w["o"], hidden)
            branches = branches + _rows(grown, w["o"], hidden)
            flat = [stems.reshape(-1, hidden), branches.reshape(-1, hidden)]
            if last:
                flat = [flat[0][batch.stem_rows], flat[1][batch.branch_rows]]
            mixed = self._experts(w, mx.concatenate(flat))
            if not last:
                cut = stems.shape[0] * stems.shape[1]
                stems, branches = mixed[:cut].reshape(stems.shape), mixed[cut:].reshape(branches.shape)
        return cross_entropy(self._logits(weights, mixed), batch.targets, batch.weights)

    def answers_at(self, weights: Weights, tokens: mx.array) -> mx.array:
        """For each token of [rows, length], which of the answers follows (its number in `answers`)."""
        x = weights["embed"][tokens]
        positions = mx.broadcast_to(mx.arange(x.shape[1]), x.shape[:2])
        for layer in range(self.shape.layers):
            w = _Layer(weights, layer)
            y = _norm(x, w["norm1"])
            keys, values = self._keys_values(w, y, positions)
            seen = self._attend(self._queries(w, y, positions), keys, values, _causal(x.shape[1]))
            x = x + _rows(seen, w["o"], self.shape.hidden)
            x = self._experts(w, x.reshape(-1, self.shape.hidden)).reshape(x.shape)
        logits = self._logits(weights, x.reshape(-1, self.shape.hidden))
        return mx.argmax(logits, axis=-1).reshape(tokens.shape)

    def _logits(self, weights: Weights, x: mx.array) -> mx.array:
        return linear(_norm(x, weights["norm"]), weights["head"]) + self._others

    def _turn(self, x: mx.array, positions: mx.array) -> mx.array:
        """Rotary positions for x [rows, length, heads, head_dim]."""
        half = self.shape.head_dim // 2
        cos, sin = self._cos[positions][:, :, None], self._sin[positions][:, :, None]
        a, b = x[..., :half], x[..., half:]
        return mx.concatenate([a * cos - b * sin, b * cos + a * sin], axis=-1)

    def _queries(self, w: _Layer, x: mx.array, positions: mx.array) -> mx.array:
        q = _rows(x, w["q"], self.shape.head_dim, self.shape.heads)
        return self._turn(_norm(q, w["qnorm"]), positions)

    def _keys_values(self, w: _Layer, x: mx.array, positions: mx.array) -> tuple[mx.array, mx.array]:
        k = _rows(x, w["k"], self.shape.head_dim, self.shape.kv_heads)
        return self._turn(_norm(k, w["knorm"]), positions), _rows(
            x, w["v"], self.shape.head_dim, self.shape.kv_heads
        )

    def _attend(self, q: mx.array, k: mx.array, v: mx.array, mask: mx.array) -> mx.array:
        """q [rows, length, heads, d]; k, v [rows, length, kv, d]."""
        s = self.shape
        rows, length = q.shape[:2]
        group = s.heads // s.kv_heads
        q = q.reshape(rows, length, s.kv_heads, group, s.head_dim).transpose(0, 2, 3, 1, 4)
        found = scores(q.reshape(rows, s.kv_heads, group * length, s.head_dim), k.transpose(0, 2, 1, 3))
        found = found.reshape(rows, s.kv_heads, group, length, -1)
        share = shares(found, mask, s.head_dim**-0.5).reshape(rows, s.kv_heads, group * length, -1)
        out = mix(share, v.transpose(0, 2, 1, 3)).reshape(rows, s.kv_heads, group, length, s.head_dim)
        return out.transpose(0, 3, 1, 2, 4).reshape(rows, length, -1)

    def _attend_tree(
        self,
        q: mx.array,
        stem: tuple[mx.array, mx.array],
        own: tuple[mx.array, mx.array],
        mask: mx.array,
        holes: int,
    ) -> mx.array:
        """Branches look at their stem, which they share, and at themselves."""
        s = self.shape
        kv, group, d = s.kv_heads, s.heads // s.kv_heads, s.head_dim
        trees, length = q.shape[0] // holes, q.shape[1]
        (stem_k, stem_v), (own_k, own_v) = stem, own
        q = q.reshape(trees, holes, length, kv, group, d)
        of_stem = scores(
            q.transpose(0, 3, 4, 1, 2, 5).reshape(trees, kv, group * holes * length, d),
            stem_k.transpose(0, 2, 1, 3),
        ).reshape(trees, kv, group, holes, length, -1)
        own_k = own_k.reshape(trees, holes, -1, kv, d).transpose(0, 1, 3, 2, 4)
        own_v = own_v.reshape(trees, holes, -1, kv, d).transpose(0, 1, 3, 2, 4)
        of_own = scores(q.transpose(0, 1, 3, 4, 2, 5).reshape(trees, holes, kv, group * length, d), own_k)
        of_own = of_own.reshape(trees, holes, kv, group, length, -1).transpose(0, 2, 3, 1, 4, 5)
        share = shares(mx.concatenate([of_stem, of_own], axis=-1), mask, d**-0.5)
        cut = stem_k.shape[1]
        from_stem = mix(
            share[..., :cut].reshape(trees, kv, group * holes * length, cut), stem_v.transpose(0, 2, 1, 3)
        ).reshape(trees, kv, group, holes, length, d)
        own_share = share[..., cut:].transpose(0, 3, 1, 2, 4, 5).reshape(trees, holes, kv, group * length, -1)
        from_own = mix(own_share, own_v).reshape(trees, holes, kv, group, length, d)
        out = from_stem.transpose(0, 3, 4, 1, 2, 5) + from_own.transpose(0, 1, 4, 2, 3, 5)
        return out.reshape(trees * holes, length, kv * group * d)

    def _experts(self, w: _Layer, x: mx.array) -> mx.array:
        """All experts for all rows; those not chosen count nothing."""
        s = self.shape
        y = _norm(x, w["norm2"])
        share = softmax(linear(y, w["router"]))
        least = mx.stop_gradient(mx.sort(share, axis=-1)[:, -s.top_k][:, None])
        share = mx.where(share >= least, share, 0.0)
        share = share / share.sum(axis=-1, keepdims=True)
        inner = swiglu(linear(y, w["gate"]), linear(y, w["up"])).reshape(-1, s.experts, s.expert_width)
        inner = (inner * share[:, :, None]).reshape(-1, s.experts * s.expert_width)
        return x + linear(inner, w["down"].swapaxes(0, 1).reshape(s.hidden, -1))


class _Layer:
    """The weights of one layer, by their short names."""

    def __init__(self, weights: Weights, number: int) -> None:
        self._weights, self._number = weights, number

    def __getitem__(self, name: str) -> mx.array:
        return self._weights[f"{self._number}.{name}"]


def _norm(x: mx.array, weight: mx.array) -> mx.array:
    return mx.fast.rms_norm(x, weight, 1e-6)


def _rows(x: mx.array, weight: mx.array, width: int, heads: int = 0) -> mx.array:
    """`linear` over the last axis of x [rows, length, in]; split into heads when asked."""
    out = linear(x.reshape(-1, x.shape[-1]), weight)
    return out.reshape(*x.shape[:2], heads, width) if heads else out.reshape(*x.shape[:2], width)


def _causal(length: int) -> mx.array:
    at = mx.arange(length)
    return mx.where(at[None] > at[:, None], -1e9, 0.0)


def as_quantised(weights: Weights) -> Weights:
    """The weights as they will be after saving: rounded, but with gradients as if they were not."""
    rounded = {}
    for name, weight in weights.items():
        if weight.ndim == 1:
            rounded[name] = weight
            continue
        held = mx.stop_gradient(weight)
        bits = ROUTER_BITS if name.endswith("router") else BITS
        packed = mx.quantize(held, group_size=GROUP_SIZE, bits=bits)
        back = mx.dequantize(*packed, group_size=GROUP_SIZE, bits=bits)
        rounded[name] = weight + (back - held)
    return rounded


def for_mlx_lm(weights: Weights, network: Network) -> list[tuple[str, mx.array]]:
    """The same weights under the names of mlx-lm's model."""
    s = network.shape
    rows = np.full(network.vocabulary, len(network.answers))
    rows[network.answers] = np.arange(len(network.answers))
    named = [
        ("model.embed_tokens.weight", weights["embed"]),
        ("model.norm.weight", weights["norm"]),
        ("lm_head.weight", weights["head"][mx.array(rows)]),
    ]
    for layer in range(s.layers):
        w, at = _Layer(weights, layer), f"model.layers.{layer}"
        named += [(f"{at}.self_attn.{n}_proj.weight", w[n]) for n in "qkvo"]
        named += [(f"{at}.self_attn.{n}_norm.weight", w[f"{n}norm"]) for n in "qk"]
        named += [
            (f"{at}.input_layernorm.weight", w["norm1"]),
            (f"{at}.post_attention_layernorm.weight", w["norm2"]),
            (f"{at}.mlp.gate.weight", w["router"]),
            (f"{at}.mlp.switch_mlp.down_proj.weight", w["down"]),
        ]
        named += [
            (f"{at}.mlp.switch_mlp.{n}_proj.weight", w[n].reshape(s.experts, s.expert_width, s.hidden))
            for n in ("gate", "up")
        ]
    return named
