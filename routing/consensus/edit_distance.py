"""Edit distance of two sequences and its alignment, a row of the table at a time in the bits of one integer.

Myers, "A fast bit-vector algorithm for approximate string matching" (JACM 1999), as Hyyrö (2003) states it for the
distance of two whole sequences. Python's integers have as many bits as the sequence has items, so 30 words cost some 30
microseconds.
"""

from collections.abc import Hashable, Sequence

Pair = tuple[int, int]
NONE = -1  # no partner: an item of one sequence that the other lacks


def distance(a: Sequence[Hashable], b: Sequence[Hashable]) -> int:
    """The fewest insertions, deletions and replacements that turn `a` into `b`."""
    if not a or not b:
        return len(a) or len(b)
    where = _positions(a)
    full = (1 << len(a)) - 1
    last = 1 << (len(a) - 1)
    up, down, cost = full, 0, len(a)
    for item in b:
        equal = where.get(item, 0)
        diagonal = (((equal & up) + up) ^ up) | equal | down
        right_up = down | (~(diagonal | up) & full)
        right_down = diagonal & up
        if right_up & last:
            cost += 1
        elif right_down & last:
            cost -= 1
        right_up = (right_up << 1) | 1
        up = ((right_down << 1) | ~(diagonal | right_up)) & full
        down = right_up & diagonal & full
    return cost


def align(a: Sequence[Hashable], b: Sequence[Hashable]) -> list[Pair]:
    """Pairs (index in `a`, index in `b`) in order, NONE where one lacks a partner; `distance` of them differ."""
    rows = _rows(a, b)
    pairs: list[Pair] = []
    i, j = len(a), len(b)
    while i and j:
        if rows[j - 1][0] >> (i - 1) & 1:
            i -= 1
            pairs.append((i, NONE))
        elif j > 1 and rows[j - 2][1] >> (i - 1) & 1:
            j -= 1
            pairs.append((NONE, j))
        else:
            i, j = i - 1, j - 1
            pairs.append((i, j))
    pairs += [(left, NONE) for left in range(i - 1, -1, -1)]
    pairs += [(NONE, left) for left in range(j - 1, -1, -1)]
    pairs.reverse()
    return pairs


def _rows(a: Sequence[Hashable], b: Sequence[Hashable]) -> list[tuple[int, int]]:
    """Per item of `b` the places in `a` where the table's row rises by one, and where it falls."""
    where = _positions(a)
    full = (1 << len(a)) - 1
    up, down = full, 0
    rows = []
    for item in b:
        equal = where.get(item, 0)
        diagonal = (((equal & up) + up) ^ up) | equal | down
        right_up = ((down | (~(diagonal | up) & full)) << 1) | 1
        up = (((diagonal & up) << 1) | ~(diagonal | right_up)) & full
        down = right_up & diagonal & full
        rows.append((up, down))
    return rows


def _positions(items: Sequence[Hashable]) -> dict[Hashable, int]:
    where: dict[Hashable, int] = {}
    bit = 1
    for item in items:
        where[item] = where.get(item, 0) | bit
        bit <<= 1
    return where
