"""What agreement with the consensus says of every labeler of a project at once: soft counts, weighed and faded."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from routing.consensus.labels import Labels
from routing.skill.evidence import HALF_LIFE_DAYS, WEIGHTS, Source

Floats = NDArray[np.float64]
CELL_MIN = 0.02  # less evidence than this is not worth a row


def label_weights(labels: Labels, posterior: Floats, age_days: Floats) -> Floats:
    """(n,): a label counts with the source's weight, times the confidence of its task, faded by its age (n,).

    Gold is counted where it was graded, and a task with one label agrees with itself: neither counts here.
    """
    sure = posterior.max(axis=1)
    sure = np.where(labels.answers > 1, sure, 0.0)
    sure[labels.known] = 0.0
    faded = 0.5 ** (np.maximum(age_days, 0) / HALF_LIFE_DAYS)
    return np.asarray(WEIGHTS[Source.AGREEMENT] * sure[labels.task] * faded)


def confusion_counts(labels: Labels, posterior: Floats, weight: Floats) -> Iterator[Floats]:
    """Per worker (given, truth): what her labels weigh (n,), spread over the truths as the posterior has it."""
    order = np.argsort(labels.worker, kind="stable")
    ends = np.cumsum(np.bincount(labels.worker, minlength=labels.workers))
    start = 0
    for end in ends.tolist():
        own = order[start:end]
        table = np.zeros((labels.classes, labels.classes))
        np.add.at(table, labels.label[own], posterior[labels.task[own]] * weight[own, None])
        yield table
        start = end
