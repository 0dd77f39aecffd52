"""The robust mean of what several people measured: near the mean where they agree, deaf to who is far off."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
STEPS = 3
EVEN = 1e-9  # shares of the weight that differ by less are the same
PAIR = 2


def robust_mean(values: Array, weights: Any, scale: Any) -> Array:
    """Of (..., k, columns) values the robust mean over k, each column by itself.

    `weights` is (k,) or (..., k), where 0 stands for one who is not there; `scale` is the usual error, (..., columns)
    or less. Of two it is the weighted mean. Of more it starts at the weighted median and takes three steps of
    iteratively reweighted means with Cauchy weights (Holland and Welsch 1977): more efficient than the median where
    errors are small. A number that most of the weight agrees on exactly is left alone.
    """
    weight = np.broadcast_to(np.asarray(weights, dtype=float), values.shape[:-1])[..., None]
    total, there = weight.sum(axis=-2), weight > 0
    mean = (weight * values).sum(axis=-2) / total
    several = there.sum(axis=-2) > PAIR
    if several.any():
        start = np.where(several, _median(values, weight, total), mean)
        mean = np.where(several, _reweighted(values, weight, start, scale), mean)
        agreed = np.where(values == start[..., None, :], weight, 0).sum(axis=-2) > total / 2
        mean = np.where(agreed, start, mean)
    # Rounding must not carry it past what was measured.
    low = np.where(there, values, np.inf).min(axis=-2)
    return np.asarray(np.clip(mean, low, np.where(there, values, -np.inf).max(axis=-2)))


def _median(values: Array, weight: Array, total: Array) -> Array:
    order = np.argsort(values, axis=-2, kind="stable")
    ordered = np.take_along_axis(values, order, axis=-2)
    heavy = np.take_along_axis(np.broadcast_to(weight, values.shape), order, axis=-2)
    reached = np.cumsum(heavy, axis=-2) / total[..., None, :]
    low = (reached >= 0.5 - EVEN).argmax(axis=-2)[..., None, :]
    high = (reached > 0.5 + EVEN).argmax(axis=-2)[..., None, :]
    both = np.take_along_axis(ordered, low, axis=-2) + np.take_along_axis(ordered, high, axis=-2)
    return np.asarray(both[..., 0, :] / 2)


def _reweighted(values: Array, weight: Array, start: Array, scale: Any) -> Array:
    offset, unit = values - start[..., None, :], np.asarray(scale)[..., None, :]
    moved = np.zeros_like(start)[..., None, :]
    for _ in range(STEPS):
        pull = weight / (1 + ((offset - moved) / unit) ** 2)
        moved = (pull * offset).sum(axis=-2, keepdims=True) / pull.sum(axis=-2, keepdims=True)
    return np.asarray(start + moved[..., 0, :])
