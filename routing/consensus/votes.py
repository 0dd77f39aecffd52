"""Votes to a verdict: the weighted majority of classes, and the medoid of answers that can only be compared."""

from collections import defaultdict
from collections.abc import Callable, Hashable, Sequence

import numpy as np
from numpy.typing import NDArray

from routing.types import Answer, Vote

WEIGHT_MIN, WEIGHT_MAX = 0.05, 0.99


def weights(votes: Sequence[Vote]) -> NDArray[np.float64]:
    """The voters' accuracies, kept away from 0 and 1: nobody is certain, and nobody counts for nothing."""
    return np.clip([vote.weight for vote in votes], WEIGHT_MIN, WEIGHT_MAX)


def class_posterior(labels: Sequence[Hashable], accuracy: NDArray[np.float64], classes: int) -> dict[Hashable, float]:
    """Probability of each class that was voted for, if errors fall evenly on the other classes (one-coin Dawid-Skene).

    `labels` and `accuracy` run over the votes; `classes` is the number of possible ones, at least 2.
    """
    others = max(1, classes - 1)
    scores: dict[Hashable, float] = {}
    for candidate in dict.fromkeys(labels):
        log = 0.0
        for label, right in zip(labels, accuracy, strict=True):
            log += np.log(right if label == candidate else (1 - right) / others)
        scores[candidate] = log
    unvoted = max(0, classes - len(scores))
    nobody = float(np.log((1 - accuracy) / others).sum())
    top = max(*scores.values(), nobody)
    total = sum(np.exp(s - top) for s in scores.values()) + unvoted * np.exp(nobody - top)
    return {label: float(np.exp(score - top) / total) for label, score in scores.items()}


def agreements(votes: Sequence[Vote], agreement: Callable[[Answer, Answer], float]) -> NDArray[np.float64]:
    """(n, n) symmetric, 1 on the diagonal."""
    matrix = np.eye(len(votes))
    for i in range(len(votes)):
        for j in range(i):
            matrix[i, j] = matrix[j, i] = agreement(votes[i].answer, votes[j].answer)
    return matrix


def medoid(matrix: NDArray[np.float64], accuracy: NDArray[np.float64]) -> int:
    """The vote that the others, weighted by their accuracy, agree with most; of equals the more accurate author's."""
    support = matrix @ accuracy
    return int(np.lexsort((accuracy, support))[-1])


def support(matrix: NDArray[np.float64], accuracy: NDArray[np.float64], chosen: int) -> float:
    """Mean agreement of the other votes with the chosen one; a single vote is as good as its author."""
    others = np.arange(len(accuracy)) != chosen
    if not others.any():
        return float(accuracy[chosen])
    return float(np.average(matrix[chosen, others], weights=accuracy[others]))


def most_weight(values: Sequence[Hashable], weight: Sequence[float]) -> Hashable:
    """The value with the most weight; of equals the first."""
    sums: dict[Hashable, float] = defaultdict(float)
    for value, w in zip(values, weight, strict=True):
        sums[value] += w
    return max(sums, key=lambda value: sums[value])
