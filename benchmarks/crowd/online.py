"""One label more: processor time of `OnlineClasses.add` with a million labels loaded; how near it comes to a refit.

The loaded labels are those of refit_speed; the added ones fall on tasks and workers at random, one in ten on a new
task. Accuracy: each set's labels one by one in random order from nothing, beside the refit of all of them.
"""

import time

import numpy as np

from benchmarks.crowd.contenders import outcome
from benchmarks.crowd.refit_speed import CLASSES, TASKS, WORKERS, generated
from benchmarks.crowd.sets import ClassSet, Options, class_sets
from routing.consensus import classes
from routing.consensus.labels import Labels
from routing.consensus.online_classes import OnlineClasses

ADDED = 20_000
STEPWISE_MAX = 30_000  # labels of a set that is replayed one by one
GOAL_MS = 1.0


def main(options: Options) -> None:
    print_latency(loaded())
    print_stepwise([one for one in class_sets(options) if len(one.labels) <= STEPWISE_MAX])


def loaded() -> OnlineClasses:
    data = generated()
    sizes = (TASKS, WORKERS, CLASSES)
    ids = tuple(tuple(range(size)) for size in sizes)
    labels = Labels(data["task"], data["worker"], data["label"], *sizes, np.empty(0, int), *ids)
    online = OnlineClasses(range(CLASSES))
    online.load(classes.refit(labels))
    return online


def print_latency(online: OnlineClasses) -> None:
    dice = np.random.default_rng(1)
    tasks = dice.integers(0, TASKS * 10 // 9, ADDED).tolist()  # beyond TASKS: new ones
    workers, said = dice.integers(0, WORKERS, ADDED).tolist(), dice.integers(0, CLASSES, ADDED).tolist()
    taken = []
    for one in zip(tasks, workers, said, strict=True):
        began = time.thread_time_ns()
        online.add(*one)
        taken.append((time.thread_time_ns() - began) / 1e6)
    half, most, worst = np.percentile(taken, [50, 99, 100])
    print(f"{ADDED:,} labels added to 1,000,000, processor ms each: p50 {half:.3f}, p99 {most:.3f}, most {worst:.3f}")
    print("(the most is the doubling of a table)")
    print(f"goal: p99 at most {GOAL_MS:.0f} ms")


def print_stepwise(sets: list[ClassSet]) -> None:
    print(f"\nAccuracy label by label, and of the refit; sets of at most {STEPWISE_MAX:,} labels")
    print(f"{'':<16}{'one by one':>12}{'refit':>9}{'same answer':>13}")
    for one in sets:
        stepwise, refit = one_by_one(one), classes.refit(one.labels).posterior
        judged, truth = one.judged, one.truth[one.judged]
        first, second = outcome(stepwise[judged], truth).accuracy, outcome(refit[judged], truth).accuracy
        same = float((stepwise.argmax(axis=1) == refit.argmax(axis=1)).mean())
        print(f"{one.name:<16}{first:>12.4f}{second:>9.4f}{same:>13.4f}", flush=True)


def one_by_one(one: ClassSet) -> np.ndarray:
    """(tasks, classes)."""
    labels, online = one.labels, OnlineClasses(one.labels.class_ids)
    for k in np.random.default_rng(0).permutation(len(labels)):
        ids = labels.task_ids[labels.task[k]], labels.worker_ids[labels.worker[k]], labels.class_ids[labels.label[k]]
        online.add(*ids)
    return np.array([list(online.posterior(task).values()) for task in labels.task_ids])
