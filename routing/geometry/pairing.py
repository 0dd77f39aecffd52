"""The one-to-one pairing of rows with columns that costs least in all."""

import numpy as np
from numpy.typing import NDArray

Places = NDArray[np.intp]


def cheapest_pairs(cost: NDArray[np.float64]) -> tuple[Places, Places]:
    """The rows and columns of the pairs; min(shape) of them."""
    # Not at a process's start, of which it would be a quarter: most processes never pair anything.
    from scipy.optimize import linear_sum_assignment

    rows, columns = linear_sum_assignment(cost)
    return rows, columns
