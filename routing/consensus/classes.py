"""The default consensus of classes: two opinions that learn from their mean, calibrated afterwards.

The opinions are hierarchical Dawid-Skene, which multiplies likelihoods and is too sure of itself, and the weighted
vote, which shares out weight and is too modest. Each learns the workers from the mean of both, so that neither drifts
away: better, calmer and sooner at rest than the mean of two separate fits.

`merge` joins the few answers of one task with what is known of their authors; `refit` learns authors and answers anew
from all labels; `OnlineClasses` (online_classes.py) stands between: one more label, only what it touches.
"""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from routing.consensus import dawid_skene, weighted_vote
from routing.consensus.calibration import NONE, Calibration, from_gold
from routing.consensus.dawid_skene import KAPPA, TINY
from routing.consensus.em import class_prior, settle
from routing.consensus.labels import Floats, Labels
from routing.consensus.merged import Merged

ACCURACY_USUAL = 0.8  # of a labeler of whom nothing is known
WEIGHT_MAX = 10.0  # a near-perfect labeler's vote, in units of a usual one's


@dataclass(frozen=True)
class Voter:
    """What is measured of one labeler: her accuracy and, as far as there is any, her confusion.

    `accuracy`: probability of a right label, already shrunk to the crowd's. `confusion`: (truth, given) to the weight
    of the evidence for it (Dirichlet counts without any prior); it counts against KAPPA pseudo-labels of her accuracy.
    """

    accuracy: float = ACCURACY_USUAL
    confusion: Mapping[tuple[Hashable, Hashable], float] = field(default_factory=dict)

    @cached_property
    def by_given(self) -> dict[Hashable, list[tuple[Hashable, float]]]:
        """For each label that she gave: the truths behind it, with their weights."""
        found: dict[Hashable, list[tuple[Hashable, float]]] = {}
        for (truth, given), weight in self.confusion.items():
            found.setdefault(given, []).append((truth, weight))
        return found

    @cached_property
    def by_truth(self) -> dict[Hashable, float]:
        """How much evidence there is of each true class."""
        found: dict[Hashable, float] = {}
        for (truth, _), weight in self.confusion.items():
            found[truth] = found.get(truth, 0.0) + weight
        return found


def similarity(a: Hashable, b: Hashable) -> float:
    return float(a == b)


def merge(
    labels: Sequence[Hashable],
    voters: Sequence[Voter],
    classes: Sequence[Hashable],
    prior: Mapping[Hashable, float] | None = None,
    calibration: Calibration | None = None,
) -> Merged[Hashable]:
    """One task's labels to its class, without a refit; `classes` are all that can be true.

    What everybody says is the value, whatever the prior; its confidence may still be low. Raises ValueError without
    labels.
    """
    if not labels:
        raise ValueError("labels: there is nothing to merge")
    probability = posterior(labels, voters, classes, prior, calibration)
    value = labels[0] if len(set(labels)) == 1 else max(probability, key=lambda one: probability[one])
    scores = tuple(similarity(one, value) for one in labels)
    return Merged(value, min(1.0, probability[value]), (), scores)


def posterior(
    labels: Sequence[Hashable],
    voters: Sequence[Voter],
    classes: Sequence[Hashable],
    prior: Mapping[Hashable, float] | None = None,
    calibration: Calibration | None = None,
) -> dict[Hashable, float]:
    """Probability of each class; a label that is not in `classes` is added to them."""
    at = {one: k for k, one in enumerate(dict.fromkeys([*classes, *labels]))}
    common = np.array([prior.get(one, TINY) if prior else 1.0 for one in at])
    common /= common.sum()
    logs, shares = np.log(common), common.copy()
    for label, voter in zip(labels, voters, strict=True):
        logs += np.log(_given(label, voter, at))
        shares[at[label]] += min(WEIGHT_MAX, (1 - ACCURACY_USUAL) / max(TINY, 1 - voter.accuracy))
    probability = (np.exp(logs - logs.max()) / np.exp(logs - logs.max()).sum() + shares / shares.sum()) / 2
    probability = (calibration or NONE).apply(probability[None])[0]
    return dict(zip(at, probability.tolist(), strict=True))


def _given(label: Hashable, voter: Voter, at: Mapping[Hashable, int]) -> Floats:
    """P(this voter says `label` | truth) for every truth."""
    accuracy = min(max(voter.accuracy, TINY), 1 - TINY)
    row = np.full(len(at), KAPPA * (1 - accuracy) / max(1, len(at) - 1))
    row[at[label]] = KAPPA * accuracy
    for truth, weight in voter.by_given.get(label, ()):
        if truth in at:
            row[at[truth]] += weight
    total = np.full(len(at), KAPPA)
    for truth, weight in voter.by_truth.items():
        if truth in at:
            total[at[truth]] += weight
    return row / total


@dataclass(frozen=True)
class Fit:
    """What a full refit found: `posterior` (tasks, classes), calibrated; `mean` the same before calibration; both with
    gold clamped. `calibration` as it was applied."""

    labels: Labels
    posterior: Floats
    mean: Floats
    calibration: Calibration

    def merged(self, task: int) -> Merged[Hashable]:
        """The task at this position, its scores in the order of its labels."""
        row = self.posterior[task]
        best = int(row.argmax())
        given = self.labels.label[self.labels.task == task]
        return Merged(self._class(best), float(row[best]), (), tuple(float(one == best) for one in given))

    def voters(self) -> dict[Hashable, Voter]:
        """Every worker as `merge` wants her; the evidence is the posteriors of the tasks that she labeled."""
        labels, found = self.labels, {}
        counts = dawid_skene.expected_counts(labels, self.mean)
        right, total = np.trace(counts, axis1=1, axis2=2), counts.sum(axis=(1, 2))
        mean = dawid_skene.crowd_accuracy(float(right.sum()), float(total.sum()))
        accuracy = dawid_skene.shrunk_accuracy(right, total, mean)
        for worker in range(labels.workers):
            given, truth = np.nonzero(counts[worker] > TINY)
            pairs = zip(given.tolist(), truth.tolist(), strict=True)
            confusion = {(self._class(t), self._class(g)): float(counts[worker, g, t]) for g, t in pairs}
            who = labels.worker_ids[worker] if labels.worker_ids else worker
            found[who] = Voter(float(accuracy[worker]), confusion)
        return found

    def _class(self, place: int) -> Hashable:
        return self.labels.class_ids[place] if self.labels.class_ids else place


def refit(labels: Labels) -> Fit:
    """All posteriors and all labelers anew, from every label and all gold in `labels`, at any size.

    With gold it fits twice: once as if there were none, to see how right its confidence is on the gold.
    """
    mean = settle(labels, step)
    calibration = NONE
    if len(labels.known):
        blind = settle(labels.blind(), step)
        calibration = from_gold(blind[labels.known], labels.gold[labels.known])
    return Fit(labels, labels.clamp(calibration.apply(mean).astype(labels.dtype)), mean, calibration)


def step(labels: Labels, posterior: Floats) -> Floats:
    """Both opinions of every task from the common posterior, and their mean."""
    prior = class_prior(posterior)
    counts = dawid_skene.expected_counts(labels, posterior)
    mean = dawid_skene.likely(labels, counts, prior)
    given = counts.sum(axis=(1, 2))
    squares = np.bincount(labels.worker, (posterior**2).sum(axis=1)[labels.task], labels.workers)
    error = squares - 2 * np.trace(counts, axis1=1, axis2=2) + given
    weight = weighted_vote.weights(given, error, float(error.sum() / max(1, len(labels))))
    mean += weighted_vote.shares(labels, weight, prior)
    mean /= 2
    return mean
