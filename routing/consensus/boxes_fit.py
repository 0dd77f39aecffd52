"""The full refit of a project's boxes: how reliable each labeler is, and what gold teaches of existence.

Reliabilities come from gold where there is any and from the consensus elsewhere, each candidate counting with its
probability; they are shrunk to the population by a few pseudo-objects. The two are refined in turn. The model learns
from gold with random part crews as well, so that it knows what one, two or three answers are worth, and not only all.
"""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from routing.consensus.boxes import Boxes, Joined, Reliability, join, overlap
from routing.consensus.existence import DEFAULT, Existence
from routing.consensus.existence_fit import Lesson, fit

Array = NDArray[np.float64]
RIGHT_IOU = 0.5  # from here on a box is of that object
ROUNDS = 2
SHRINK_OBJECTS = 8.0  # pseudo-objects of the population that stand beside a labeler's own
ERROR_MAX = 0.5  # of a side; who is further off drew something else
CREWS_PER_GOLD = 4
CREW_MIN_FOR_ERROR = 3


@dataclass(frozen=True)
class Learned:
    """What a refit finds: each labeler's reliability, a newcomer's, and the model of existence."""

    reliability: Mapping[Hashable, Reliability]
    usual: Reliability
    model: Existence

    def of(self, labeler: Hashable) -> Reliability:
        return self.reliability.get(labeler, self.usual)


Task = Mapping[Hashable, Boxes]  # answers by labeler


def refit(
    tasks: Mapping[Hashable, Task],
    gold: Mapping[Hashable, Boxes],
    start: Existence = DEFAULT,
    rng: np.random.Generator | None = None,
) -> Learned:
    """From all answers by task and the truth of some tasks; the same for the same input unless `rng` is given."""
    dice = np.random.default_rng(0) if rng is None else rng
    learned = Learned({}, Reliability(), start)
    crews = [(task, crew) for task in gold if task in tasks for crew in _crews(list(tasks[task]), dice)]
    for _ in range(ROUNDS):
        reliability, usual = _reliabilities(tasks, gold, learned)
        learned = replace(learned, reliability=reliability, usual=usual)
        base = replace(start, recall=usual.recall, precision=usual.precision)
        lessons = [
            _lesson({w: tasks[task][w] for w in crew}, gold[task], replace(learned, model=base)) for task, crew in crews
        ]
        learned = replace(learned, model=fit(lessons, base))
    return learned


def _crews(labelers: list[Hashable], dice: np.random.Generator) -> list[list[Hashable]]:
    """All of them, and some random parts."""
    crews = [labelers]
    for _ in range(CREWS_PER_GOLD if len(labelers) > 1 else 0):
        size = int(dice.integers(1, len(labelers)))
        crews.append([labelers[i] for i in dice.choice(len(labelers), size, replace=False)])
    return crews


def _joined(task: Task, learned: Learned) -> Joined:
    return join(list(task.values()), [learned.of(w) for w in task], learned.model)


def _lesson(task: Task, truth: Boxes, learned: Learned) -> Lesson:
    joined = _joined(task, learned)
    real, near, lost = right(joined.places, truth.rows)
    return Lesson(joined.candidates.evidence, real, near, lost)


def right(drawn: Array, truth: Array) -> tuple[NDArray[np.bool_], Array, int]:
    """Which of the drawn rows are a true object, best overlaps first; the overlaps; how many true ones are left."""
    iou = overlap(drawn, truth)
    real, near, free = np.zeros(len(drawn), bool), np.zeros(len(drawn)), len(truth)
    for _ in range(min(iou.shape)):
        i, j = divmod(int(iou.argmax()), iou.shape[1])
        if iou[i, j] < RIGHT_IOU:
            break
        real[i], near[i], free = True, iou[i, j], free - 1
        iou[i], iou[:, j] = -1, -1
    return real, near, free


class _Tally:
    """Sums per labeler: expected finds, real things there were, boxes drawn, edge errors and how many, right labels
    and of how many."""

    def __init__(self) -> None:
        self.sums: dict[Hashable, Array] = {}

    def add(self, labeler: Hashable, sums: Sequence[float]) -> None:
        self.sums[labeler] = self.sums.get(labeler, np.zeros(7)) + np.array(sums)

    def reliabilities(self) -> tuple[dict[Hashable, Reliability], Reliability]:
        usual = self._shrunk(sum(self.sums.values(), np.zeros(7)), Reliability())
        return {labeler: self._shrunk(sums, usual) for labeler, sums in self.sums.items()}, usual

    @staticmethod
    def _shrunk(sums: Array, to: Reliability) -> Reliability:
        found, there, drawn, errors, measured, right_labels, labeled = sums.tolist()
        k = SHRINK_OBJECTS
        return Reliability(
            recall=(found + k * to.recall) / (there + k),
            precision=(found + k * to.precision) / (drawn + k),
            label=(right_labels + k * to.label) / (labeled + k),
            sigma=(errors + k * to.sigma) / (measured + k),
        )


def _reliabilities(
    tasks: Mapping[Hashable, Task], gold: Mapping[Hashable, Boxes], learned: Learned
) -> tuple[dict[Hashable, Reliability], Reliability]:
    tally = _Tally()
    for name, task in tasks.items():
        _count(tally, task, _joined(task, learned), gold.get(name))
    return tally.reliabilities()


def _count(tally: _Tally, task: Task, joined: Joined, truth: Boxes | None) -> None:
    found, lost = joined.candidates, 0
    real = found.exists
    if truth is not None:
        right_ones, _, lost = right(joined.places, truth.rows)
        real = right_ones.astype(float)
    there = float(real.sum()) + lost
    sums = {w: [0.0, there, float(len(answer)), 0.0, 0.0, 0.0, 0.0] for w, answer in task.items()}
    labelers, answers = list(task), list(task.values())
    for k, members in enumerate(joined.all_members):
        errors = _errors(np.array([answers[a].rows[i] for a, i in members]))
        for (a, i), error in zip(members, errors, strict=True):
            mine = sums[labelers[a]]
            mine[0] += float(real[k])
            if len(members) >= CREW_MIN_FOR_ERROR:
                mine[3] += float(real[k]) * error
                mine[4] += float(real[k])
                mine[5] += float(real[k]) * (answers[a].labels[i] == found.labels[k])
                mine[6] += float(real[k])
    for labeler, one in sums.items():
        tally.add(labeler, one)


def _errors(rows: Array) -> list[float]:
    """Of each box of a group how far its edges are from the median of the others', as a share of the side."""
    if len(rows) < CREW_MIN_FOR_ERROR:
        return [0.0] * len(rows)
    edges = np.hstack([rows[:, :2], rows[:, :2] + rows[:, 2:]])
    errors = []
    for k in range(len(rows)):
        middle = np.median(np.delete(edges, k, axis=0), axis=0)
        sides = np.tile(np.maximum(middle[2:] - middle[:2], 1e-9), 2)
        errors.append(float(np.minimum(np.abs(edges[k] - middle) / sides, ERROR_MAX).mean()))
    return errors
