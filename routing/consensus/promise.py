"""What a verdict's confidence is worth where labels are asked until it is high enough: learned from hidden gold.

Two things spoil what gold seems to say of a posterior. A fit that knows the truth of a gold task is confirmed by its
own labels. And a task that was asked until its posterior was high is more often high by luck than any task with as many
labels (the winner's curse). So gold is parted in folds. For each fold there is a fit from which its truth is hidden,
and which sees of it only what an ordinary task would have been asked: the stop rule decides on it as on any other. Its
tasks are then exchangeable with the open ones, and whether they are right now says how far to believe the others now.
Cross-fitting as in Chernozhukov et al. 2018; the map is Platt's, 1999, with a prior that a dozen gold tasks can move.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from routing.consensus import classes
from routing.consensus.calibration import Calibration, platt
from routing.consensus.em import settle
from routing.consensus.labels import Floats, Ints, Labels

FOLDS = 2
USUAL, USUAL_SD = (0.0, 0.75), (1.0, 0.25)  # shift and slope of the log odds, before any gold is seen
Step = Callable[[Labels, Floats], Floats]


@dataclass(frozen=True)
class Promises:
    """`posterior` (tasks, classes): the mean of the fits; of a gold task that of the fit that does not know it.
    `confidence` (tasks,): the promised probability that the task's best class is right. `fits`: each fold's posterior,
    with the labels that it saw."""

    posterior: Floats
    confidence: Floats
    calibration: Calibration
    fits: tuple[tuple[Labels, Floats], ...]


def part(known: Ints, rng: np.random.Generator) -> tuple[Ints, ...]:
    """The gold tasks in folds at random; one empty fold where there are too few to part."""
    shuffled = rng.permutation(known)
    return tuple(shuffled[k::FOLDS] for k in range(FOLDS)) if len(known) >= FOLDS else (shuffled[:0],)


def promises(labels: Labels, asked: NDArray[np.bool_], folds: tuple[Ints, ...], step: Step = classes.step) -> Promises:
    """What is promised of every task now.

    `asked` (n,): which labels an ordinary task would have: all of those, and of gold what the stop rule asked for.
    """
    fits = tuple(_fit_without(fold, labels, asked, step) for fold in folds)
    posterior: Floats = np.mean([found for _, found in fits], axis=0)
    for fold, (_, found) in zip(folds, fits, strict=True):
        posterior[fold] = found[fold]
    hidden = np.concatenate(folds)
    answered = hidden[np.bincount(labels.task[asked], minlength=labels.tasks)[hidden] > 0]
    stated, verdict = posterior.max(axis=1), posterior.argmax(axis=1)
    right = (verdict[answered] == labels.gold[answered]).astype(float)
    calibration = learn(stated[answered], right)
    confidence = np.mean([calibration.confidence(found[np.arange(labels.tasks), verdict]) for _, found in fits], axis=0)
    confidence[hidden] = calibration.confidence(stated[hidden])
    return Promises(posterior, confidence, calibration, fits)


def learn(stated: Floats, right: Floats) -> Calibration:
    """From (n,) stated confidences of tasks as the stop rule left them, and whether each was right; n may be 0."""
    return Calibration(*platt(stated, right, USUAL, USUAL_SD))


def _fit_without(fold: Ints, labels: Labels, asked: NDArray[np.bool_], step: Step) -> tuple[Labels, Floats]:
    gold = labels.gold.copy()
    gold[fold] = -1
    seen = asked | (gold[labels.task] >= 0)
    part = replace(labels, task=labels.task[seen], worker=labels.worker[seen], label=labels.label[seen], gold=gold)
    return part, settle(part, step)
