"""How sure a continuation is: a logistic model of how it was found, fitted again on each workspace by leave-one-out."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from qwen_lsp.assist.recall.matching import Continuation

Floats = npt.NDArray[np.float64]

# Fitted on 9,038 offers in the 18 packages of benchmarks/recall.py, whose table shows stated against true;
# the start for a workspace whose own places are not measured yet.
PRIOR = np.array(
    [
        -2.88,
        0.51,
        0.13,
        0.01,
        0.48,
        1.61,
        0.63,
        0.81,
        -0.2,
        -0.97,
        0.3,
        0.15,
        0.22,
        -0.75,
        1.0,
        -0.54,
        -0.27,
        -0.71,
    ]
)
# How many places' worth of trust the prior keeps against the workspace's own.
_PRIOR_STRENGTH = 4.0
_AT_LINE_START = len(PRIOR) - 1
# Places per group when the model's chances are bent to the truth, and how many the model itself counts for in each.
_GROUP_PLACES, _GROUP_TRUST = 80, 40.0
_LOWEST_CUT = 0.3
_MARGIN = 0.08
# Over the packages above, showing from this far below the threshold on was right more often than the threshold.
_UNMEASURED = 0.3


def features(found: Continuation, place_count: int, typed_chars: int, *, at_line_start: bool) -> list[float]:
    """What is known of a continuation before it is shown."""
    run, soft = found.followed.run, found.followed.soft
    length = max(1, len(found.tokens))
    supporters = len(found.supporters)
    return [
        1.0,
        min(run, 16) / 4,
        math.log1p(run),
        min(soft, 30) / 10,
        math.log1p(soft),
        found.share,
        found.least_share,
        math.log(supporters),
        math.log(place_count),
        math.log(length),
        length / 10,
        min(typed_chars, 8) / 4,
        float(typed_chars > 0),
        float(bool(found.followed.renaming)),
        found.share**4,
        float(supporters == 1),
        float(run < 5),
        float(at_line_start),
    ]


@dataclass(frozen=True, slots=True)
class Calibration:
    """Turns features into the chance to be right, and a threshold into the chance from which on to show."""

    weights: tuple[float, ...] = tuple(PRIOR.tolist())
    sampled: tuple[tuple[float, bool], ...] = ()
    """(chance, right) of the workspace's own places inside lines, held out while fitting"""
    sampled_starts: tuple[tuple[float, bool], ...] = ()
    """the same where lines start, where it is harder to be right"""

    bend: tuple[tuple[float, ...], tuple[float, ...]] = ((0.0, 1.0), (0.0, 1.0))
    """(stated, true) corners: what the logistic model says and what the held-out places showed"""

    def chance(self, known: Sequence[float]) -> float:
        """The chance that the continuation is right to the end of the line, 0..1."""
        score = sum(w * x for w, x in zip(self.weights, known, strict=True))
        stated = 1.0 / (1.0 + math.exp(-max(-30.0, min(30.0, score))))
        return float(np.interp(stated, *self.bend))

    def cut(self, threshold: float, *, at_line_start: bool = False) -> float:
        """The lowest chance to show so that what is shown is right at least as often as `threshold`."""
        sampled = self.sampled_starts if at_line_start else self.sampled
        if len(sampled) < 60:
            return max(_LOWEST_CUT, threshold - _UNMEASURED)
        cut, right = 1.0, 0
        for shown, (chance, correct) in enumerate(sorted(sampled, reverse=True), start=1):
            right += correct
            # Few samples say little: begin as if ten had been exactly at the threshold.
            if (right + 10 * threshold) / (shown + 10) >= threshold + _MARGIN * shown / (shown + 10):
                cut = chance
        return max(_LOWEST_CUT, min(cut, threshold + 0.1))


def fit(known: Sequence[Sequence[float]], right: Sequence[bool]) -> Calibration:
    """Fit to measured places: even ones give the chances of odd ones and the other way round, all give the weights."""
    x, y = np.array(known, np.float64), np.array(right, np.float64)
    held_out = np.zeros(len(y))
    for part in (0, 1):
        mine = np.arange(len(y)) % 2 == part
        held_out[mine] = _chances(x[mine], _weights(x[~mine], y[~mine]))
    bend = _bend(held_out, y)
    shown = np.interp(held_out, *bend).tolist()
    measured = tuple(zip(shown, map(bool, right), strict=True))
    starts = x[:, _AT_LINE_START] == 1.0
    return Calibration(
        tuple(_weights(x, y).tolist()),
        tuple(m for m, start in zip(measured, starts, strict=True) if not start),
        tuple(m for m, start in zip(measured, starts, strict=True) if start),
        bend,
    )


def _bend(stated: Floats, right: Floats) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Corners of a rising line from stated to true chances, over groups of equal size, drawn towards no change."""
    order = np.argsort(stated)
    groups = np.array_split(order, max(1, min(12, len(order) // _GROUP_PLACES)))
    corners = [(0.0, 0.0)]
    for group in groups:
        said, hits = float(stated[group].mean()), float(right[group].sum())
        true = (hits + _GROUP_TRUST * said) / (len(group) + _GROUP_TRUST)
        corners.append((max(said, corners[-1][0] + 1e-6), max(true, corners[-1][1])))
    corners.append((max(1.0, corners[-1][0] + 1e-6), 1.0))
    return tuple(c[0] for c in corners), tuple(c[1] for c in corners)


def _weights(x: Floats, y: Floats) -> Floats:
    """Ridge logistic regression towards the prior, by Newton's steps."""
    weights: Floats = PRIOR.copy()
    for _ in range(20):
        p = _chances(x, weights)
        slope = x.T @ (p - y) + _PRIOR_STRENGTH * (weights - PRIOR)
        bend = (x * (p * (1 - p))[:, None]).T @ x + _PRIOR_STRENGTH * np.eye(x.shape[1])
        step = np.linalg.solve(bend, slope)
        weights = weights - step
        if float(np.abs(step).max()) < 1e-4:
            break
    return weights


def _chances(x: Floats, weights: Floats) -> Floats:
    return np.asarray(1.0 / (1.0 + np.exp(-np.clip(x @ weights, -30, 30))))
