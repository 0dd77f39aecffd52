"""The middle of what several people measured: the mean of two, the median of more, since errors have heavy tails."""

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
EVEN = 1e-9  # weights that differ by less than this weigh the same


def middle(values: Array, weights: Array | None = None) -> Array:
    """Of (..., k, columns) values the middle over k, each column by itself; `weights` are (k,)."""
    k = values.shape[-2]
    weight = np.ones(k) if weights is None else np.asarray(weights, dtype=float)
    if k <= 2:
        mean = np.average(values, axis=-2, weights=weight)
        # Rounding must not carry it past what was measured: a box as small as allowed is still as large as it must be.
        return np.clip(mean, values.min(axis=-2), values.max(axis=-2))
    order = np.argsort(values, axis=-2, kind="stable")
    ordered = np.take_along_axis(values, order, axis=-2)
    reached = np.cumsum(weight[order], axis=-2) / weight.sum()
    low = (reached >= 0.5 - EVEN).argmax(axis=-2, keepdims=True)
    high = (reached > 0.5 + EVEN).argmax(axis=-2, keepdims=True)
    both = np.take_along_axis(ordered, low, axis=-2) + np.take_along_axis(ordered, high, axis=-2)
    return np.asarray(both[..., 0, :] / 2)
