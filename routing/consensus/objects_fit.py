"""The full refit of a project's objects: how reliable each labeler is, and what gold teaches of existence.

Reliabilities come from gold where there is any and from the consensus elsewhere, each candidate counting with its
probability; they are shrunk to the population by a few pseudo-objects. The two are refined in turn. The model learns
from gold with random part crews as well, so that it knows what one, two or three answers are worth, and not only all.
"""

from collections.abc import Hashable, Mapping
from dataclasses import dataclass, replace
from typing import Generic

import numpy as np
from numpy.typing import NDArray

from routing.consensus.existence import DEFAULT, Existence
from routing.consensus.existence_fit import Lesson, fit
from routing.consensus.objects import A, Joined, OnlineObjects, R, Shape

Array = NDArray[np.float64]
ROUNDS = 2
SHRINK_OBJECTS = 8.0  # pseudo-objects of the population that stand beside a labeler's own
CREWS_PER_GOLD = 4
CREW_MIN_FOR_ERROR = 3
FOUND, THERE, DRAWN, LABEL, MEASURED, ERRORS = 0, 1, 2, 3, 4, 5  # columns of the sums


@dataclass(frozen=True)
class Learned(Generic[R]):
    """What a refit finds: each labeler's reliability, a newcomer's, and the model of existence."""

    reliability: Mapping[Hashable, R]
    usual: R
    model: Existence

    def of(self, labeler: Hashable) -> R:
        return self.reliability.get(labeler, self.usual)


def refit(
    shape: Shape[A, R],
    unknown: R,
    tasks: Mapping[Hashable, Mapping[Hashable, A]],
    gold: Mapping[Hashable, A],
    rng: np.random.Generator,
    start: Existence = DEFAULT,
) -> Learned[R]:
    """From all answers by task and labeler, and the truth of some tasks.

    `unknown` is a labeler of whom nothing is known; `rng` draws the part crews.
    """
    learned = Learned({}, unknown, start)
    crews = [(task, crew) for task in gold if task in tasks for crew in _crews(list(tasks[task]), rng)]
    for _ in range(ROUNDS):
        tally = _Tally(shape, unknown)
        for name, task in tasks.items():
            tally.count(task, _joined(shape, task, learned), gold.get(name))
        reliability, usual = tally.reliabilities()
        base = replace(start, recall=usual.recall, precision=usual.precision)
        learned = Learned(reliability, usual, base)
        lessons = [_lesson(shape, {w: tasks[task][w] for w in crew}, gold[task], learned) for task, crew in crews]
        learned = replace(learned, model=fit(lessons, base))
    return learned


def _crews(labelers: list[Hashable], rng: np.random.Generator) -> list[list[Hashable]]:
    """All of them, and some random parts."""
    crews = [labelers]
    for _ in range(CREWS_PER_GOLD if len(labelers) > 1 else 0):
        size = int(rng.integers(1, len(labelers)))
        crews.append([labelers[i] for i in rng.choice(len(labelers), size, replace=False)])
    return crews


def _joined(shape: Shape[A, R], task: Mapping[Hashable, A], learned: Learned[R]) -> Joined[A]:
    online = OnlineObjects(shape, learned.model)
    for labeler, answer in task.items():
        online.add(answer, learned.of(labeler))
    return online.joined()


def _lesson(shape: Shape[A, R], task: Mapping[Hashable, A], truth: A, learned: Learned[R]) -> Lesson:
    joined = _joined(shape, task, learned)
    real, near, lost = right(shape, joined.places, truth)
    return Lesson(joined.candidates.evidence, real, near, lost)


def right(shape: Shape[A, R], drawn: A, truth: A) -> tuple[NDArray[np.bool_], Array, int]:
    """Which of the drawn are a true object, nearest first; how near they are; how many true ones are left."""
    near = shape.near(drawn, truth).copy()
    real, nearness, free = np.zeros(len(near), bool), np.zeros(len(near)), near.shape[1]
    for _ in range(min(near.shape)):
        i, j = divmod(int(near.argmax()), near.shape[1])
        if near[i, j] < shape.right:
            break
        real[i], nearness[i], free = True, near[i, j], free - 1
        near[i], near[:, j] = -1, -1
    return real, nearness, free


class _Tally(Generic[A, R]):
    """Sums per labeler: expected finds, real things there were, things drawn, right labels, how many were measured, and
    their errors."""

    def __init__(self, shape: Shape[A, R], unknown: R) -> None:
        self._shape, self._unknown = shape, unknown
        self._width = ERRORS + len(shape.errors_of)
        self._sums: dict[Hashable, Array] = {}

    def count(self, task: Mapping[Hashable, A], joined: Joined[A], truth: A | None) -> None:
        shape, found, lost = self._shape, joined.candidates, 0
        real = found.exists
        if truth is not None:
            is_real, _, lost = right(shape, joined.places, truth)
            real = is_real.astype(float)
        labelers, answers = list(task), list(task.values())
        mine = np.zeros((len(labelers), self._width))
        mine[:, THERE] = real.sum() + lost
        mine[:, DRAWN] = [len(shape.labels(answer)) for answer in answers]
        for k, members in enumerate(joined.all_members):
            mine[[a for a, _ in members], FOUND] += real[k]
            if len(members) >= CREW_MIN_FOR_ERROR:
                things = shape.stack([shape.pick(answers[a], [i]) for a, i in members])
                right_label = [label == found.labels[k] for label in shape.labels(things)]
                measured = np.column_stack([right_label, np.ones(len(members)), shape.errors(things)])
                mine[[a for a, _ in members], LABEL:] += real[k] * measured
        for labeler, sums in zip(labelers, mine, strict=True):
            self._sums[labeler] = self._sums.get(labeler, np.zeros(self._width)) + sums

    def reliabilities(self) -> tuple[dict[Hashable, R], R]:
        usual = self._shrunk(sum(self._sums.values(), np.zeros(self._width)), self._unknown)
        return {labeler: self._shrunk(sums, usual) for labeler, sums in self._sums.items()}, usual

    def _shrunk(self, sums: Array, to: R) -> R:
        k = SHRINK_OBJECTS
        errors = {
            name: float((error + k * getattr(to, name)) / (sums[MEASURED] + k))
            for name, error in zip(self._shape.errors_of, sums[ERRORS:], strict=True)
        }
        return replace(
            to,
            recall=float((sums[FOUND] + k * to.recall) / (sums[THERE] + k)),
            precision=float((sums[FOUND] + k * to.precision) / (sums[DRAWN] + k)),
            label=float((sums[LABEL] + k * to.label) / (sums[MEASURED] + k)),
            **errors,
        )
