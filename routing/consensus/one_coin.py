"""One-coin Dawid-Skene: one accuracy per worker, errors even over the other classes; a maximum a posteriori fit."""

from dataclasses import dataclass

import numpy as np

from routing.consensus.dawid_skene import ACCURACY_LABELS, class_prior, normalised
from routing.consensus.labels import Floats, Labels

ITERATIONS_MAX, CHANGE_MIN = 100, 1e-3


@dataclass(frozen=True)
class OneCoin:
    """`posterior` (tasks, classes); `accuracy` (workers,); `prior` (classes,)."""

    posterior: Floats
    accuracy: Floats
    prior: Floats


def fit(labels: Labels) -> OneCoin:
    posterior = labels.shares()
    given = np.bincount(labels.worker, minlength=labels.workers)
    place = labels.task * labels.classes + labels.label
    accuracy = np.empty(0)
    for _ in range(1, ITERATIONS_MAX + 1):
        right = np.bincount(labels.worker, posterior[labels.task, labels.label], labels.workers)
        mean = (right.sum() + 0.7) / (given.sum() + 1)
        accuracy = (right + ACCURACY_LABELS * mean) / (given + ACCURACY_LABELS)
        prior = class_prior(posterior)
        gain = np.log(accuracy / ((1 - accuracy) / max(1, labels.classes - 1)))
        sums = np.bincount(place, gain[labels.worker], labels.tasks * labels.classes)
        logs: Floats = sums.reshape(labels.tasks, labels.classes).astype(labels.dtype) + np.log(prior)
        before, posterior = posterior, labels.clamp(normalised(logs))
        if np.abs(posterior - before).sum() < CHANGE_MIN * 2 * max(1, labels.tasks):
            break
    return OneCoin(posterior, accuracy, prior)
