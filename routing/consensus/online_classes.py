"""Consensus of classes label by label: a new label moves its task's posterior and that task's labelers, nothing else.

Incremental expectation maximisation (Neal and Hinton 1998) of the hierarchical Dawid-Skene model, with the weighted
vote as second opinion; `refit` runs the whole default and goes on from what that found.
"""

from collections.abc import Hashable, Sequence

import numpy as np

from routing.consensus import classes as default
from routing.consensus.calibration import Calibration
from routing.consensus.dawid_skene import ACCURACY_FIRST, ACCURACY_LABELS, KAPPA, POOLED_LABELS, TINY
from routing.consensus.labels import Floats, Ints, Labels
from routing.consensus.merged import Merged

ROWS_FIRST = 64  # rows allocated at first; doubled when full


class OnlineClasses:
    """All labels of one task type, with each task's posterior and each worker's expected confusion counts.

    Memory in bytes: 4 classes ** 2 a worker, 4 classes a task, and 16 or more a label.
    """

    def __init__(self, classes: Sequence[Hashable] = (), calibration: Calibration | None = None) -> None:
        self.calibration = calibration or Calibration()
        self._class_at = {one: k for k, one in enumerate(dict.fromkeys(classes))}
        self._task_at: dict[Hashable, int] = {}
        self._worker_at: dict[Hashable, int] = {}
        self._gold: dict[int, int] = {}
        self._added: dict[int, list[tuple[int, int]]] = {}  # task: (worker, label) since the last refit
        self._starts, self._loaded = np.zeros(1, np.int64), np.empty((0, 2), np.int64)
        size = len(self._class_at)
        self._posterior = np.zeros((ROWS_FIRST, size), np.float32)
        self._counts = np.zeros((ROWS_FIRST, size, size), np.float32)  # worker, given, truth
        self._pooled = np.zeros((size, size))
        self._common = np.zeros(size)  # expected number of tasks of each class

    def add(self, task: Hashable, worker: Hashable, label: Hashable) -> dict[Hashable, float]:
        """One more label; returns the task's calibrated posterior. Unseen ids are new tasks, workers and classes."""
        t, w, k = self._task(task), self._worker(worker), self._class(label)
        self._added.setdefault(t, []).append((w, k))
        self._counts[w, k] += self._posterior[t]
        self._pooled[k] += self._posterior[t]
        self._settle(t)
        return self.posterior(task)

    def know(self, task: Hashable, truth: Hashable) -> None:
        """Gold or a review: the task's class is certain from now on, and its labelers are measured by it."""
        t = self._task(task)
        self._gold[t] = self._class(truth)
        self._settle(t)

    def posterior(self, task: Hashable) -> dict[Hashable, float]:
        """The task's calibrated posterior; of a task without labels the classes' shares so far."""
        t = self._task_at.get(task)
        if t is not None and t in self._gold:
            return {one: float(k == self._gold[t]) for one, k in self._class_at.items()}
        workers, labels = self._votes(t)
        common = self._prior()
        full = self._likely(workers, labels, common)
        mean = (full + self._vote(workers, labels, common)) / 2
        row = self.calibration.apply(mean[None])[0]
        return dict(zip(self._class_at, row.tolist(), strict=True))

    def merged(self, task: Hashable) -> Merged[Hashable]:
        """Raises KeyError for a task that has no labels."""
        workers, labels = self._votes(self._task_at[task])
        if not len(workers):
            raise KeyError(task)
        probability = self.posterior(task)
        value = max(probability, key=lambda one: probability[one])
        best = self._class_at[value]
        return Merged(value, probability[value], (), tuple(float(k == best) for k in labels.tolist()))

    def accuracy(self, worker: Hashable) -> float:
        """Expected share of right labels, shrunk to the crowd's; of somebody unseen the crowd's."""
        w = self._worker_at.get(worker)
        mean = self._mean_accuracy()
        if w is None:
            return mean
        right, total = float(np.trace(self._counts[w])), float(self._counts[w].sum())
        return (right + ACCURACY_LABELS * mean) / (total + ACCURACY_LABELS)

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
        labels = fit.labels
        if labels.tasks and not labels.task_ids:
            raise ValueError("labels: ids are needed to find a task again")
        self._task_at = {one: k for k, one in enumerate(labels.task_ids)}
        self._worker_at = {one: k for k, one in enumerate(labels.worker_ids)}
        self._class_at = {one: k for k, one in enumerate(labels.class_ids)}
        self._gold = {int(t): int(labels.gold[t]) for t in labels.known}
        self._added, self.calibration = {}, fit.calibration
        order = np.argsort(labels.task, kind="stable")
        self._loaded = np.column_stack([labels.worker[order], labels.label[order]])
        self._starts = np.concatenate([[0], np.cumsum(np.bincount(labels.task, minlength=labels.tasks))])
        self._posterior = fit.full.astype(np.float32)
        counts = labels.matrix.T @ fit.full
        self._counts = counts.reshape(labels.workers, labels.classes, labels.classes).astype(np.float32)
        self._pooled = self._counts.sum(axis=0, dtype=np.float64)
        self._common = self._posterior.sum(axis=0, dtype=np.float64)

    # One task

    def _settle(self, t: int) -> None:
        """The task's posterior from its labelers as they are, then its labelers from the new posterior."""
        workers, labels = self._votes(t)
        new = self._likely(workers, labels, self._prior())
        if t in self._gold:
            new = (np.arange(len(new)) == self._gold[t]).astype(float)
        change = (new - self._posterior[t]).astype(np.float32)
        self._posterior[t] += change
        self._common += change
        for w, k in zip(workers.tolist(), labels.tolist(), strict=True):
            self._counts[w, k] += change
            self._pooled[k] += change

    def _votes(self, t: int | None) -> tuple[Ints, Ints]:
        if t is None:
            return np.empty(0, np.int64), np.empty(0, np.int64)
        said = self._loaded[self._starts[t] : self._starts[t + 1]] if t + 1 < len(self._starts) else self._loaded[:0]
        if t in self._added:
            said = np.concatenate([said, np.array(self._added[t])])
        return said[:, 0], said[:, 1]

    def _likely(self, workers: Ints, labels: Ints, common: Floats) -> Floats:
        """The task's posterior by Dawid-Skene, as dawid_skene.confusions has it, for these few labels."""
        counts = self._counts[workers]
        each = np.arange(len(workers))
        row = counts[each, labels]  # (n, truth)
        right = np.trace(counts, axis1=1, axis2=2)
        by_truth = counts.sum(axis=1)
        accuracy = (right + ACCURACY_LABELS * self._mean_accuracy()) / (by_truth.sum(axis=1) + ACCURACY_LABELS)
        base = self._base(labels, accuracy)
        logs = np.log((row + KAPPA * base) / (by_truth + KAPPA)).sum(axis=0) + np.log(common)
        weight = np.exp(logs - logs.max())
        return weight / weight.sum()

    def _base(self, labels: Ints, accuracy: Floats) -> Floats:
        """(n, truth): what one would expect of somebody of this accuracy who gives this label."""
        size = len(self._common)
        first = np.full((size, size), (1 - ACCURACY_FIRST) / max(1, size - 1))
        np.fill_diagonal(first, ACCURACY_FIRST)
        pooled = self._pooled + POOLED_LABELS * first
        pooled /= pooled.sum(axis=0)
        hit = np.clip(np.diag(pooled), TINY, 1 - TINY)
        mean = self._mean_accuracy()
        a = np.clip(accuracy, TINY, 1 - TINY)
        odds = (a / (1 - a) * ((1 - mean) / mean))[:, None] * (hit / (1 - hit))
        own = odds / (1 + odds)
        base = pooled[labels] / (1 - hit) * (1 - own)
        each = np.arange(len(labels))
        base[each, labels] = own[each, labels]
        return base

    def _vote(self, workers: Ints, labels: Ints, common: Floats) -> Floats:
        """The weighted vote's shares."""
        mean = self._mean_accuracy()
        counts = self._counts[workers]
        right = np.trace(counts, axis1=1, axis2=2)
        total = counts.sum(axis=(1, 2))
        wrong = 1 - (right + ACCURACY_LABELS * mean) / (total + ACCURACY_LABELS)
        weight = np.minimum(default.WEIGHT_MAX, (1 - mean) / np.maximum(TINY, wrong))
        shares = common + np.bincount(labels, weight, len(common))
        return shares / shares.sum()

    # The crowd

    def _prior(self) -> Floats:
        common = self._common + 1
        return common / common.sum()

    def _mean_accuracy(self) -> float:
        mean = (float(np.trace(self._pooled)) + ACCURACY_FIRST) / (float(self._pooled.sum()) + 1)
        return min(max(mean, TINY), 1 - TINY)

    # Places

    def _task(self, task: Hashable) -> int:
        t = self._task_at.setdefault(task, len(self._task_at))
        if t >= len(self._posterior):
            self._posterior = _doubled(self._posterior)
        return t

    def _worker(self, worker: Hashable) -> int:
        w = self._worker_at.setdefault(worker, len(self._worker_at))
        if w >= len(self._counts):
            self._counts = _doubled(self._counts)
        return w

    def _class(self, label: Hashable) -> int:
        k = self._class_at.setdefault(label, len(self._class_at))
        if k >= len(self._common):
            self._posterior = np.pad(self._posterior, ((0, 0), (0, 1)))
            self._counts = np.pad(self._counts, ((0, 0), (0, 1), (0, 1)))
            self._pooled = np.pad(self._pooled, ((0, 1), (0, 1)))
            self._common = np.pad(self._common, (0, 1))
        return k

    def _loaded_tasks(self) -> Ints:
        return np.repeat(np.arange(len(self._starts) - 1), np.diff(self._starts))


def _doubled(rows: Floats) -> Floats:
    return np.concatenate([rows, np.zeros_like(rows, shape=(max(ROWS_FIRST, len(rows)), *rows.shape[1:]))])
