"""A stated confidence made true: what gold teaches about posteriors, and the error of calibration.

Platt's scaling of the chosen class's confidence, as a maximum a posteriori fit that a handful of gold answers can only
nudge; beyond ISOTONIC_MIN gold answers the curve itself (isotonic regression: Zadrozny and Elkan, KDD 2002). Without
gold nothing is changed.
"""

from dataclasses import dataclass

import numpy as np

from routing.consensus.labels import Floats, Ints

ISOTONIC_MIN = 200  # more gold answers than this teach the curve itself
SHIFT_SD, SLOPE_SD = 0.5, 0.3  # how far from none calibration usually is: log odds, and their slope
SLOPE_MIN = 0.05
NEWTON_STEPS = 25
TIED = TINY = 1e-6


@dataclass(frozen=True)
class Calibration:
    """Log odds of being right = shift + slope * log odds as stated; or a `curve` of (stated, true) in rising order."""

    shift: float = 0.0
    slope: float = 1.0
    curve: tuple[tuple[float, float], ...] = ()

    def apply(self, posterior: Floats) -> Floats:
        """(n, classes) to (n, classes): the chosen class gets its true confidence, the others share the rest as before.

        The chosen class stays the chosen one, so it may sink no lower than to the second. A row whose first is tied is
        left alone: which of two is right no calibration knows.
        """
        if self == NONE or posterior.shape[1] < 2:
            return posterior
        rows = np.arange(len(posterior))
        first = posterior.argmax(axis=1)
        stated = posterior[rows, first]
        second = np.partition(posterior, -2, axis=1)[:, -2]
        ratio = second / np.maximum(1 - stated, TINY)
        wanted = np.clip(self.confidence(stated), ratio / (1 + ratio) + TIED, 1 - TINY)
        wanted = np.where(stated - second <= TIED, stated, wanted)
        scaled = posterior * ((1 - wanted) / np.maximum(1 - stated, TINY))[:, None]
        scaled[rows, first] = wanted
        return scaled / scaled.sum(axis=1, keepdims=True)

    def confidence(self, stated: Floats) -> Floats:
        """(n,) stated confidences to true ones."""
        if self.curve:
            known, true = np.array(self.curve).T
            return np.interp(stated, known, true)
        return _sigmoid(self.shift + self.slope * log_odds(stated))


NONE = Calibration()


def from_gold(posterior: Floats, truth: Ints) -> Calibration:
    """What gold teaches: (n, classes) posteriors that did not know it, and their (n,) true classes."""
    if not len(truth):
        return NONE
    stated, right = posterior.max(axis=1), (posterior.argmax(axis=1) == truth).astype(float)
    if len(truth) > ISOTONIC_MIN:
        return Calibration(curve=isotonic(stated, right))
    return Calibration(*platt(stated, right))


def platt(
    stated: Floats,
    right: Floats,
    usual: tuple[float, float] = (0.0, 1.0),
    sd: tuple[float, float] = (SHIFT_SD, SLOPE_SD),
) -> tuple[float, float]:
    """(shift, slope), by Newton's method on the log loss with a normal prior around what is `usual`."""
    x = np.column_stack([np.ones(len(stated)), log_odds(stated)])
    first, precision = np.array(usual), np.array(sd) ** -2.0

    def loss(at: Floats) -> float:
        z = x @ at
        return float((np.logaddexp(0, z) - right * z).sum() + (precision * (at - first) ** 2).sum() / 2)

    found = first.copy()
    for _ in range(NEWTON_STEPS):
        p = _sigmoid(x @ found)
        slope = x.T @ (right - p) - precision * (found - first)
        curvature = (x * (p * (1 - p))[:, None]).T @ x + np.diag(precision)
        change = np.linalg.solve(curvature, slope)
        # A whole step can leap over the optimum where log odds are large.
        while np.abs(change).max() > 1e-6 and loss(found + change) > loss(found):
            change /= 2
        found += change
        if np.abs(change).max() < 1e-6:
            break
    return float(found[0]), float(max(found[1], SLOPE_MIN))


def isotonic(stated: Floats, right: Floats) -> tuple[tuple[float, float], ...]:
    """Pool adjacent violators: the rising curve of least squares through (stated confidence, right or not)."""
    order = np.argsort(stated, kind="stable")
    blocks: list[list[float]] = []  # [sum of stated, sum of right, count]
    for s, r in zip(stated[order].tolist(), right[order].tolist(), strict=True):
        blocks.append([s, r, 1.0])
        while len(blocks) > 1 and blocks[-2][1] * blocks[-1][2] >= blocks[-1][1] * blocks[-2][2]:
            last = blocks.pop()
            blocks[-1] = [a + b for a, b in zip(blocks[-1], last, strict=True)]
    # One pseudo-answer per block, right as often as was stated: a block of three right answers is no certainty.
    return tuple((s / n, (r + s / n) / (n + 1)) for s, r, n in blocks)


def error(confidence: Floats, right: Floats, bins: int = 10) -> float:
    """Expected calibration error over bins of equal mass; `right` may be a share where the choice was tied."""
    order = np.argsort(confidence, kind="stable")
    parts = [part for part in np.array_split(order, bins) if len(part)]
    gaps = [len(part) * abs(float(confidence[part].mean() - right[part].mean())) for part in parts]
    return sum(gaps) / max(1, len(order))


def log_odds(confidence: Floats) -> Floats:
    clipped = np.clip(confidence, TINY, 1 - TINY)
    return np.log(clipped / (1 - clipped))


def _sigmoid(x: Floats) -> Floats:
    return 1 / (1 + np.exp(-x))
