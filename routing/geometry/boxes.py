"""Boxes in images as rows of four: left, top, width, height, in pixels."""

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def iou(a: Array, b: Array) -> Array:
    """(n, m) intersection over union: exactly 1 for equal boxes, since sides are measured from a's corner."""
    offset = b[None, :, :2] - a[:, None, :2]
    far = np.minimum(a[:, None, 2:], offset + b[None, :, 2:])
    shared = np.maximum(0, far - np.maximum(0, offset)).prod(axis=2)
    union = a[:, 2:].prod(axis=1)[:, None] + b[:, 2:].prod(axis=1)[None] - shared
    return shared / union
