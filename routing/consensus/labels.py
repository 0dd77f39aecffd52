"""Labels as arrays: who said which class of which task, with ids mapped to positions at the edge."""

from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating[Any]]
Ints = NDArray[np.integer[Any]]
SINGLE_PRECISION_MIN = 100_000  # labels


@dataclass(frozen=True)
class Labels:
    """n labels: positions of task, worker and class, each (n,); the ids behind the positions where there are any.

    A worker who labeled one task twice counts twice, as in the published methods. `gold` is (tasks,), the class that
    is known to be true or -1.
    """

    task: Ints
    worker: Ints
    label: Ints
    tasks: int
    workers: int
    classes: int
    gold: Ints = field(default_factory=lambda: np.empty(0, np.int64))
    task_ids: tuple[Hashable, ...] = ()
    worker_ids: tuple[Hashable, ...] = ()
    class_ids: tuple[Hashable, ...] = ()

    def __len__(self) -> int:
        return len(self.task)

    @property
    def dtype(self) -> type[np.floating[Any]]:
        """Single precision halves the time of a large fit; in a small one it would let rounding break ties."""
        return np.float32 if len(self) >= SINGLE_PRECISION_MIN else np.float64

    @cached_property
    def matrix(self) -> Any:
        """scipy.sparse CSR (tasks, workers * classes): how often this worker gave this label to this task."""
        from scipy.sparse import csr_array  # a tenth of a second that few processes need

        shape = (self.tasks, self.workers * self.classes)
        column = self.worker.astype(np.int32) * np.int32(self.classes) + self.label.astype(np.int32)
        ones = np.ones(len(self), self.dtype)
        return csr_array((ones, (self.task.astype(np.int32), column)), shape=shape)

    @cached_property
    def answers(self) -> Floats:
        """(tasks,): how many labels each task has."""
        return np.bincount(self.task, minlength=self.tasks).astype(self.dtype)

    @cached_property
    def given(self) -> Floats:
        """(workers,): how many labels each worker gave."""
        return np.bincount(self.worker, minlength=self.workers).astype(float)

    @cached_property
    def place(self) -> Ints:
        """(n,): where a label's (task, class) lies in a flattened table of them."""
        return self.task * self.classes + self.label

    @cached_property
    def counts(self) -> Floats:
        """(tasks, classes): how many votes each class of each task has."""
        flat = np.bincount(self.place, minlength=self.tasks * self.classes)
        return flat.reshape(self.tasks, self.classes).astype(self.dtype)

    @cached_property
    def known(self) -> Ints:
        """Positions of the gold tasks."""
        return np.flatnonzero(self.gold >= 0) if len(self.gold) else np.empty(0, np.int64)

    def shares(self) -> Floats:
        """(tasks, classes): the votes' shares, gold clamped; even for a task without labels. Where every fit starts."""
        counts = self.counts
        share = np.where(self.answers[:, None] > 0, counts, 1.0)
        return self.clamp((share / share.sum(axis=1, keepdims=True)).astype(self.dtype))

    def clamp(self, posterior: Floats) -> Floats:
        """`posterior` with the gold tasks' truth certain, in place."""
        if len(self.known):
            posterior[self.known] = 0
            posterior[self.known, self.gold[self.known]] = 1
        return posterior

    def with_gold(self, gold: Ints) -> "Labels":
        """These labels with other gold: (tasks,), the class or -1. What was computed from the labels is kept."""
        other = replace(self, gold=gold)
        for name in ("matrix", "answers", "given", "place", "counts"):
            if name in self.__dict__:
                other.__dict__[name] = self.__dict__[name]
        return other

    def blind(self) -> "Labels":
        """These labels without any gold."""
        return self.with_gold(np.empty(0, np.int64))


def index(
    rows: Iterable[tuple[Hashable, Hashable, Hashable]],
    classes: Sequence[Hashable] = (),
    gold: Mapping[Hashable, Hashable] | None = None,
    tasks: Iterable[Hashable] = (),
) -> Labels:
    """Labels from (task, worker, class) rows of any hashable ids; `classes` and `tasks` name some that nobody used yet.

    An abstention is a row that is not there.
    """
    task_at: dict[Hashable, int] = {one: k for k, one in enumerate(dict.fromkeys(tasks))}
    worker_at: dict[Hashable, int] = {}
    class_at: dict[Hashable, int] = {one: k for k, one in enumerate(dict.fromkeys(classes))}
    for truth in (gold or {}).values():
        class_at.setdefault(truth, len(class_at))
    places = [
        (
            task_at.setdefault(task, len(task_at)),
            worker_at.setdefault(worker, len(worker_at)),
            class_at.setdefault(label, len(class_at)),
        )
        for task, worker, label in rows
    ]
    table = np.array(places, np.int64).reshape(-1, 3)
    clamped = np.full(len(task_at), -1)
    for one, truth in (gold or {}).items():
        if one in task_at:
            clamped[task_at[one]] = class_at[truth]
    return Labels(
        table[:, 0],
        table[:, 1],
        table[:, 2],
        len(task_at),
        len(worker_at),
        len(class_at),
        clamped,
        tuple(task_at),
        tuple(worker_at),
        tuple(class_at),
    )
