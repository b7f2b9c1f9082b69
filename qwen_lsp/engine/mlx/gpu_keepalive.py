"""Keeps an Apple GPU's clock up while somebody is typing: a tiny evaluation now and then, nothing more."""

from __future__ import annotations

from collections.abc import Callable

import mlx.core as mx
import psutil


def on_battery() -> bool:
    """Whether the machine runs on its battery; False where that cannot be known."""
    sensors = getattr(psutil, "sensors_battery", None)
    battery = sensors() if sensors is not None else None
    return battery is not None and not battery.power_plugged


def has_gpu() -> bool:
    """Whether MLX computes on a GPU; nothing else has a clock worth keeping up."""
    return bool(mx.default_device().type == mx.DeviceType.gpu)


class KeepWarm:
    """Says when, and does it. Worker thread only."""

    PERIOD_S = 0.8
    """The clock drops after about 1.2 s without work (M4 Pro)."""
    QUIET_S = 120.0
    """After this long without a request nobody is typing."""

    def __init__(self, *, on_battery: Callable[[], bool] = on_battery) -> None:
        self._on_battery = on_battery
        self.ticks = 0

    def is_wanted(self, idle_s: float) -> bool:
        """Whether to tick now."""
        return idle_s < self.QUIET_S and not self._on_battery()

    def tick(self) -> None:
        """The smallest work that counts."""
        self.ticks += 1
        mx.eval(mx.ones((32, 32)) @ mx.ones((32, 32)))
