"""The sets of a data folder: which have classes and truth, and their labels as arrays."""

import csv
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.running import ROOT
from routing.consensus.labels import Labels, index

DATA = ROOT.parent / "shared" / "data" / "crowd"


@dataclass(frozen=True)
class Options:
    """`sets`: only these, or all for none; `seeds`: how often a table with chance in it draws anew; `limit`: processor
    seconds that one peer may take on one set."""

    data: Path
    sets: tuple[str, ...] = ()
    seeds: int = 10
    limit: float = 30.0


@dataclass(frozen=True)
class ClassSet:
    """`truth` (tasks,): the true class's position, or -1 where it is not known."""

    name: str
    labels: Labels
    truth: NDArray[np.int64]

    @property
    def judged(self) -> NDArray[np.int64]:
        """Positions of the tasks with truth and at least one label: those that count."""
        return np.flatnonzero((self.truth >= 0) & (self.labels.answers > 0))


def wanted(options: Options, folder: Path) -> bool:
    return not options.sets or folder.name in options.sets


def class_sets(options: Options) -> list[ClassSet]:
    """Every folder with labels.csv (task, worker, label) and truth.csv (task, truth); the others hold other answers."""
    found = []
    for folder in sorted(options.data.iterdir()):
        labels, truth = folder / "labels.csv", folder / "truth.csv"
        if wanted(options, folder) and has(labels, "task", "worker", "label") and has(truth, "task", "truth"):
            found.append(read(folder))
    return found


def has(path: Path, *columns: str) -> bool:
    if not path.exists():
        return False
    with path.open(newline="") as file:
        head = next(csv.reader(file), [])
    return all(column in head for column in columns)


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def read(folder: Path) -> ClassSet:
    said = [(row["task"], row["worker"], row["label"]) for row in rows(folder / "labels.csv")]
    truths = {row["task"]: row["truth"] for row in rows(folder / "truth.csv")}
    classes = sorted({label for _, _, label in said} | set(truths.values()))
    labels = index(said, classes)
    place = {one: k for k, one in enumerate(labels.class_ids)}
    truth = np.array([place[truths[task]] if task in truths else -1 for task in labels.task_ids])
    return ClassSet(folder.name, labels, truth)
