"""A vote weighted by each worker's precision: Bayesian weighted average (Li, Rubinstein, Cohn, WWW 2019), simplified.

A label is the truth's indicator plus noise of a variance of the worker's own, with a Gamma prior at the crowd's mean.
The result is a share of weight, not a product of likelihoods: it stays doubtful where people disagree.
"""

from dataclasses import dataclass

import numpy as np

from routing.consensus.dawid_skene import class_prior
from routing.consensus.labels import Floats, Labels

STRENGTH = 15.0  # a_v of the paper: half the pseudo-labels behind the crowd's mean variance
PRIOR_WEIGHT = 1.0  # weight of the class shares, in units of an average worker's label
ITERATIONS_MAX, CHANGE_MIN = 100, 1e-3


@dataclass(frozen=True)
class WeightedVote:
    """`posterior` (tasks, classes), shares of weight; `weight` (workers,), precisions relative to their mean."""

    posterior: Floats
    weight: Floats
    prior: Floats


def fit(labels: Labels, strength: float = STRENGTH, prior_weight: float = PRIOR_WEIGHT) -> WeightedVote:
    posterior = labels.shares()
    given = np.bincount(labels.worker, minlength=labels.workers)
    weight = np.ones(labels.workers)
    for _ in range(1, ITERATIONS_MAX + 1):
        prior = class_prior(posterior)
        squares = (posterior**2).sum(axis=1)
        wrong = squares[labels.task] - 2 * posterior[labels.task, labels.label] + 1
        error = np.bincount(labels.worker, wrong, labels.workers)
        mean = error.sum() / max(1, given.sum())
        weight = (strength + given / 2) / (strength * mean + error / 2 + 1e-9)
        weight *= mean
        flat = np.bincount(
            labels.task * labels.classes + labels.label, weight[labels.worker], labels.tasks * labels.classes
        )
        shares = flat.reshape(labels.tasks, labels.classes) + prior_weight * prior
        before, posterior = posterior, labels.clamp((shares / shares.sum(axis=1, keepdims=True)).astype(labels.dtype))
        if np.abs(posterior - before).sum() < CHANGE_MIN * 2 * max(1, labels.tasks):
            break
    return WeightedVote(posterior, weight, prior)
