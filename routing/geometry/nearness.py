"""How near two cuboids are, 0 to 1: for matching them and for saying how much two answers agree."""

import numpy as np
from numpy.typing import NDArray

from routing.geometry.cuboids import POSITION, SIZE, YAW

Array = NDArray[np.float64]
GATE_METRES_MIN = 1.5  # pedestrians defeat overlap measures at 0.15 m of noise; a distance gate does not


def nearness(one: Array, two: Array) -> Array:
    """Of (..., 7) cuboids, broadcast: 1 for equal ones; 0 from the gate on (1.5 m or half the longer length), and where
    either is NaN. The centre counts most, then size and heading. Symmetric."""
    distance = np.linalg.norm(one[..., POSITION] - two[..., POSITION], axis=-1)
    gate = np.maximum(GATE_METRES_MIN, np.maximum(one[..., 3], two[..., 3]) / 2)
    centre = np.maximum(0, 1 - distance / gate)
    size = (np.minimum(one[..., SIZE], two[..., SIZE]) / np.maximum(one[..., SIZE], two[..., SIZE])).prod(axis=-1)
    heading = (1 + np.cos(one[..., YAW] - two[..., YAW])) / 2
    return np.nan_to_num(np.where(centre > 0, 0.6 * centre + 0.2 * size + 0.2 * heading, 0), nan=0.0)
