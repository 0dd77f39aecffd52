"""Which class a labeler gives for which truth: Dirichlet rows, and what her answers are worth even if they are biased.

The prior of a row is her overall accuracy on the diagonal, and off it what everybody takes this truth for (Dawid and
Skene's confusion matrix, smoothed towards one coin). The worth is Ipeirotis' measure (Ipeirotis, Provost and Wang
2010): the expected cost of the soft label that her answer leaves, beside that of knowing nothing. Who always takes a
for b and b for a is never right, and worth as much as somebody who always is.
"""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from routing.skill.evidence import CONFUSION, Statistic
from routing.skill.population import DEFAULT_LABELERS, STRENGTH_MAX, STRENGTH_MIN

Floats = NDArray[np.float64]
ROW_STRENGTH = 4.0
PROFILE_EVIDENCE = 2.0  # per class: what an even spread of the errors counts beside those that were seen


def counts(statistics: Mapping[str, Statistic], classes: Sequence[str]) -> Floats:
    """(K, K) weight of each truth (row) that got each answer (column), of a labeler's statistics."""
    at = {name: k for k, name in enumerate(classes)}
    table = np.zeros((len(classes), len(classes)))
    for facet, one in statistics.items():
        if not facet.startswith(CONFUSION):
            continue
        cell = _cell(facet, at)
        if cell is not None:
            table[cell] += one.weight
    return table


def _cell(facet: str, at: Mapping[str, int]) -> tuple[int, int] | None:
    """Class names may hold the separator themselves: the split that gives two known ones counts."""
    pair = facet.removeprefix(CONFUSION)
    for k, character in enumerate(pair):
        if character == ">" and pair[:k] in at and pair[k + 1 :] in at:
            return at[pair[:k]], at[pair[k + 1 :]]
    return None


def error_profile(pooled: Floats) -> Floats:
    """(K, K) what each truth is taken for where it is missed; rows sum to 1, the diagonal is 0.

    `pooled` are all labelers' counts.
    """
    size = len(pooled)
    if size < 2:
        return np.zeros((size, size))
    errors = pooled * (1 - np.eye(size)) + PROFILE_EVIDENCE / (size - 1) * (1 - np.eye(size))
    return np.asarray(errors / errors.sum(axis=1, keepdims=True))


def row_strength(tables: Floats, observation: float = 1.0) -> float:
    """How many observations the labelers' likeness in a row is worth, by moments; `tables` are (labelers, K, K).

    `observation` is what one of them weighs on average.

    As `population`, over all cells of a row: for a Dirichlet their spread sums to (1 - sum p^2) / (s + 1).
    """
    weight = tables.sum(axis=2)  # (labelers, K)
    pooled = tables.sum(axis=0)
    total = np.maximum(pooled.sum(axis=1, keepdims=True), 1e-9)
    typical = pooled / total
    means = tables / np.maximum(weight, 1e-9)[:, :, None]
    observed = float((weight * ((means - typical) ** 2).sum(axis=2)).sum())
    possible = 1 - (typical**2).sum(axis=1)  # variance of one observation, per row
    labelers = (weight > 0).sum(axis=0)
    expected = observation * float((np.maximum(labelers - 1, 0) * possible).sum())
    free = float(((total[:, 0] - (weight**2).sum(axis=0) / total[:, 0]) * possible).sum())
    informed = float((weight / (weight + ROW_STRENGTH)).sum()) / max(1, weight.shape[1])
    default = 1 / (ROW_STRENGTH + 1)
    share = max(0.0, (observed - expected) / free) if free > 0 else default
    mixed = (DEFAULT_LABELERS * default + informed * share) / (DEFAULT_LABELERS + informed)
    return float(min(STRENGTH_MAX, max(STRENGTH_MIN, 1 / max(mixed, 1e-9) - 1)))


def rows(own: Floats, accuracy: float, errors: Floats, strength: float) -> Floats:
    """(K, K) posterior mean of P(given | truth); rows sum to 1. `accuracy` is hers over all, `errors` the profile."""
    size = len(own)
    if size == 1:
        return np.ones((1, 1))
    prior = strength * (accuracy * np.eye(size) + (1 - accuracy) * errors)
    posterior = own + prior
    return np.asarray(posterior / posterior.sum(axis=1, keepdims=True))


def worth(confusion: Floats, classes: Floats) -> float:
    """0 to 1: what share of the expected cost of knowing nothing her answer takes away; each mistake costs the same.

    `classes` (K,) is how frequent each truth is.
    """
    joint = classes[:, None] * confusion  # P(truth, given)
    given = joint.sum(axis=0)
    soft = np.divide(joint, given, out=np.zeros_like(joint), where=given > 0)
    left = float((given * (1 - (soft**2).sum(axis=0))).sum())
    nothing = float(1 - (classes**2).sum())
    return min(1.0, max(0.0, 1 - left / nothing)) if nothing > 1e-12 else 0.0
