"""A peer that crowd-kit lacks: enhanced Bayesian classifier combination (Li, Rubinstein, Cohn, ICML 2019).

Variational Bayes. Each class has GROUPS kinds of tasks, and every worker a distribution of labels per kind: workers who
err on the same kind of task are correlated, which Dawid-Skene cannot say. Settings and start are those of the authors'
notebooks, with one seed instead of the best bound of forty.
"""

import numpy as np
from numpy.typing import NDArray

from routing.consensus.labels import Labels

Floats = NDArray[np.floating]
GROUPS = 10
MIXTURE, CLASS_ONE = 0.1, 1.0  # a_pi and alpha of the paper
RIGHT, WRONG = 4.0, 1.0  # pseudo-labels of a row of a worker's distribution: a_v and b_v
ITERATIONS_MAX, CHANGE_MIN = 500, 1e-3


def fit(labels: Labels, rng: np.random.Generator) -> Floats:
    """Posterior (tasks, classes); `rng` breaks the symmetry between kinds."""
    posterior = labels.shares()
    kinds = rng.dirichlet(np.ones(GROUPS), (labels.tasks, labels.classes)) * posterior[:, :, None]
    for _ in range(ITERATIONS_MAX):
        kinds = step(labels, kinds, posterior)
        before, posterior = posterior, kinds.sum(axis=2)
        if np.abs(posterior - before).max() < CHANGE_MIN:
            break
    return posterior


def step(labels: Labels, kinds: Floats, posterior: Floats) -> Floats:
    """(tasks, classes, groups) from the same."""
    from scipy.special import digamma

    classes, columns = labels.classes, labels.classes * GROUPS
    eta = MIXTURE / GROUPS + kinds.sum(axis=0)
    nu = CLASS_ONE + posterior.sum(axis=0)
    counts = (labels.matrix.T @ kinds.reshape(labels.tasks, columns)).reshape(labels.workers, classes, classes, GROUPS)
    counts = counts + (WRONG + (RIGHT - WRONG) * np.eye(classes))[None, :, :, None]  # worker, given, truth, group
    given = digamma(counts) - digamma(counts.sum(axis=1, keepdims=True))
    kind = digamma(eta) - digamma(eta.sum(axis=1, keepdims=True)) + (digamma(nu) - digamma(nu.sum()))[:, None]
    logs = labels.matrix @ given.reshape(labels.workers * classes, columns) + kind.reshape(1, columns)
    weight = np.exp(logs - logs.max(axis=1, keepdims=True))
    return (weight / weight.sum(axis=1, keepdims=True)).reshape(labels.tasks, classes, GROUPS)
