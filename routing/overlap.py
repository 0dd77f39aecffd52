"""Whether one more answer is worth its price, and what of a subtask is asked again.

Answers are asked until the calibrated confidence reaches the project's target, or the expected reduction of error by
one more answer, times what an error costs the customer, is less than that answer's price. The minimum is 1 where a
labeler with a firm lower bound has answered, else 2: without gold a posterior of strangers who err alike stops early
and wrong. The expected reduction looks a few answers ahead: a single one can seldom turn a verdict, two often can.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from math import factorial, prod

import numpy as np
from numpy.typing import NDArray

from routing.skill import Estimate

TARGET_OF_CLASSES, TARGET_OF_GRADED = 0.95, 0.85
# Below this a person decides, once no further answer is asked.
REVIEW_BELOW_OF_CLASSES, REVIEW_BELOW_OF_GRADED = 0.7, 0.5
ERROR_COST_ANSWERS = 50.0  # what an error costs, in answers, unless the project says it in money
TRUSTED_LOWER_BOUND = 0.85
MINIMUM_OF_STRANGERS = 2
REOPEN_MARGIN = 0.02  # a finished subtask is not opened again over the last decimal
AHEAD_MAX = 3  # answers that the expected reduction looks ahead
CLASSES_MAX = 5  # that are told apart in it; the least probable count as one
EFFORT_SHARE_MIN = 0.2  # of the whole subtask: to open it and to see where one is takes its time


class Reason(StrEnum):
    """Why another answer is asked, or none."""

    TOO_FEW = "too few answers"
    DOUBT = "doubt"
    CONFIDENT = "confident"
    PRICE = "not worth its price"
    MAXIMUM = "maximum"
    NOBODY = "nobody left to ask"


@dataclass(frozen=True)
class Terms:
    """What a project wants. `minimum` none: 1 for trusted labelers, else 2. `maximum` is what was reserved for."""

    target: float
    maximum: int
    price_cents: float
    error_cents: float
    minimum: int | None = None
    review_below: float = REVIEW_BELOW_OF_CLASSES


@dataclass(frozen=True)
class Choice:
    """Whether to ask again and why; `gain` is the expected reduction of error per further answer."""

    again: bool
    reason: Reason
    gain: float
    minimum: int


def opening(minimum: int | None, maximum: int) -> int:
    """How many answers are asked at first: the least that can be enough. Further ones are asked one at a time."""
    return min(maximum, minimum or 1)


def is_trusted(accuracy: Estimate) -> bool:
    """Whether one answer of this labeler can be enough: measured, and firmly good."""
    return accuracy.is_measured and accuracy.low >= TRUSTED_LOWER_BOUND


def another_answer(
    confidence: float, terms: Terms, *, answered: int, gain: float, trusted: bool, anybody: bool = True
) -> Choice:
    """Whether to ask for one more answer.

    `trusted`: whether one of those who answered is; `anybody`: whether somebody is left who could answer.
    """
    minimum = min(terms.maximum, terms.minimum or (1 if trusted else MINIMUM_OF_STRANGERS))

    def choice(again: bool, reason: Reason) -> Choice:
        return Choice(again, reason, gain, minimum)

    if answered < minimum:
        return choice(True, Reason.TOO_FEW)
    if confidence >= terms.target:
        return choice(False, Reason.CONFIDENT)
    if answered >= terms.maximum:
        return choice(False, Reason.MAXIMUM)
    if not anybody:
        return choice(False, Reason.NOBODY)
    if gain * terms.error_cents < terms.price_cents:
        return choice(False, Reason.PRICE)
    return choice(True, Reason.DOUBT)


def needs_review(confidence: float, terms: Terms) -> bool:
    """Whether a person must decide, now that nobody else is asked."""
    return confidence < min(terms.target, terms.review_below)


def may_reopen(confidence: float, terms: Terms) -> bool:
    """Whether later evidence has brought a finished subtask clearly under its target."""
    return confidence < terms.target - REOPEN_MARGIN


# Expected reduction of error


def class_gain(posterior: Sequence[float], confusion: NDArray[np.float64], ahead: int) -> float:
    """Expected reduction of the probability of a wrong verdict, per answer, by the best number of up to `ahead` more.

    `posterior` (K,) of the truth; `confusion` (K, K) is P(given | truth) of whoever is likely to answer. Exact over all
    combinations of answers, for up to `CLASSES_MAX` classes.
    """
    prior, given = _fewer(np.asarray(posterior, dtype=float), confusion)
    best = 0.0
    for count in range(1, min(ahead, AHEAD_MAX) + 1):
        right = sum(float((prior * _likelihood(given, times)).max()) for times in _combinations(len(prior), count))
        best = max(best, (right - float(prior.max())) / count)
    return best


def _likelihood(given: NDArray[np.float64], times: tuple[int, ...]) -> NDArray[np.float64]:
    """(K,) probability, by truth, that each class is given so many times."""
    ways = factorial(sum(times)) / prod(factorial(n) for n in times)
    return np.asarray(ways * np.prod(given ** np.array(times), axis=1))


def _combinations(classes: int, count: int) -> Iterator[tuple[int, ...]]:
    if classes == 1:
        yield (count,)
        return
    for first in range(count + 1):
        for rest in _combinations(classes - 1, count - first):
            yield (first, *rest)


def _fewer(posterior: NDArray[np.float64], confusion: NDArray[np.float64]) -> tuple[NDArray[np.float64], ...]:
    """The most probable classes, and all others as one."""
    if len(posterior) <= CLASSES_MAX + 1:
        return posterior, confusion
    order = np.argsort(-posterior, kind="stable")
    kept, rest = order[:CLASSES_MAX], order[CLASSES_MAX:]
    prior = np.append(posterior[kept], posterior[rest].sum())
    share = posterior[rest] / prior[-1] if prior[-1] > 0 else np.full(len(rest), 1 / len(rest))
    by_truth = np.vstack([confusion[kept], share @ confusion[rest]])
    return prior, np.column_stack([by_truth[:, kept], by_truth[:, rest].sum(axis=1)])


def graded_gain(confidence: float, answered: int) -> float:
    """Expected gain of quality by one more answer, where quality is a likeness and not right or wrong.

    Errors of one's own average out as 1/n, so of what is missing after n answers the next one takes 1/(n + 1).
    """
    return (1 - confidence) / (answered + 1)


# What is asked again


@dataclass(frozen=True)
class Focus:
    """What stands, and what the next labeler is asked about: ids of objects."""

    settled: tuple[str, ...]
    disputed: tuple[str, ...]

    @property
    def share(self) -> float:
        """What it takes, as a share of the whole subtask's effort."""
        count = len(self.settled) + len(self.disputed)
        return max(EFFORT_SHARE_MIN, len(self.disputed) / count) if count else 1.0


def focus(objects: Mapping[str, float], target: float) -> Focus | None:
    """Part the objects of a verdict by their confidence; none where all are doubtful, or none is.

    Where none is but the whole is still in doubt, what is missing may be an object that nobody was sure of: then the
    whole is asked again.
    """
    settled = tuple(name for name, sure in objects.items() if sure >= target)
    disputed = tuple(name for name, sure in objects.items() if sure < target)
    return Focus(settled, disputed) if settled and disputed else None
