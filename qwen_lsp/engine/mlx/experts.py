"""Which experts each token used: listens at the routers while a request asks for it, absent otherwise."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import mlx.core as mx


class Routed:
    """What the routers of all layers decided in one forward; lazy until it is looked at."""

    def __init__(self) -> None:
        self.odds: list[mx.array] = []
        self.chosen: list[mx.array] = []

    def finish(self, rows: int) -> None:
        """Gather what was heard of the last `rows` tokens into two arrays."""
        if self.chosen:
            self.chosen = [mx.stack([c.reshape(-1, c.shape[-1])[-rows:] for c in self.chosen])]
            self.odds = [mx.stack([o.reshape(-1, o.shape[-1])[-rows:] for o in self.odds])]

    def arrays(self) -> list[mx.array]:
        """What must be computed."""
        return [*self.chosen, *self.odds]

    def of(self, row: int) -> tuple[tuple[int, ...], ...]:
        """Per layer, the experts of one token, best first."""
        if not self.chosen:
            return ()
        chosen: Any = self.chosen[0].tolist()
        odds: Any = self.odds[0].tolist()
        return tuple(
            tuple(sorted(experts[row], key=layer[row].__getitem__, reverse=True))
            for experts, layer in zip(chosen, odds, strict=True)
        )


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
    def listening(self, rows: int = 1) -> Iterator[Routed]:
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
        routed.finish(rows)


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
