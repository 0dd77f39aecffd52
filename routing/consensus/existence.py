"""Whether an object is there, from who found it and who did not, and which objects belong into an answer.

Labelers miss objects in common, so that their votes are not independent. Each object has its own detectability: the
share of labelers who draw it is Beta distributed over real objects, and over inventions (a shadow, a reflection) by
another Beta. The votes of n labelers are then beta-binomial under either, their ratio is the evidence, and what gold
says of it is a logistic calibration (Platt 1999) with the tightness of the group as second evidence. A vote counts by
its author: a find in the measure of her precision, a miss in the measure of her recall.

What belongs into an answer maximizes the expected F1: it is a prefix of the candidates by probability (Lewis 1995; Ye
and others 2012).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from scipy.special import betaln, expit, logit

Array = NDArray[np.float64]
Places = NDArray[np.intp]
WEIGHT_MIN, WEIGHT_MAX = 0.25, 4.0  # nobody's vote counts for less or more than that many
TIGHT_USUAL = 0.7  # pairwise likeness inside an ordinary group
LOOK_AHEAD = 3  # answers: a single one seldom turns a decision that two or three would


class Finds(Protocol):
    @property
    def recall(self) -> float: ...

    @property
    def precision(self) -> float: ...


@dataclass(frozen=True)
class Evidence:
    """Arrays over candidates: weight of those who found it and of those who did not, how many found it, how alike.

    `tight` is the mean pairwise likeness of what they drew (ignored for one); `total` the weight of all as missers.
    """

    found: Array
    missed: Array
    count: Places
    tight: Array
    total: float


@dataclass(frozen=True)
class Existence:
    """`real` and `invented` are the Beta distributions of detectability; `trust` the calibration: constant, slope of
    the log ratio, slope of the tightness, constant for more than one finder; `near` the expected likeness of the joined
    geometry to the truth: constant, slope of tightness, slope of 1 / finders. `recall` and `precision` are those of a
    usual labeler, whose vote weighs 1."""

    real: tuple[float, float] = (4.0, 1.0)
    invented: tuple[float, float] = (0.4, 3.6)
    trust: tuple[float, float, float, float] = (1.4, 1.0, 3.0, 0.0)
    near: tuple[float, float, float] = (0.85, 0.3, -0.1)
    recall: float = 0.8
    precision: float = 0.8

    def weights(self, finders: Sequence[Finds]) -> tuple[Array, Array]:
        """How much each labeler's find and miss weigh beside a usual one's: the ratio of the odds."""
        precision = np.clip([f.precision for f in finders], 0.02, 0.98)
        recall = np.clip([f.recall for f in finders], 0.02, 0.98)
        found = np.exp(logit(precision) - logit(self.precision))
        missed = np.exp(logit(recall) - logit(self.recall))
        return np.clip(found, WEIGHT_MIN, WEIGHT_MAX), np.clip(missed, WEIGHT_MIN, WEIGHT_MAX)

    def log_ratio(self, evidence: Evidence) -> Array:
        """Of the probabilities of these votes for a real thing and for an invention, beside that of a lone find."""
        real, invented = (
            votes_given(beta, evidence.found, evidence.missed) - votes_given(beta, np.ones(1), np.zeros(1))
            for beta in (self.real, self.invented)
        )
        return real - invented

    def posterior(self, evidence: Evidence) -> Array:
        features = self.features(evidence)
        return np.asarray(expit(features @ np.array(self.trust)))

    def features(self, evidence: Evidence) -> Array:
        several = evidence.count > 1
        tight = np.where(several, evidence.tight - TIGHT_USUAL, 0.0)
        ratio = self.log_ratio(evidence)
        return np.stack([np.ones(len(ratio)), ratio, tight, several.astype(float)], axis=1)

    def nearness(self, evidence: Evidence) -> Array:
        several = evidence.count > 1
        tight = np.where(several, evidence.tight - TIGHT_USUAL, 0.0)
        constant, by_tight, by_count = self.near
        return np.clip(constant + by_tight * tight + by_count / np.maximum(1, evidence.count), 0.0, 1.0)

    def chance_unseen(self, evidence: Evidence) -> float:
        """That a real object escapes all who looked."""
        return float(np.exp(votes_given(self.real, np.zeros(1), np.full(1, evidence.total)))[0])

    def unseen(self, evidence: Evidence, exists: Array) -> float:
        """Expected number of real objects that nobody drew, from how many they drew (Horvitz and Thompson 1952)."""
        chance = min(0.9, self.chance_unseen(evidence))
        return float(exists.sum() * chance / (1 - chance))


DEFAULT = Existence()


def votes_given(beta: tuple[float, float], found: Array, missed: Array) -> Array:
    """Log probability of one sequence of votes, the weights of which may be fractions, if detectability is Beta."""
    a, b = beta
    return np.asarray(betaln(a + found, b + missed) - betaln(a, b))


def choose(exists: Array, unseen: float, chance_unseen: float) -> Places:
    """The candidates that the answer with the highest expected F1 has, in their order."""
    if not len(exists):
        return np.zeros(0, np.intp)
    order = np.lexsort((np.arange(len(exists)), -exists.round(9)))
    there = exists.sum() + unseen
    quality = 2 * np.cumsum(exists[order]) / (np.arange(1, len(exists) + 1) + there)
    best = int(quality.argmax())
    if _nothing_there(exists, chance_unseen) > quality[best]:
        return np.zeros(0, np.intp)
    return np.sort(order[: best + 1])


def _nothing_there(exists: Array, chance_unseen: float) -> float:
    return float(np.prod(1 - exists) * (1 - chance_unseen))


def expected_quality(exists: Array, worth: Array, kept: Places, unseen: float, chance_unseen: float) -> float:
    """Twice the expected worth of the kept over what is kept and what is there: the Dice coefficient's expectation."""
    if not len(kept):
        return _nothing_there(exists, chance_unseen)
    there = exists.sum() + unseen
    return float(min(1.0, 2 * (exists * worth)[kept].sum() / (len(kept) + there)))


def expected_gain(
    model: Existence, evidence: Evidence, exists: Array, near: Array, kept: Places, unseen: float
) -> tuple[Array, float]:
    """By how much one more usual answer is expected to raise the similarity: per candidate, and by what is new.

    A candidate has a part in it if the next answers could turn the decision to keep it or to leave it out (the value of
    information; a single answer seldom does, so that it is the best mean of the next one to three), and if a further
    drawing of it would place it better.
    """
    size = max(1.0, len(kept) + float(exists.sum()) + unseen)
    worth_keeping = float(exists[kept].sum()) / size  # half the expected F1: from here on an object is worth keeping
    now = np.maximum(exists - worth_keeping, 0)
    turned, new = np.zeros(len(exists)), 0.0
    for ahead in range(1, LOOK_AHEAD + 1):
        finds = np.arange(ahead + 1)
        later = _after(model, evidence, exists, finds, ahead, worth_keeping)
        turned = np.maximum(turned, (later - now) / ahead)
        new = max(new, unseen * _worth_of_new(model, evidence.total, finds, ahead, worth_keeping) / ahead)
    usual = near.mean() if len(near) else 1.0
    return 2 * (turned * near + _better_placed(model, evidence, exists, kept)) / size, float(2 * new * usual / size)


def _after(
    model: Existence, evidence: Evidence, exists: Array, finds: Places, ahead: int, worth_keeping: float
) -> Array:
    """Expected worth of each candidate once `ahead` more have looked."""
    real, invented = (
        _chances(beta[0] + evidence.found, beta[1] + evidence.missed, finds, ahead)
        for beta in (model.real, model.invented)
    )
    joint = exists[:, None] * real
    seen = joint + (1 - exists)[:, None] * invented
    return np.asarray(np.maximum(joint - worth_keeping * seen, 0).sum(axis=1))


def _chances(a: Array, b: Array, finds: Places, ahead: int) -> Array:
    """(c, ahead + 1) beta-binomial probabilities of each number of finds."""
    ways = np.exp(-betaln(finds + 1.0, ahead - finds + 1.0)) / (ahead + 1)
    return np.asarray(ways * np.exp(betaln(a[:, None] + finds, b[:, None] + ahead - finds) - betaln(a, b)[:, None]))


def _worth_of_new(model: Existence, total: float, finds: Places, ahead: int, worth_keeping: float) -> float:
    """Of one real object that `total` labelers missed, once `ahead` more have looked."""
    chances = _chances(np.array([model.real[0]]), np.array([model.real[1] + total]), finds, ahead)[0, 1:]
    count = finds[1:]
    found = count.astype(np.float64)
    votes = Evidence(found, total + ahead - found, count, np.full(len(count), TIGHT_USUAL), total + ahead)
    exists = model.posterior(votes)
    return float((chances * np.maximum(0, 1 - worth_keeping / exists)).sum())


def _better_placed(model: Existence, evidence: Evidence, exists: Array, kept: Places) -> Array:
    found = (model.real[0] + evidence.found) / (sum(model.real) + evidence.found + evidence.missed)
    nearer = np.maximum(0, -model.near[2]) * (1 / evidence.count - 1 / (evidence.count + 1.0))
    chosen = np.zeros(len(exists))
    chosen[kept] = 1
    return np.asarray(chosen * exists * found * nearer)
