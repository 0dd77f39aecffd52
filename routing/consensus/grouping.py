"""Which of the things that several labelers drew are one object.

Average-link clustering by likeness, with the rule that nobody draws one object twice: the two groups that are most
alike on average join first, unless one labeler is in both, until no two are alike enough (constrained agglomerative
clustering; Davidson and Ravi 2005). Dealing each labeler's things out anew by an optimal assignment to the groups was
tried on boxes_utexas and changed no figure in the second digit, so it is not here.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Places = NDArray[np.intp]


def group(likeness: Array, owners: Places, alike: float) -> list[list[int]]:
    """Lists of rows, each at most once per owner, in the order of their first rows.

    `likeness` is (m, m) and symmetric, `owners` (m,); `alike` is the least mean likeness of one object's drawings.
    """
    m = len(owners)
    near = (likeness >= alike) & (owners[:, None] != owners[None])
    neighbours: list[list[int]] = [[] for _ in range(m)]
    for i, j in zip(*(x.tolist() for x in np.nonzero(near)), strict=True):
        neighbours[i].append(j)
    seen, groups = [False] * m, []
    for start in range(m):
        if not seen[start]:
            part = _component(start, neighbours, seen)
            groups += _split(part, neighbours, likeness, owners, alike)
    return sorted(groups)


def _component(start: int, neighbours: Sequence[Sequence[int]], seen: list[bool]) -> list[int]:
    seen[start], part = True, [start]
    for i in part:  # grows while it is walked
        for j in neighbours[i]:
            if not seen[j]:
                seen[j] = True
                part.append(j)
    return sorted(part)


def _split(
    part: list[int], neighbours: Sequence[Sequence[int]], likeness: Array, owners: Places, alike: float
) -> list[list[int]]:
    """A part as it is if all in it are alike, else what average linkage makes of it."""
    if len(part) == 1:
        return [part]
    own = owners[part]
    if sum(len(neighbours[i]) for i in part) == len(part) * (len(part) - 1) and len(set(own.tolist())) == len(part):
        return [part]
    return [[part[i] for i in members] for members in _link(likeness[np.ix_(part, part)], own, alike)]


def _link(likeness: Array, owners: Places, alike: float) -> list[list[int]]:
    n = len(owners)
    # Fixed to 12 digits, so that it does not hang on rounding which of two equal pairs is first.
    average = np.where(owners[:, None] == owners[None], -np.inf, likeness.round(12))
    size, members = np.ones(n), [[i] for i in range(n)]
    for _ in range(n - 1):
        i, j = divmod(int(average.argmax()), n)
        if average[i, j] < alike:
            break
        row = (size[i] * average[i] + size[j] * average[j]) / (size[i] + size[j])
        average[i], average[:, i] = row, row
        average[j], average[:, j] = -np.inf, -np.inf
        average[i, i] = -np.inf
        size[i] += size[j]
        members[i] += members[j]
        members[j] = []
    return [sorted(one) for one in members if one]
