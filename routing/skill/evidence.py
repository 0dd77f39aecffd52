"""Evidence about a labeler, and the sufficient statistics it is kept in: weight, sum and sum of squares, which fade.

A facet is one thing that is measured, and its name says how:

- "accuracy", "recall" (found of what was there), "precision" (real of what was given), "iou", "f1", "wer" (errors per
  word), "class:<label>" (right where that is the truth), "condition:<name>" and "sensor:<name>" are rates from 0 to 1;
- what ends in "_m", "_deg", "_px", "_s" or "_rel" is the size of an error in that unit (relative: a share);
- "confusion:<truth>><given>" counts how often that truth got that answer.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

HALF_LIFE_DAYS = 60.0
CONFUSION = "confusion:"
DETAILS = ("class:", "condition:", "sensor:")  # parts of the accuracy, from which they borrow
UNITS = ("_m", "_deg", "_px", "_s", "_rel")
# What is meant to be exact is never exactly 0: its logarithm must stay finite, and below this nobody can tell.
MAGNITUDE_MIN = 1e-3


class Source(StrEnum):
    """Where evidence comes from; kept apart, so that a refit can replace what it knows better."""

    GOLD = "gold"
    REVIEW = "review"
    AGREEMENT = "agreement"
    SEAM = "seam"


# What one observation of a source counts. Agreement counts times the confidence of what it agrees with.
WEIGHTS = {Source.GOLD: 1.0, Source.REVIEW: 1.0, Source.AGREEMENT: 0.3, Source.SEAM: 0.3}


@dataclass(frozen=True)
class Observation:
    """How right one answer was in one facet; `weight` is how much that says, before the source's weight.

    Raises ValueError for a rate outside 0 to 1, a negative size or weight, and what is not finite.
    """

    facet: str
    value: float
    weight: float = 1.0

    def __post_init__(self) -> None:
        if not (math.isfinite(self.value) and math.isfinite(self.weight)) or self.value < 0 or self.weight < 0:
            raise ValueError(f"{self.facet}: value and weight are finite and not negative")
        if self.value > 1 and not is_magnitude(self.facet):
            raise ValueError(f"{self.facet}: a rate lies in 0 to 1")


def is_magnitude(facet: str) -> bool:
    """Whether the facet is the size of an error, and not a rate."""
    return facet.endswith(UNITS) and not facet.startswith((CONFUSION, *DETAILS))


def confusion_facet(truth: str, given: str) -> str:
    return f"{CONFUSION}{truth}>{given}"


def seen(facet: str, value: float) -> float:
    """The value as its statistics take it: sizes of errors as logarithms, since they have heavy tails."""
    return math.log(max(value, MAGNITUDE_MIN)) if is_magnitude(facet) else value


def fade(days: float) -> float:
    """What is left of evidence after so many days; nothing is gained by looking back."""
    return float(0.5 ** (max(0.0, days) / HALF_LIFE_DAYS))


@dataclass(frozen=True)
class Statistic:
    """Weight, weighted sum and weighted sum of squares of what was seen of one facet, as they stood at `updated_at`."""

    weight: float = 0.0
    total: float = 0.0
    squares: float = 0.0
    updated_at: datetime | None = None

    def add(self, value: float, weight: float, at: datetime) -> "Statistic":
        """With one more value (see `seen`). Of two times the later counts, so that the order never matters."""
        return self.plus(Statistic(weight, weight * value, weight * value * value, at))

    def plus(self, other: "Statistic") -> "Statistic":
        times = [one.updated_at for one in (self, other) if one.updated_at is not None]
        at = max(times, default=None)
        one, two = (self, other) if at is None else (self.at(at), other.at(at))
        return Statistic(one.weight + two.weight, one.total + two.total, one.squares + two.squares, at)

    def minus(self, part: "Statistic") -> "Statistic":
        """Without a part of it; what is left is not less than nothing."""
        negative = Statistic(-part.weight, -part.total, -part.squares, part.updated_at)
        rest = self.plus(negative)
        return rest if rest.weight > 1e-9 else Statistic(updated_at=rest.updated_at)

    def at(self, now: datetime) -> "Statistic":
        """The same, faded to `now`."""
        if self.updated_at is None or now <= self.updated_at:
            return self
        keep = fade((now - self.updated_at).total_seconds() / 86_400)
        return Statistic(keep * self.weight, keep * self.total, keep * self.squares, now)

    @property
    def mean(self) -> float:
        """Of what was seen; 0 where nothing was."""
        return self.total / self.weight if self.weight > 0 else 0.0

    @property
    def scatter(self) -> float:
        """Weighted sum of squared deviations from the mean."""
        return max(0.0, self.squares - self.total * self.mean)


def statistics(observations: Iterable[Observation], weight: float, now: datetime) -> dict[str, Statistic]:
    """The observations of one answer as statistics by facet; `weight` is the source's."""
    found: dict[str, Statistic] = {}
    for one in observations:
        if one.weight * weight > 0:
            before = found.get(one.facet, Statistic())
            found[one.facet] = before.add(seen(one.facet, one.value), one.weight * weight, now)
    return found
