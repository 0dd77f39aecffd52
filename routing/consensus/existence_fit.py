"""What gold teaches of existence: how detectable real things and inventions are, and how far the votes can be trusted.

Every estimate is a maximum a posteriori around the model that one starts from, so that no gold gives that model back
and little gold moves it little.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from routing.consensus.existence import DEFAULT, Evidence, Existence, votes_given

Array = NDArray[np.float64]
BETA_SD = 1.0  # of the log of the Beta's parameters, a priori
LOG_BETA_MAX = 6.0  # beyond that nothing changes but rounding
TRUST_SD = np.array([1.0, 0.5, 3.0, 1.0])
NEAR_SD, NEAR_NOISE = 0.2, 0.15  # of the coefficients a priori, and of one object's nearness around the line
NEWTON_STEPS, SMALLEST_STEP = 50, 1e-6


@dataclass(frozen=True)
class Lesson:
    """What was drawn on one piece of gold: `real` and `near` (likeness to the truth) run over the candidates.

    `lost` true objects were drawn by nobody.
    """

    evidence: Evidence
    real: NDArray[np.bool_]
    near: Array
    lost: int


def fit(lessons: Sequence[Lesson], start: Existence = DEFAULT) -> Existence:
    """The model that explains the gold; `start` where there is none."""
    if not lessons:
        return start
    evidence = [one.evidence for one in lessons]
    found, missed, count = (
        np.concatenate([getattr(e, name) for e in evidence]) for name in ("found", "missed", "count")
    )
    real, near = np.concatenate([one.real for one in lessons]), np.concatenate([one.near for one in lessons])
    total = np.concatenate([np.full(len(one.real), one.evidence.total) for one in lessons])
    lost = np.concatenate([np.full(one.lost, one.evidence.total) for one in lessons])
    model = replace(
        start,
        real=_beta(start.real, np.append(found[real], 0 * lost), np.append(missed[real], lost)),
        invented=_beta(start.invented, found[~real], missed[~real], total[~real]),
    )
    features = np.concatenate([model.features(e) for e in evidence])
    model = replace(model, trust=_logistic(features, real, np.array(start.trust)))
    return replace(model, near=_line(features, count, near, real, np.array(start.near)))


def _beta(start: tuple[float, float], found: Array, missed: Array, seen_by: Array | None = None) -> tuple[float, float]:
    """The Beta whose draws give these votes; with `seen_by` it is known that somebody found each of them."""
    from scipy.optimize import minimize  # heavy, and only a refit needs it

    centre = np.log(start)

    def loss(log_beta: Array) -> float:
        a, b = np.exp(np.clip(log_beta, -LOG_BETA_MAX, LOG_BETA_MAX)).tolist()
        beta = (a, b)
        likelihood = votes_given(beta, found, missed)
        if seen_by is not None:
            likelihood = likelihood - np.log(-np.expm1(votes_given(beta, 0 * seen_by, seen_by)))
        return float(-likelihood.sum() + ((log_beta - centre) ** 2).sum() / (2 * BETA_SD**2))

    best = minimize(loss, centre, method="Nelder-Mead", options={"xatol": 1e-3, "fatol": 1e-3}).x
    a, b = np.exp(np.clip(best, -LOG_BETA_MAX, LOG_BETA_MAX)).tolist()
    return a, b


def _logistic(features: Array, real: NDArray[np.bool_], start: Array) -> tuple[float, float, float, float]:
    precision = 1 / TRUST_SD**2

    def loss(weights: Array) -> float:
        z = features @ weights
        return float((np.logaddexp(0, z) - real * z).sum() + (precision * (weights - start) ** 2).sum() / 2)

    weights = start.copy()
    for _ in range(NEWTON_STEPS):
        p = expit(features @ weights)
        slope = features.T @ (p - real) + precision * (weights - start)
        curve = (features.T * (p * (1 - p))) @ features + np.diag(precision)
        step = np.linalg.solve(curve, slope)
        while loss(weights - step) > loss(weights) and np.abs(step).max() > SMALLEST_STEP:
            step = step / 2
        if np.abs(step).max() <= SMALLEST_STEP:
            break
        weights = weights - step
    constant, ratio, tight, several = weights.tolist()
    return constant, ratio, tight, several


def _line(
    features: Array, count: NDArray[np.intp], near: Array, real: NDArray[np.bool_], start: Array
) -> tuple[float, float, float]:
    columns = np.stack([features[:, 0], features[:, 2], 1 / np.maximum(1, count)], axis=1)[real]
    precision = np.eye(3) * (NEAR_NOISE / NEAR_SD) ** 2
    solved = np.linalg.solve(columns.T @ columns + precision, columns.T @ near[real] + precision @ start)
    constant, tight, by_count = solved.tolist()
    return constant, tight, by_count
