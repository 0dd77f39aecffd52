"""Hierarchical Dawid-Skene: a confusion matrix per worker, shrunk to her one accuracy and the crowd's usual mistakes.

Dawid and Skene 1979, as a maximum a posteriori fit. Each row of a worker's confusion has a Dirichlet prior of KAPPA
pseudo-labels around "her accuracy over all classes, with the pooled confusion's profile": who has given few labels of a
class is judged by how good she is elsewhere and by what is hard for everybody.
"""

from dataclasses import dataclass

import numpy as np

from routing.consensus.labels import Floats, Labels

KAPPA = 2.0  # pseudo-labels per row of a worker's confusion
ACCURACY_LABELS = 4.0  # pseudo-labels of the crowd's mean accuracy in a worker's own
POOLED_LABELS = 1.0  # pseudo-labels per row of the pooled confusion, right with ACCURACY_FIRST
ACCURACY_FIRST = 0.7
ITERATIONS_MAX, CHANGE_MIN = 100, 1e-3
TINY = 1e-6


@dataclass(frozen=True)
class DawidSkene:
    """`posterior` (tasks, classes); `confusion` (workers, given, truth): P(given | truth); `prior` (classes,)."""

    posterior: Floats
    confusion: Floats
    prior: Floats
    pooled: Floats


def fit(labels: Labels, kappa: float = KAPPA) -> DawidSkene:
    """Expectation maximisation from the votes' shares until no posterior moves by CHANGE_MIN on average."""
    posterior = labels.shares()
    matrix = labels.matrix
    turned = matrix.T
    for _ in range(1, ITERATIONS_MAX + 1):
        counts = (turned @ posterior).reshape(labels.workers, labels.classes, labels.classes)
        confusion, pooled = confusions(counts, kappa)
        prior = class_prior(posterior)
        logs = np.log(confusion).reshape(labels.workers * labels.classes, labels.classes)
        before, posterior = posterior, labels.clamp(normalised(matrix @ logs + np.log(prior)))
        if np.abs(posterior - before).sum() < CHANGE_MIN * 2 * max(1, labels.tasks):
            break
    return DawidSkene(posterior, confusion, prior, pooled)


def confusions(counts: Floats, kappa: float = KAPPA) -> tuple[Floats, Floats]:
    """(workers, given, truth) and the pooled (given, truth), columns summing to 1, from the expected counts."""
    pooled = pooled_confusion(counts.sum(axis=0))
    base = one_coin_profile(worker_accuracy(counts, pooled), pooled)
    smooth = counts + kappa * base
    return smooth / smooth.sum(axis=1, keepdims=True), pooled


def pooled_confusion(counts: Floats) -> Floats:
    """(given, truth): what the whole crowd does, from its summed counts."""
    classes = len(counts)
    first = np.full((classes, classes), (1 - ACCURACY_FIRST) / max(1, classes - 1), counts.dtype)
    np.fill_diagonal(first, ACCURACY_FIRST)
    smooth = counts + POOLED_LABELS * first
    return smooth / smooth.sum(axis=0)


def worker_accuracy(counts: Floats, pooled: Floats) -> Floats:
    """(workers,): share of right labels, shrunk to the crowd's."""
    right = np.trace(counts, axis1=1, axis2=2)
    total = counts.sum(axis=(1, 2))
    mean = (right.sum() + ACCURACY_FIRST) / (total.sum() + 1)
    return (right + ACCURACY_LABELS * mean) / (total + ACCURACY_LABELS)


def one_coin_profile(accuracy: Floats, pooled: Floats) -> Floats:
    """(workers, given, truth): the pooled confusion, its odds of being right scaled to each worker's accuracy."""
    classes = len(pooled)
    right = np.clip(np.diag(pooled), TINY, 1 - TINY)
    mean = np.clip(accuracy.mean(), TINY, 1 - TINY)
    a = np.clip(accuracy, TINY, 1 - TINY)
    odds = (a / (1 - a) / (mean / (1 - mean)))[:, None] * (right / (1 - right))
    hit = odds / (1 + odds)  # (workers, truth)
    misses = pooled / (1 - right)
    np.fill_diagonal(misses, 0)
    base = misses[None] * (1 - hit)[:, None, :]
    diagonal = np.arange(classes)
    base[:, diagonal, diagonal] = hit
    return base


def class_prior(posterior: Floats) -> Floats:
    """(classes,): how common each class is, one pseudo-task each."""
    total = posterior.sum(axis=0, dtype=np.float64) + 1
    return (total / total.sum()).astype(posterior.dtype)


def normalised(logs: Floats) -> Floats:
    """Rows of log weights to probabilities, in place."""
    logs -= logs.max(axis=1, keepdims=True)
    np.exp(logs, out=logs)
    logs /= logs.sum(axis=1, keepdims=True)
    return logs
