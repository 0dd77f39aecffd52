"""A vote weighted by each worker's precision: Bayesian weighted average (Li, Rubinstein, Cohn, WWW 2019), simplified.

A label is the truth's indicator plus noise of a variance of the worker's own, with a Gamma prior at the crowd's mean.
The result is a share of weight, not a product of likelihoods: it stays doubtful where people disagree.
"""

import numpy as np

from routing.consensus.em import class_prior, settle
from routing.consensus.labels import Floats, Labels

STRENGTH = 3.0  # a_v of the paper: half the pseudo-labels behind the crowd's mean variance
PRIOR_WEIGHT = 1.0  # weight of the classes' shares, in units of an average worker's label


def fit(labels: Labels) -> Floats:
    """Posterior (tasks, classes): shares of weight."""
    return settle(labels, step)


def step(labels: Labels, posterior: Floats) -> Floats:
    squares = (posterior**2).sum(axis=1)[labels.task]
    misses = squares - 2 * posterior[labels.task, labels.label] + 1
    given = labels.given
    error = np.bincount(labels.worker, misses, labels.workers).astype(float)
    return shares(labels, weights(given, error, float(error.sum() / max(1, len(labels)))), class_prior(posterior))


def weights(given: Floats, error: Floats, mean: float) -> Floats:
    """(workers,): precision relative to that of the crowd's mean squared error, from labels given and summed error.

    The error of one label is the squared distance of its indicator from the task's posterior: 0 to 2.
    """
    mean = max(mean, 1e-6)
    return mean * (STRENGTH + given / 2) / (STRENGTH * mean + error / 2)


def shares(labels: Labels, weight: Floats, prior: Floats) -> Floats:
    """(tasks, classes): each class's share of the weight, the prior counting PRIOR_WEIGHT."""
    sums = np.bincount(labels.place, weight[labels.worker], labels.tasks * labels.classes)
    share: Floats = sums.reshape(labels.tasks, labels.classes).astype(labels.dtype)
    share += PRIOR_WEIGHT * prior
    share /= share.sum(axis=1, keepdims=True)
    return share
