"""The refit of a project of classes: agreement anew, what is typical of its classes, and its calibration."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from marketplace.fitting import labels as loading
from marketplace.models import Project
from routing.consensus import calibration, classes
from routing.consensus.calibration import Calibration
from routing.consensus.classes import Voter
from routing.consensus.em import class_prior
from routing.consensus.labels import Labels
from routing.skill import Statistic, confusion_facet, row_strength
from routing.skill.agreement import CELL_MIN, confusion_counts, label_weights
from routing.skill.profile import ACCURACY

GROUPS_MAX = 2_000  # of gold answers, for calibration
GROUP_SIZES = (2, 3)  # as many answers as a verdict mostly has; gold has many more
TABLES_MAX = 5_000_000  # numbers: beyond this the rows' strength is the usual one
Floats = NDArray[np.float64]
ByLabeler = dict[str, dict[str, Statistic]]


@dataclass(frozen=True)
class ClassFit:
    """`agreement`: by labeler and facet what replaces that source's statistics; `typical`: ProjectFit's classes."""

    answers: int
    agreement: ByLabeler
    typical: dict[str, Any]
    calibration: Calibration
    numbers: dict[str, Any]


def fit(project: Project, now: datetime) -> ClassFit | None:
    """None where there is nothing to learn from."""
    answered = loading.load(project, now)
    labels = answered.labels
    if not len(labels) or labels.classes < 2:
        return None
    found = classes.refit(labels)
    posterior = np.asarray(found.posterior, dtype=float)
    names = [str(name) for name in labels.class_ids]
    agreement: ByLabeler = {}
    pooled, tables = np.zeros((labels.classes, labels.classes)), []
    keeps_tables = labels.workers * labels.classes**2 <= TABLES_MAX
    weight = label_weights(labels, posterior, answered.age_days)
    for worker, table in zip(labels.worker_ids, confusion_counts(labels, posterior, weight), strict=True):
        agreement[str(worker)] = dict(_statistics(table, names, now))
        pooled += table.T
        if keeps_tables:
            tables.append(table.T)
    typical = {
        "names": names,
        "frequency": class_prior(found.mean).astype(float).tolist(),
        "errors": _sparse(pooled),
        **({"strength": row_strength(np.array(tables), _each(weight))} if keeps_tables else {}),
    }
    learned, numbers = _calibration(labels)
    return ClassFit(len(labels), agreement, typical, learned, numbers | {"gold": len(labels.known)})


def _each(weight: Floats) -> float:
    """What one label weighs, on the average over their weight."""
    total = float(weight.sum())
    return float(weight @ weight) / total if total > 0 else 1.0


def _statistics(table: Floats, names: list[str], now: datetime) -> Iterator[tuple[str, Statistic]]:
    """A labeler's (given, truth) counts as her facets' statistics."""
    total, right = float(table.sum()), float(np.trace(table))
    if total < CELL_MIN:
        return
    yield ACCURACY, Statistic(total, right, right, now)
    for truth, weight in enumerate(table.sum(axis=0).tolist()):
        if weight >= CELL_MIN:
            hit = float(table[truth, truth])
            yield f"class:{names[truth]}", Statistic(weight, hit, hit, now)
    for given, truth in zip(*np.nonzero(table >= CELL_MIN), strict=True):
        weight = float(table[given, truth])
        yield confusion_facet(names[truth], names[given]), Statistic(weight, weight, weight, now)


def _sparse(pooled: Floats) -> list[list[float]]:
    """[[truth, given, weight], ...]."""
    cells = zip(*np.nonzero(pooled >= CELL_MIN), strict=True)
    return [[int(i), int(j), round(float(pooled[i, j]), 3)] for i, j in cells]


# Calibration


def _calibration(labels: Labels) -> tuple[Calibration, dict[str, Any]]:
    """What gold and reviews say of verdicts of a few answers.

    The labelers are taken as a fit that has not seen the gold knows them, else it would be confirmed by itself.
    """
    groups = _groups(labels)
    if not groups:
        return Calibration(), {}
    voters = classes.refit(replace(labels.blind(), worker_ids=(), class_ids=())).voters()
    every = range(labels.classes)
    stated = np.array([_stated(group, voters, every) for _, group in groups])
    truth = np.array([true for true, _ in groups])
    learned = calibration.from_gold(stated, truth)
    right = (stated.argmax(axis=1) == truth).astype(float)
    after = learned.apply(stated).max(axis=1)
    numbers = {
        "groups": len(groups),
        "ece_before": calibration.error(stated.max(axis=1), right),
        "ece_after": calibration.error(after, right),
    }
    return learned, numbers


def _stated(group: list[tuple[int, int]], voters: Mapping[Any, Voter], every: range) -> list[float]:
    """(K,) the posterior of one group of (worker, label)."""
    found = classes.posterior([label for _, label in group], [voters[worker] for worker, _ in group], every)
    return [found[k] for k in every]


def _groups(labels: Labels) -> list[tuple[int, list[tuple[int, int]]]]:
    """The known tasks' (worker, label) pairs in groups of a few, each with the true class."""
    of_task: dict[int, list[tuple[int, int]]] = defaultdict(list)
    for place in np.flatnonzero(np.isin(labels.task, labels.known)).tolist():
        of_task[int(labels.task[place])].append((int(labels.worker[place]), int(labels.label[place])))
    groups: list[tuple[int, list[tuple[int, int]]]] = []
    for task, pairs in of_task.items():
        start = 0
        while start < len(pairs) and len(groups) < GROUPS_MAX:
            size = GROUP_SIZES[len(groups) % len(GROUP_SIZES)]
            if start + size <= len(pairs):
                groups.append((int(labels.gold[task]), pairs[start : start + size]))
            start += size
    return groups
