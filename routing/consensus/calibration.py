"""A stated confidence made true: temperature or isotonic scaling of posteriors, and the error of calibration.

Temperature: Guo et al., ICML 2017. Isotonic: Zadrozny and Elkan, KDD 2002, on the confidence of the chosen class.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from routing.consensus.labels import Floats, Ints

ISOTONIC_MIN = 200  # gold answers from which the curve itself is learned, not only its steepness
PSEUDO_GOLD = 10.0  # gold answers that the prior of temperature 1 is worth
TEMPERATURES = np.exp(np.linspace(np.log(0.25), np.log(16), 61))
TINY = 1e-6


@dataclass(frozen=True)
class Calibration:
    """Applied after inference: a temperature and, where there is much gold, a curve of (stated, true) confidence."""

    temperature: float = 1.0
    curve: tuple[tuple[float, float], ...] = ()

    def apply(self, posterior: Floats) -> Floats:
        """(n, classes) to (n, classes): rows still sum to 1 and keep their order of classes."""
        heated = np.exp(np.log(np.maximum(posterior, TINY)) / self.temperature)
        heated /= heated.sum(axis=1, keepdims=True)
        return self._curved(heated) if self.curve else heated

    def _curved(self, posterior: Floats) -> Floats:
        stated, true = np.array(self.curve).T
        top = posterior.max(axis=1, keepdims=True)
        classes = posterior.shape[1]
        # The chosen class stays the chosen one: its confidence cannot fall below an even share.
        wanted = np.clip(np.interp(top, stated, true), 1 / classes + TINY, 1 - TINY)
        chosen = np.zeros(posterior.shape, bool)
        chosen[np.arange(len(posterior)), posterior.argmax(axis=1)] = True
        rest = posterior * (1 - wanted) / np.maximum(1 - top, TINY)
        return np.where(chosen, wanted, np.minimum(rest, wanted))


def from_gold(posterior: Floats, truth: Ints, first: float = 1.0) -> Calibration:
    """What gold teaches: (n, classes) posteriors that did not know it, and their (n,) true classes.

    The temperature of least log loss, held to `first` by PSEUDO_GOLD answers' worth; from ISOTONIC_MIN on, the curve
    too.
    """
    if not len(truth):
        return Calibration(first)
    logs = np.log(np.maximum(posterior, TINY))[None] / TEMPERATURES[:, None, None]
    logs -= np.log(np.exp(logs).sum(axis=2, keepdims=True))
    loss = -logs[:, np.arange(len(truth)), truth].sum(axis=1)
    loss = loss + PSEUDO_GOLD / 2 * np.log(TEMPERATURES / first) ** 2
    best = Calibration(float(TEMPERATURES[loss.argmin()]))
    if len(truth) < ISOTONIC_MIN:
        return best
    heated = best.apply(posterior)
    right = heated.argmax(axis=1) == truth
    return Calibration(best.temperature, isotonic(heated.max(axis=1), right))


def isotonic(stated: Floats, right: Sequence[bool] | Floats) -> tuple[tuple[float, float], ...]:
    """Pool adjacent violators: the rising curve of least squares through (stated confidence, right or not)."""
    order = np.argsort(stated, kind="stable")
    blocks: list[list[float]] = []  # [sum of stated, sum of right, count]
    for s, r in zip(np.asarray(stated)[order].tolist(), np.asarray(right, float)[order].tolist(), strict=True):
        blocks.append([s, r, 1.0])
        while len(blocks) > 1 and blocks[-2][1] * blocks[-1][2] >= blocks[-1][1] * blocks[-2][2]:
            last = blocks.pop()
            blocks[-1] = [a + b for a, b in zip(blocks[-1], last, strict=True)]
    # One pseudo-answer, half right, per block: a block of three right answers is no certainty.
    return tuple((s / n, (r + 0.5) / (n + 1)) for s, r, n in blocks)


def error(confidence: Floats, right: Floats, bins: int = 10) -> float:
    """Expected calibration error over bins of equal mass; `right` may be a share where the choice was tied."""
    order = np.argsort(confidence, kind="stable")
    parts = [part for part in np.array_split(order, bins) if len(part)]
    gaps = [len(part) * abs(float(confidence[part].mean() - right[part].mean())) for part in parts]
    return sum(gaps) / max(1, len(order))
