"""Consensus of classes label by label: a new label moves its task's posterior and that task's labelers, nothing else.

Incremental expectation maximisation (Neal and Hinton 1998) of the default's two opinions, from the same sums that the
refit takes; `refit` runs the whole default and goes on from what that found.
"""

from collections.abc import Hashable, Sequence

import numpy as np

from routing.consensus import classes as default
from routing.consensus.calibration import NONE, Calibration
from routing.consensus.dawid_skene import (
    KAPPA,
    TINY,
    crowd_accuracy,
    expected_counts,
    hits,
    pooled_confusion,
    shrunk_accuracy,
)
from routing.consensus.labels import Floats, Ints, Labels
from routing.consensus.merged import Merged
from routing.consensus.weighted_vote import PRIOR_WEIGHT, weights

ROWS_FIRST = 64  # rows allocated at first; doubled when full


class OnlineClasses:
    """All labels of one task type, with each task's posterior and each worker's sums.

    Memory in bytes: 4 classes ** 2 a worker, 4 classes a task, and 16 or more a label.
    """

    def __init__(self, classes: Sequence[Hashable] = (), calibration: Calibration | None = None) -> None:
        self.calibration = calibration or NONE
        self._class_at = {one: k for k, one in enumerate(dict.fromkeys(classes))}
        self._task_at: dict[Hashable, int] = {}
        self._worker_at: dict[Hashable, int] = {}
        self._gold: dict[int, int] = {}
        self._added: dict[int, list[tuple[int, int]]] = {}  # task: (worker, label) since the last refit
        self._starts, self._loaded = np.zeros(1, np.int64), np.empty((0, 2), np.int64)
        size = len(self._class_at)
        self._posterior: Floats = np.zeros((ROWS_FIRST, size), np.float32)  # of a task without labels: 0
        self._common: Floats = np.zeros(size)  # expected number of tasks of each class
        self._counts: Floats = np.zeros((ROWS_FIRST, size, size), np.float32)  # worker, given, truth: expected
        self._truths: Floats = np.zeros((ROWS_FIRST, size))  # worker, truth: the same, summed over what was given
        self._right: Floats = np.zeros(ROWS_FIRST)  # worker: her expected right labels
        self._squares: Floats = np.zeros(ROWS_FIRST)  # worker: the squared lengths of her tasks' posteriors, summed
        self._given: Floats = np.zeros(ROWS_FIRST)  # worker: her labels
        self._pooled: Floats = np.zeros((size, size))  # given, truth: the counts of the whole crowd
        self._squared, self._total = 0.0, 0  # the squares and the labels of the whole crowd

    def add(self, task: Hashable, worker: Hashable, label: Hashable) -> dict[Hashable, float]:
        """One more label; returns the task's calibrated posterior. Unseen ids are new tasks, workers and classes.

        A worker's second label for a task counts beside the first.
        """
        t, w, k = self._task(task), self._worker(worker), self._class(label)
        self._added.setdefault(t, []).append((w, k))
        self._given[w] += 1
        self._total += 1
        new = np.array([w]), np.array([k])
        self._move(*new, self._posterior[t], float(self._posterior[t] @ self._posterior[t]))
        return self._named(self._settle(t))

    def know(self, task: Hashable, truth: Hashable) -> None:
        """Gold or a review: the task's class is certain from now on, and its labelers are measured by it."""
        t = self._task(task)
        self._gold[t] = self._class(truth)
        self._settle(t)

    def posterior(self, task: Hashable) -> dict[Hashable, float]:
        """The task's calibrated posterior, as its last label left it; without labels the classes' shares so far."""
        t = self._task_at.get(task)
        if t is None or not self._posterior[t].any():
            return dict(zip(self._class_at, self._prior().tolist(), strict=True))
        return self._named(self._posterior[t], known=t in self._gold)

    def merged(self, task: Hashable) -> Merged[Hashable]:
        """Raises KeyError for a task that has no labels."""
        _, labels = self._votes(self._task_at[task])
        if not len(labels):
            raise KeyError(task)
        probability = self.posterior(task)
        value = max(probability, key=lambda one: probability[one])
        best = self._class_at[value]
        return Merged(value, probability[value], (), tuple(float(k == best) for k in labels.tolist()))

    def accuracy(self, worker: Hashable) -> float:
        """Expected share of right labels, shrunk to the crowd's; of somebody unseen the crowd's."""
        w = self._worker_at.get(worker)
        mean = self._mean_accuracy()
        return mean if w is None else float(shrunk_accuracy(self._right[w], self._given[w], mean))

    def voter(self, worker: Hashable) -> "default.Voter":
        """The worker as `classes.merge` wants her."""
        w = self._worker_at.get(worker)
        if w is None:
            return default.Voter(self._mean_accuracy())
        names = list(self._class_at)
        pairs = np.argwhere(self._counts[w] > TINY).tolist()
        confusion = {(names[truth], names[given]): float(self._counts[w, given, truth]) for given, truth in pairs}
        return default.Voter(self.accuracy(worker), confusion)

    def labels(self) -> Labels:
        """Everything said so far, for a full refit."""
        rows = [np.column_stack([self._loaded_tasks(), self._loaded])]
        rows += [np.array([(t, w, k) for t, said in self._added.items() for w, k in said], np.int64).reshape(-1, 3)]
        table = np.concatenate(rows)
        gold = np.full(len(self._task_at), -1)
        gold[list(self._gold)] = list(self._gold.values())
        tasks, workers, classes = tuple(self._task_at), tuple(self._worker_at), tuple(self._class_at)
        sizes = (len(tasks), len(workers), len(classes))
        return Labels(table[:, 0], table[:, 1], table[:, 2], *sizes, gold, tasks, workers, classes)

    def refit(self) -> "default.Fit":
        """The whole default from all labels; what it found is where the next label starts."""
        fit = default.refit(self.labels())
        self.load(fit)
        return fit

    def load(self, fit: "default.Fit") -> None:
        """Start from a full refit, dropping what is here. Raises ValueError for labels without ids."""
        labels, mean = fit.labels, fit.mean
        if labels.tasks and not labels.task_ids:
            raise ValueError("labels: ids are needed to find a task again")
        self.calibration, self._added = fit.calibration, {}
        self._task_at = {one: k for k, one in enumerate(labels.task_ids)}
        self._worker_at = {one: k for k, one in enumerate(labels.worker_ids)}
        self._class_at = {one: k for k, one in enumerate(labels.class_ids)}
        self._gold = {int(t): int(labels.gold[t]) for t in labels.known}
        order = np.argsort(labels.task, kind="stable")
        self._loaded = np.column_stack([labels.worker[order], labels.label[order]])
        self._starts = np.concatenate([[0], np.cumsum(np.bincount(labels.task, minlength=labels.tasks))])
        # What has neither labels nor gold is no evidence of how common the classes are.
        seen = labels.answers > 0
        seen[labels.known] = True
        self._posterior = np.where(seen[:, None], mean, 0).astype(np.float32)
        self._common = self._posterior.sum(axis=0, dtype=np.float64)
        self._load_workers(labels)

    def _load_workers(self, labels: Labels) -> None:
        self._counts = expected_counts(labels, self._posterior).astype(np.float32)
        self._truths = self._counts.sum(axis=1, dtype=np.float64)
        self._right = np.trace(self._counts, axis1=1, axis2=2).astype(np.float64)
        self._given = labels.given.copy()
        length = (self._posterior**2).sum(axis=1)
        self._squares = np.bincount(labels.worker, length[labels.task], labels.workers).astype(float)
        self._pooled = self._counts.sum(axis=0, dtype=np.float64)
        self._squared, self._total = float(self._squares.sum()), len(labels)

    # One task

    def _settle(self, t: int) -> Floats:
        """The task's posterior from its labelers as they are, then its labelers' sums from the new posterior."""
        workers, labels = self._votes(t)
        if t in self._gold:
            new = (np.arange(len(self._common)) == self._gold[t]).astype(float)
        else:
            prior = self._prior()
            new = (self._likely(workers, labels, prior) + self._shares(workers, labels, prior)) / 2
        old = self._posterior[t].copy()
        self._posterior[t] = new
        change = new - old
        self._common += change
        if len(workers):
            self._move(workers, labels, change, float(new @ new - old @ old))
        return new

    def _move(self, workers: Ints, labels: Ints, change: Floats, squares: float) -> None:
        """Add a change of one task's posterior, and of its squared length, to the sums of who labeled it."""
        np.add.at(self._counts, (workers, labels), change)
        np.add.at(self._truths, workers, change)
        np.add.at(self._right, workers, change[labels])
        np.add.at(self._squares, workers, squares)
        np.add.at(self._pooled, labels, change)
        self._squared += squares * len(workers)

    def _votes(self, t: int) -> tuple[Ints, Ints]:
        said = self._loaded[self._starts[t] : self._starts[t + 1]] if t + 1 < len(self._starts) else self._loaded[:0]
        if t in self._added:
            said = np.concatenate([said, np.array(self._added[t])])
        return said[:, 0], said[:, 1]

    def _likely(self, workers: Ints, labels: Ints, prior: Floats) -> Floats:
        """Dawid-Skene's posterior, as dawid_skene.likely has it, for these few labels."""
        mean = self._mean_accuracy()
        pooled = pooled_confusion(self._pooled)
        right = np.clip(pooled.diagonal(), TINY, 1 - TINY)
        hit = hits(shrunk_accuracy(self._right[workers], self._given[workers], mean), right, mean)
        base = (pooled / (1 - right))[labels] * (1 - hit)  # (n, truth)
        each = np.arange(len(labels))
        base[each, labels] = hit[each, labels]
        said = (self._counts[workers, labels] + KAPPA * base) / (self._truths[workers] + KAPPA)
        logs = np.log(np.maximum(said, TINY**2)).sum(axis=0) + np.log(prior)
        weight = np.exp(logs - logs.max())
        return weight / weight.sum()

    def _shares(self, workers: Ints, labels: Ints, prior: Floats) -> Floats:
        """The weighted vote's shares, as weighted_vote.shares has them."""
        given = self._given[workers]
        error = np.maximum(self._squares[workers] - 2 * self._right[workers] + given, 0)
        mean = (self._squared - 2 * float(np.trace(self._pooled)) + self._total) / max(1, self._total)
        share = PRIOR_WEIGHT * prior + np.bincount(labels, weights(given, error, mean), len(prior))
        return share / share.sum()

    def _named(self, posterior: Floats, known: bool = False) -> dict[Hashable, float]:
        row = posterior if known else self.calibration.apply(posterior[None].astype(float))[0]
        return dict(zip(self._class_at, row.tolist(), strict=True))

    # The crowd

    def _prior(self) -> Floats:
        common = np.maximum(self._common, 0) + 1
        return common / common.sum()

    def _mean_accuracy(self) -> float:
        return crowd_accuracy(float(np.trace(self._pooled)), float(self._pooled.sum()))

    # Places

    def _task(self, task: Hashable) -> int:
        t = self._task_at.setdefault(task, len(self._task_at))
        if t >= len(self._posterior):
            self._posterior = _doubled(self._posterior)
        return t

    def _worker(self, worker: Hashable) -> int:
        w = self._worker_at.setdefault(worker, len(self._worker_at))
        if w >= len(self._counts):
            self._counts, self._truths = _doubled(self._counts), _doubled(self._truths)
            self._right, self._squares = _doubled(self._right), _doubled(self._squares)
            self._given = _doubled(self._given)
        return w

    def _class(self, label: Hashable) -> int:
        k = self._class_at.setdefault(label, len(self._class_at))
        if k >= len(self._common):
            self._posterior = np.pad(self._posterior, ((0, 0), (0, 1)))
            self._counts = np.pad(self._counts, ((0, 0), (0, 1), (0, 1)))
            self._truths = np.pad(self._truths, ((0, 0), (0, 1)))
            self._pooled = np.pad(self._pooled, ((0, 1), (0, 1)))
            self._common = np.pad(self._common, (0, 1))
        return k

    def _loaded_tasks(self) -> Ints:
        return np.repeat(np.arange(len(self._starts) - 1), np.diff(self._starts))


def _doubled(rows: Floats) -> Floats:
    return np.concatenate([rows, np.zeros_like(rows, shape=(max(ROWS_FIRST, len(rows)), *rows.shape[1:]))])
