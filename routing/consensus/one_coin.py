"""One-coin Dawid-Skene: one accuracy per worker, errors even over the other classes; a maximum a posteriori fit.

Not in the default: it fails where classes are asymmetric. What it costs to leave confusion out is measured against it.
"""

import numpy as np

from routing.consensus.dawid_skene import crowd_accuracy, shrunk_accuracy
from routing.consensus.em import class_prior, normalised, settle
from routing.consensus.labels import Floats, Labels


def fit(labels: Labels) -> Floats:
    """Posterior (tasks, classes)."""
    return settle(labels, step)


def step(labels: Labels, posterior: Floats) -> Floats:
    right = np.bincount(labels.worker, posterior[labels.task, labels.label], labels.workers).astype(float)
    accuracy = shrunk_accuracy(right, labels.given, crowd_accuracy(float(right.sum()), len(labels)))
    gain = np.log(accuracy / ((1 - accuracy) / max(1, labels.classes - 1)))
    sums = np.bincount(labels.place, gain[labels.worker], labels.tasks * labels.classes)
    logs: Floats = sums.reshape(labels.tasks, labels.classes).astype(labels.dtype)
    logs += np.log(class_prior(posterior))
    return normalised(logs)
