"""Expectation maximisation over labels: from the votes' shares, a step again and again until nothing moves."""

from collections.abc import Callable

import numpy as np

from routing.consensus.labels import Floats, Labels

ITERATIONS_MAX = 100
CHANGE_MIN = 1e-3  # of a task's probability that may still change place, on average over tasks


def settle(labels: Labels, step: Callable[[Labels, Floats], Floats]) -> Floats:
    """The posterior (tasks, classes), gold clamped, where `step` from posterior to posterior comes to rest."""
    posterior = labels.shares()
    for _ in range(ITERATIONS_MAX):
        before, posterior = posterior, labels.clamp(step(labels, posterior))
        # Half the absolute difference is the probability moved.
        if np.abs(posterior - before).sum() / 2 < CHANGE_MIN * labels.tasks:
            break
    return posterior


def normalised(logs: Floats) -> Floats:
    """Rows of log weights to probabilities, in place."""
    logs -= logs.max(axis=1, keepdims=True)
    np.exp(logs, out=logs)
    logs /= logs.sum(axis=1, keepdims=True)
    return logs


def class_prior(posterior: Floats) -> Floats:
    """(classes,): how common each class is, one pseudo-task each."""
    total = posterior.sum(axis=0, dtype=np.float64) + 1
    return (total / total.sum()).astype(posterior.dtype)
