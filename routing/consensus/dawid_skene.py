"""Hierarchical Dawid-Skene: a confusion matrix per worker, shrunk to her one accuracy and the crowd's usual mistakes.

Dawid and Skene 1979, as a maximum a posteriori fit. Each row of a worker's confusion has a Dirichlet prior of KAPPA
pseudo-labels around "her accuracy over all classes, with the pooled confusion's profile": who has given few labels of a
class is judged by how good she is elsewhere and by what is hard for everybody.
"""

import numpy as np

from routing.consensus.em import class_prior, normalised, settle
from routing.consensus.labels import Floats, Labels

KAPPA = 2.0  # pseudo-labels per row of a worker's confusion
ACCURACY_LABELS = 4.0  # pseudo-labels of the crowd's mean accuracy in a worker's own
POOLED_LABELS = 1.0  # pseudo-labels per row of the pooled confusion, right with ACCURACY_FIRST
ACCURACY_FIRST = 0.7
TINY = 1e-6


def fit(labels: Labels) -> Floats:
    """Posterior (tasks, classes)."""
    return settle(labels, step)


def step(labels: Labels, posterior: Floats) -> Floats:
    return likely(labels, expected_counts(labels, posterior), class_prior(posterior))


def likely(labels: Labels, counts: Floats, prior: Floats) -> Floats:
    """Posterior (tasks, classes) given every worker's expected counts (workers, given, truth) and the class prior."""
    logs = np.log(confusions(counts)).reshape(labels.workers * labels.classes, labels.classes)
    sums: Floats = labels.matrix @ logs
    sums += np.log(prior)
    return normalised(sums)


def expected_counts(labels: Labels, posterior: Floats) -> Floats:
    """(workers, given, truth): how often each worker gave this label to a task of that class, as far as is known."""
    counts: Floats = labels.matrix.T @ posterior
    return counts.reshape(labels.workers, labels.classes, labels.classes)


def confusions(counts: Floats) -> Floats:
    """(workers, given, truth): P(given | truth), from the expected counts."""
    right, total = np.trace(counts, axis1=1, axis2=2), counts.sum(axis=(1, 2))
    mean = crowd_accuracy(float(right.sum()), float(total.sum()))
    smooth = profile(shrunk_accuracy(right, total, mean), pooled_confusion(counts.sum(axis=0)), mean)
    smooth *= KAPPA
    smooth += counts
    smooth /= smooth.sum(axis=1, keepdims=True)
    return smooth


def pooled_confusion(counts: Floats) -> Floats:
    """(given, truth): what the whole crowd does, from its summed counts."""
    classes = len(counts)
    first = np.full((classes, classes), (1 - ACCURACY_FIRST) / max(1, classes - 1), counts.dtype)
    np.fill_diagonal(first, ACCURACY_FIRST)
    smooth = counts + POOLED_LABELS * first
    return smooth / smooth.sum(axis=0)


def crowd_accuracy(right: float, total: float) -> float:
    return min(max((right + ACCURACY_FIRST) / (total + 1), TINY), 1 - TINY)


def shrunk_accuracy(right: Floats, total: Floats, mean: float) -> Floats:
    """Share of right labels, shrunk to the crowd's."""
    return (right + ACCURACY_LABELS * mean) / (total + ACCURACY_LABELS)


def profile(accuracy: Floats, pooled: Floats, mean: float) -> Floats:
    """(workers, given, truth): the pooled confusion, its odds of being right scaled to each worker's accuracy."""
    right = np.clip(np.diag(pooled), TINY, 1 - TINY)
    hit = hits(accuracy, right, mean)
    misses = pooled / (1 - right)
    np.fill_diagonal(misses, 0)
    base: Floats = misses[None] * (1 - hit)[:, None, :]
    diagonal = np.arange(len(pooled))
    base[:, diagonal, diagonal] = hit
    return base


def hits(accuracy: Floats, right: Floats, mean: float) -> Floats:
    """(workers, truth): the crowd's chance of being right on each class, odds scaled by each worker's to the mean's."""
    a = np.clip(accuracy, TINY, 1 - TINY)
    odds = (a / (1 - a) * ((1 - mean) / mean))[:, None] * (right / (1 - right))
    scaled: Floats = odds / (1 + odds)
    return scaled
