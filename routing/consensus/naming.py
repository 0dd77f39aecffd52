"""What a merged object is called and how it is described: its id, its attributes and who gave most to it."""

from collections.abc import Sequence
from typing import Any

from routing.consensus.votes import most_weight

ID_LENGTH_MAX = 64


def best_author(authors: Sequence[int], accuracy: Sequence[float]) -> int:
    """The place in `authors` of the most accurate; of equals the first."""
    return max(range(len(authors)), key=lambda k: accuracy[authors[k]])


def voted_attributes(given: Sequence[dict[str, Any]], weight: Sequence[float]) -> dict[str, Any]:
    """Each attribute that anybody gave, with the value that has most of the weight; of equals the first."""
    names = dict.fromkeys(name for one in given for name in one)
    voted = {}
    for name in names:
        having = [(one[name], w) for one, w in zip(given, weight, strict=True) if name in one]
        chosen = most_weight([repr(value) for value, _ in having], [w for _, w in having])
        voted[name] = next(value for value, _ in having if repr(value) == chosen)
    return voted


def unique_ids(names: Sequence[str]) -> list[str]:
    """The names, in their order, those that were taken before with a number behind: one object keeps one id."""
    taken, wanted, unique = set[str](), set(names), []
    for name in names:
        free, number = name, 2
        while free in taken or (free != name and free in wanted):
            tail = f"-{number}"
            free, number = name[: ID_LENGTH_MAX - len(tail)] + tail, number + 1
        taken.add(free)
        unique.append(free)
    return unique
