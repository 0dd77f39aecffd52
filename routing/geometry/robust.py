"""The robust mean of what several people measured: near the mean where they agree, deaf to who is far off."""

import numpy as np
from numpy.typing import NDArray

from routing.geometry.middle import middle

Array = NDArray[np.float64]
STEPS = 3


def robust_mean(values: Array, weights: Array, scale: Array) -> Array:
    """Of (..., k, columns) values the robust mean over k, each column by itself.

    `weights` is (k,), `scale` the usual error, (..., columns) or less. It starts at the weighted median and takes three
    steps of iteratively reweighted means with Cauchy weights (Holland and Welsch 1977): more efficient than the median
    where errors are small. A number that most of the weight agrees on exactly is left alone.
    """
    centre = middle(values, weights)
    if values.shape[-2] <= 2:
        return centre
    weight = np.asarray(weights, dtype=float)[:, None]
    start = centre[..., None, :]
    agreed = np.where(values == start, weight, 0).sum(axis=-2) > weight.sum() / 2
    mean = start
    for _ in range(STEPS):
        pull = weight / (1 + ((values - mean) / np.asarray(scale)[..., None, :]) ** 2)
        mean = start + (pull * (values - start)).sum(axis=-2, keepdims=True) / pull.sum(axis=-2, keepdims=True)
    return np.asarray(np.where(agreed, centre, mean[..., 0, :]))
