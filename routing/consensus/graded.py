"""Confidence of answers that are more or less alike: stated beforehand, held against what was achieved, and put right.

The line on the logit scale is Platt's (1999) with shares in place of hits and misses.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import exp
from typing import Any

import numpy as np
from numpy.typing import NDArray

from routing.consensus.merged import Merged

Floats = NDArray[np.float64]

EDGE = 1e-4  # nothing is stated as surer than this
STEPS_MAX = 50
DEPENDENCES = (0.0, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.6, 1.0)
RIDGE = 1.0  # in observations: with little evidence the line stays near the one it started from


@dataclass(frozen=True)
class LogitLine:
    """Stated to calibrated confidence, for a number of answers, on the logit scale:

    slope * stated / (1 + dependence * (answers - 1)) + offset + crowd * log(answers)

    `dependence` from 0 to 1: labelers who err alike count as fewer than they are (the design effect of Kish, 1965).
    """

    slope: float = 1.0
    offset: float = 0.0
    crowd: float = 0.0
    dependence: float = 0.0

    def __call__(self, stated: float, answers: int) -> float:
        clipped = min(max(stated, EDGE), 1 - EDGE)
        power = self.slope / (1 + self.dependence * (answers - 1))
        odds = (clipped / (1 - clipped)) ** power * answers**self.crowd * exp(self.offset)
        return odds / (1 + odds)


def fit_line(
    stated: Sequence[float], answers: Sequence[int], achieved: Sequence[float], start: LogitLine | None = None
) -> LogitLine:
    """The line that makes the achieved shares (0 to 1) most likely, held to `start` by RIDGE observations."""
    before = start or LogitLine()
    n = np.asarray(answers, dtype=float)
    y = np.asarray(achieved, dtype=float)
    p = np.clip(np.asarray(stated, dtype=float), EDGE, 1 - EDGE)
    found = []
    for dependence in (before.dependence, *DEPENDENCES):
        x = np.stack([np.log(p / (1 - p)) / (1 + dependence * (n - 1)), np.ones_like(p), np.log(n)], axis=1)
        line, cost = _newton(x, y, np.array([before.slope, before.offset, before.crowd]))
        found.append((cost + RIDGE * (dependence - before.dependence) ** 2, dependence, line))
    _, dependence, line = min(found, key=lambda one: one[0])
    return LogitLine(max(0.0, float(line[0])), float(line[1]), float(line[2]), dependence)


def _newton(x: Floats, y: Floats, prior: Floats) -> tuple[Floats, float]:
    """(n, 3) features and (n,) shares to the three coefficients of least log loss, and that loss."""
    line = prior.copy()
    for _ in range(STEPS_MAX):
        fitted = 1 / (1 + np.exp(-np.clip(x @ line, -30, 30)))
        gradient = x.T @ (y - fitted) - RIDGE * (line - prior)
        curvature = (x * (fitted * (1 - fitted))[:, None]).T @ x + RIDGE * np.eye(3)
        step = np.linalg.solve(curvature, gradient)
        line = line + np.clip(step, -1, 1)
        if np.abs(step).max() < 1e-6:
            break
    logit = x @ line
    loss = float((np.logaddexp(0, logit) - y * logit).sum())
    return line, loss + RIDGE / 2 * float(((line - prior) ** 2).sum())


def calibration_gap(stated: Floats, achieved: Floats, bins: int = 10) -> float:
    """Mean distance of stated and achieved similarity over bins of equal size."""
    order = np.argsort(stated, kind="stable")
    parts = [part for part in np.array_split(order, bins) if len(part)]
    gaps = [abs(float(stated[part].mean() - achieved[part].mean())) * len(part) for part in parts]
    return sum(gaps) / len(order)


def expected_quality(merged: Merged[Any]) -> float:
    """How like the truth the merged answer is expected to be, 0 to 1: what the stop rule holds against its target."""
    return merged.confidence


def disputed(merged: Merged[Any], threshold: float) -> tuple[int, ...]:
    """The objects of the merged answer that are less sure than `threshold`: what is worth asking again."""
    return tuple(index for index, part in enumerate(merged.parts) if part < threshold)
