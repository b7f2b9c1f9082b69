"""The few operations that training spends its time on, made fast where MLX has no fast ones.

On a GPU these are MLX's own. On a CPU the heavy inner part is handed to NumPy and MLX keeps the graph: MLX's Linux
wheel carries the reference BLAS and a scalar `exp`, NumPy's wheel a tuned BLAS and a vectorised one (25 and 18 times
as fast, measured). Used for training only: what answers is mlx-lm's model.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import mlx.core as mx
import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.float32]


def _view(array: mx.array) -> Numbers:
    """The array's numbers without a copy; it must be evaluated."""
    return np.asarray(array)


def _on_gpu() -> bool:
    return bool(mx.default_device() == mx.Device(mx.gpu))


def linear(x: mx.array, weight: mx.array) -> mx.array:
    """x [rows, in] times weight [out, in], transposed."""
    return x @ weight.T if _on_gpu() else _linear(x, weight)


def scores(a: mx.array, b: mx.array) -> mx.array:
    """a [..., m, d] times b [..., n, d], transposed; equal batch dimensions."""
    return a @ b.swapaxes(-1, -2) if _on_gpu() else _scores(a, b)


def mix(weights: mx.array, values: mx.array) -> mx.array:
    """weights [..., m, n] times values [..., n, d]; equal batch dimensions."""
    return weights @ values if _on_gpu() else _mix(weights, values)


def softmax(x: mx.array) -> mx.array:
    """Over the last axis."""
    return mx.softmax(x, axis=-1) if _on_gpu() else _softmax(x)


def shares(found: mx.array, mask: mx.array, scale: float) -> mx.array:
    """softmax(found * scale + mask): how attention is shared out."""
    return mx.softmax(found * scale + mask, axis=-1) if _on_gpu() else _shares(found, mask, mx.array(scale))


def swiglu(gate: mx.array, up: mx.array) -> mx.array:
    """silu(gate) * up."""
    return gate * mx.sigmoid(gate) * up if _on_gpu() else _swiglu(gate, up)


def cross_entropy(logits: mx.array, targets: mx.array, weights: mx.array) -> mx.array:
    """The weighted sum over rows."""
    if not _on_gpu():
        return _cross_entropy(logits, targets, weights)
    chosen = mx.take_along_axis(logits, targets[:, None], axis=-1)[:, 0]
    return ((mx.logsumexp(logits, axis=-1) - chosen) * weights).sum()


def _numpy_operation(
    forward: Callable[..., Numbers], backward: Callable[..., tuple[Numbers, ...]]
) -> Callable[..., mx.array]:
    """An MLX function whose value and whose gradients NumPy works out.

    `backward(inputs, gradient, output)` gives the gradients of the first inputs; the others have none.
    """

    @mx.custom_function
    def operation(*inputs: mx.array) -> mx.array:
        mx.eval(*inputs)
        return mx.array(forward(*map(_view, inputs)))

    @operation.vjp
    def gradients(inputs: Any, gradient: mx.array, output: mx.array) -> Any:
        given = inputs if isinstance(inputs, tuple | list) else (inputs,)
        mx.eval(*given, gradient, output)
        found = [mx.array(g) for g in backward(tuple(map(_view, given)), _view(gradient), _view(output))]
        found += [mx.zeros_like(i) for i in given[len(found) :]]
        return found[0] if len(found) == 1 else tuple(found)

    return cast(Callable[..., mx.array], operation)


def _swap(a: Numbers) -> Numbers:
    return a.swapaxes(-1, -2)


def _normal_exp(x: Numbers) -> Numbers:
    return _normal_exp_in_place(x.copy())


def _normal_exp_in_place(x: Numbers) -> Numbers:
    x -= x.max(-1, keepdims=True)
    np.exp(x, out=x)
    x /= x.sum(-1, keepdims=True)
    return x


def _shares_forward(found: Numbers, mask: Numbers, scale: Numbers) -> Numbers:
    weights = found * scale
    weights += mask
    return _normal_exp_in_place(weights)


def _shares_back(inputs: Any, gradient: Numbers, output: Numbers) -> tuple[Numbers, ...]:
    back = gradient - np.einsum("...i,...i->...", gradient, output)[..., None]
    back *= output
    back *= inputs[2]
    return (back,)


def _softmax_back(_inputs: Any, gradient: Numbers, output: Numbers) -> tuple[Numbers, ...]:
    back = output * gradient
    back -= output * back.sum(-1, keepdims=True)
    return (back,)


def _silu_parts(gate: Numbers) -> tuple[Numbers, Numbers]:
    open_ = np.float32(1) / (np.float32(1) + np.exp(-gate))
    return open_, gate * open_


def _swiglu_back(inputs: Any, gradient: Numbers, _output: Numbers) -> tuple[Numbers, ...]:
    gate, up = inputs
    open_, silu = _silu_parts(gate)
    return gradient * up * (open_ + silu * (1 - open_)), gradient * silu


def _cross_entropy_forward(logits: Numbers, targets: Any, weights: Numbers) -> Numbers:
    top = logits.max(-1, keepdims=True)
    total = np.log(np.exp(logits - top).sum(-1)) + top[:, 0]
    return np.asarray(((total - logits[np.arange(len(logits)), targets]) * weights).sum(), np.float32)


def _cross_entropy_back(inputs: Any, gradient: Numbers, _output: Numbers) -> tuple[Numbers, ...]:
    logits, targets, weights = inputs
    back = _normal_exp(logits)
    back[np.arange(len(back)), targets] -= 1
    back *= weights[:, None] * float(gradient)
    return (back,)


_linear = _numpy_operation(lambda x, w: x @ w.T, lambda i, g, o: (g @ i[1], g.T @ i[0]))
_scores = _numpy_operation(lambda a, b: a @ _swap(b), lambda i, g, o: (g @ i[1], _swap(g) @ i[0]))
_mix = _numpy_operation(lambda w, v: w @ v, lambda i, g, o: (g @ _swap(i[1]), _swap(i[0]) @ g))
_softmax = _numpy_operation(_normal_exp, _softmax_back)
_shares = _numpy_operation(_shares_forward, _shares_back)
_swiglu = _numpy_operation(lambda gate, up: _silu_parts(gate)[1] * up, _swiglu_back)
_cross_entropy = _numpy_operation(_cross_entropy_forward, _cross_entropy_back)
