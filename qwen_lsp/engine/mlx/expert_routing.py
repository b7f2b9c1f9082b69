"""Which experts each token used: listens at the routers while a request asks for it, absent otherwise."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import mlx.core as mx


class Routed:
    """What the routers of all layers decided in one forward.

    These are arrays the model computes anyway: listening adds nothing to the work of the GPU.
    """

    def __init__(self) -> None:
        self.odds: list[mx.array] = []
        self.chosen: list[mx.array] = []

    def keep_last(self) -> None:
        """Keep only what concerns the last token."""
        if self.chosen and self.chosen[0].shape[-2] > 1:
            self.chosen = [c[..., -1:, :] for c in self.chosen]
            self.odds = [o[..., -1:, :] for o in self.odds]

    def arrays(self) -> list[mx.array]:
        """What must be computed."""
        return [*self.chosen, *self.odds]

    def chosen_experts(self) -> tuple[tuple[int, ...], ...]:
        """Per layer, the experts of the last token, best first. Waits for them."""
        return tuple(
            tuple(sorted(_last_row(chosen), key=_last_row(odds).__getitem__, reverse=True))
            for chosen, odds in zip(self.chosen, self.odds, strict=True)
        )


def _last_row(array: mx.array) -> list[Any]:
    rows: Any = array.tolist()
    while isinstance(rows[-1], list):
        rows = rows[-1]
    return list(rows)


class ExpertTap:
    """Finds the routers of a model and can listen to them for one forward."""

    def __init__(self, model: Any) -> None:
        self._blocks = [
            module for _, module in model.named_modules() if "gate" in module and "switch_mlp" in module
        ]
        # named_modules walks from the last layer to the first.
        self._blocks.sort(key=_layer_order(model))

    @property
    def layers(self) -> int:
        """How many layers have experts."""
        return len(self._blocks)

    @contextlib.contextmanager
    def listening(self) -> Iterator[Routed]:
        """Hear every router while the model is called once inside; the model is as before afterwards."""
        routed = Routed()
        real = [(block, block["gate"], block["switch_mlp"]) for block in self._blocks]
        for block, gate, experts in real:
            block["gate"] = _Odds(gate, routed.odds)
            block["switch_mlp"] = _Chosen(experts, routed.chosen)
        try:
            yield routed
        finally:
            for block, gate, experts in real:
                block["gate"], block["switch_mlp"] = gate, experts
        routed.keep_last()


class _Odds:
    """Stands in for a router and notes what it says."""

    def __init__(self, real: Any, heard: list[mx.array]) -> None:
        self._real = real
        self._heard = heard

    def __call__(self, x: mx.array) -> Any:
        odds = self._real(x)
        self._heard.append(odds)
        return odds


class _Chosen:
    """Stands in for the experts and notes which are called."""

    def __init__(self, real: Any, heard: list[mx.array]) -> None:
        self._real = real
        self._heard = heard

    def __call__(self, x: mx.array, indices: mx.array) -> Any:
        self._heard.append(indices)
        return self._real(x, indices)


def _layer_order(model: Any) -> Any:
    place = {id(module): i for i, layer in enumerate(model.layers) for _, module in layer.named_modules()}
    return lambda block: place.get(id(block), len(place))
