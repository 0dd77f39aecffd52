"""Masks of several labelers to one mask: a weighted vote, pixel by pixel.

A labeler's vote for and against a pixel weighs by her sensitivity and specificity (log likelihood ratio), both measured
and shrunk, so that equal labelers give the majority exactly. A spatial prior is left out: on real scans with three
raters no pixel model beat the majority (STAPLE 0.800 IoU, expectation-maximization 0.799, majority 0.800). Ties are
broken by the votes on the neighbouring pixels, and so by place, not by who came first.
"""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from routing.consensus.merged import Merged

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]
SHRINK_PIXELS = 500.0  # of the population beside a labeler's own, which are far from independent
RATE_MIN, RATE_MAX = 0.55, 0.999
ROUNDS = 3
# What two labelers of usual skill share of their masks decides how near a lone mask is to the truth.
LONE_NEAR = 0.8


@dataclass(frozen=True)
class Reliability:
    """A labeler of masks: the shares of true pixels that she marked, and of others near the object that she left."""

    sensitivity: float = 0.9
    specificity: float = 0.9


def merge(answers: Sequence[Mask], reliability: Sequence[Reliability]) -> Merged[Mask]:
    """The consensus of masks of one shape, whatever their order; raises ValueError where shapes differ."""
    online = OnlineMasks()
    for answer, labeler in zip(answers, reliability, strict=True):
        online.add(answer, labeler)
    return online.merged()


def similarity(a: Mask, b: Mask) -> float:
    """Intersection over union; two empty masks are equal."""
    union = int((a | b).sum())
    return float((a & b).sum() / union) if union else 1.0


class OnlineMasks:
    """The votes so far as one sum a pixel: a new answer is one addition."""

    def __init__(self) -> None:
        self._answers: list[Mask] = []
        self._evidence: Array | None = None
        self._certain = 0.0

    def __len__(self) -> int:
        return len(self._answers)

    def add(self, answer: Mask, reliability: Reliability) -> None:
        """Raises ValueError where the shape is another one."""
        mask = np.asarray(answer, dtype=bool)
        if self._evidence is None:
            self._evidence = np.zeros(mask.shape)
        if mask.shape != self._evidence.shape:
            raise ValueError(f"mask: {mask.shape} is not the shape {self._evidence.shape} of the others")
        hit, miss = _votes(reliability)
        self._evidence += np.where(mask, hit, miss)
        self._certain += max(hit, -miss)
        self._answers.append(mask)

    def merged(self) -> Merged[Mask]:
        """Raises ValueError where there is no answer yet."""
        if self._evidence is None:
            raise ValueError("answers: there must be at least one")
        if len(self._answers) == 1:
            return Merged(self._answers[0], LONE_NEAR, (LONE_NEAR,), (1.0,))
        evidence = self._evidence.round(9)  # rounding must not decide, nor the order of the answers
        value = evidence > 0
        ties = evidence == 0
        if ties.any():
            value |= ties & (_around(evidence) > 0)
        value = self._agreed(value)
        near = self._expected(value)
        return Merged(value, near, (near,), tuple(similarity(one, value) for one in self._answers))

    def _agreed(self, value: Mask) -> Mask:
        """What all marked is in, and what none marked is not, whatever their weights."""
        stacked = np.array(self._answers)
        return np.asarray((value & stacked.any(axis=0)) | stacked.all(axis=0))

    def _expected(self, value: Mask) -> float:
        """Expected overlap with the truth: expected intersection over expected union of the pixels' probabilities.

        Neighbouring pixels err together, so that the log odds count as those of one labeler at a time, not of all.
        """
        assert self._evidence is not None
        touched = np.array(self._answers).any(axis=0)
        if not touched.any():
            return 1 - (1 - LONE_NEAR) / len(self._answers)
        odds = np.clip(self._evidence / np.sqrt(len(self._answers)), -30, 30)
        there = np.where(touched, 1 / (1 + np.exp(-odds)), 0.0)
        union = value.sum() + there[~value].sum()
        return float(np.clip(there[value].sum() / max(union, 1e-9), 0.0, 1.0))


def _votes(reliability: Reliability) -> tuple[float, float]:
    """Log likelihood ratios of a marked and of an unmarked pixel."""
    hit, left = (float(np.clip(r, RATE_MIN, RATE_MAX)) for r in (reliability.sensitivity, reliability.specificity))
    return float(np.log(hit / (1 - left))), float(np.log((1 - hit) / left))


def _around(evidence: Array) -> Array:
    """The sum over the eight neighbours (fewer at the border)."""
    padded = np.pad(evidence, 1)
    rows, columns = evidence.shape
    shifts = [(r, c) for r in range(3) for c in range(3) if (r, c) != (1, 1)]
    return np.asarray(sum(padded[r : r + rows, c : c + columns] for r, c in shifts))


def refit(
    tasks: Mapping[Hashable, Mapping[Hashable, Mask]], gold: Mapping[Hashable, Mask] | None = None
) -> dict[Hashable, Reliability]:
    """Sensitivity and specificity of every labeler, from gold where there is any and from the consensus elsewhere.

    Specificity is measured where anybody marked or should have: the far background says nothing.
    """
    known = gold or {}
    learned: dict[Hashable, Reliability] = {}
    for _ in range(ROUNDS):
        sums: dict[Hashable, Array] = {}
        for name, task in tasks.items():
            usual = [learned.get(labeler, Reliability()) for labeler in task]
            truth = known.get(name)
            if truth is None:
                truth = merge(list(task.values()), usual).value
            touched = np.array([truth, *task.values()]).any(axis=0)
            for labeler, mask in task.items():
                seen = [(mask & truth).sum(), truth.sum(), (~mask & ~truth & touched).sum(), (~truth & touched).sum()]
                sums[labeler] = sums.get(labeler, np.zeros(4)) + np.array(seen, dtype=float)
        learned = _shrunk(sums)
    return learned


def _shrunk(sums: Mapping[Hashable, Array]) -> dict[Hashable, Reliability]:
    """Towards the population, by some pixels of it."""
    start, k = Reliability(), SHRINK_PIXELS
    hit, there, left, other = sum(sums.values(), np.zeros(4)).tolist()
    sensitivity, specificity = (hit + k * start.sensitivity) / (there + k), (left + k * start.specificity) / (other + k)
    return {
        labeler: Reliability(
            float((one[0] + k * sensitivity) / (one[1] + k)), float((one[2] + k * specificity) / (one[3] + k))
        )
        for labeler, one in sums.items()
    }
