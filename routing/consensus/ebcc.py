"""Enhanced Bayesian classifier combination (Li, Rubinstein, Cohn, ICML 2019): variational Bayes.

Each class has GROUPS kinds of tasks, and every worker a distribution of labels per kind: workers who err on the same
kind of task are correlated, which Dawid-Skene cannot say.
"""

from dataclasses import dataclass

import numpy as np

from routing.consensus.labels import Floats, Labels

GROUPS = 10
MIXTURE, CLASS_ONE = 0.1, 1.0  # a_pi and alpha of the paper
RIGHT, WRONG = 4.0, 1.0  # pseudo-labels of a row of a worker's distribution: a_v, b_v
ITERATIONS_MAX, CHANGE_MIN = 200, 1e-3


@dataclass(frozen=True)
class Ebcc:
    """`posterior` (tasks, classes)."""

    posterior: Floats


def fit(labels: Labels, rng: np.random.Generator, groups: int = GROUPS) -> Ebcc:
    from scipy.special import digamma

    classes, workers, tasks = labels.classes, labels.workers, labels.tasks
    matrix = labels.matrix
    turned = matrix.T
    posterior = labels.shares()
    kinds = rng.dirichlet(np.ones(groups), (tasks, classes)).astype(labels.dtype) * posterior[:, :, None]
    first = np.full((classes, classes), WRONG, labels.dtype)
    np.fill_diagonal(first, RIGHT)
    for _ in range(1, ITERATIONS_MAX + 1):
        eta = MIXTURE / groups + kinds.sum(axis=0, dtype=np.float64)
        nu = CLASS_ONE + posterior.sum(axis=0, dtype=np.float64)
        counts = (turned @ kinds.reshape(tasks, classes * groups)).reshape(workers, classes, classes, groups)
        counts = counts + first[None, :, :, None]
        log_v = digamma(counts) - digamma(counts.sum(axis=1, keepdims=True))
        log_pi = digamma(eta) - digamma(eta.sum(axis=1, keepdims=True))
        log_tau = digamma(nu) - digamma(nu.sum())
        logs = matrix @ log_v.reshape(workers * classes, classes * groups).astype(labels.dtype)
        logs += (log_pi + log_tau[:, None]).reshape(1, -1).astype(labels.dtype)
        logs -= logs.max(axis=1, keepdims=True)
        np.exp(logs, out=logs)
        logs /= logs.sum(axis=1, keepdims=True)
        kinds = logs.reshape(tasks, classes, groups)
        if len(labels.known):
            own = kinds[labels.known, labels.gold[labels.known]]
            own = own / np.maximum(own.sum(axis=1, keepdims=True), 1e-30)
            kinds[labels.known] = 0
            kinds[labels.known, labels.gold[labels.known]] = own
        before, posterior = posterior, kinds.sum(axis=2)
        if np.abs(posterior - before).max() < CHANGE_MIN:
            break
    return Ebcc(labels.clamp(posterior))
