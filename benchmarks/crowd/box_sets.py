"""boxes_utexas: several labelers' boxes per image, the true boxes, and what a peer made of them; and the peers' rules.

Matching as in the published comparisons: greedy by overlap, counted over all images (micro).
"""

import csv
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from routing.consensus.boxes import Boxes, edges_of, overlap, similarity
from routing.consensus.grouping import group

Array = NDArray[np.float64]
Crew = dict[str, Boxes]  # answers by labeler
THRESHOLDS = np.arange(0.5, 0.96, 0.05)
CLUSTER_IOU = 0.4


@dataclass(frozen=True)
class BoxSet:
    answers: dict[str, Crew]
    truth: dict[str, Boxes]
    peer: dict[str, Boxes]  # Van Horn and others' own outputs (2018)


def read(folder: Path) -> BoxSet | None:
    """None where the set is not there."""
    if not (folder / "labels.csv").exists():
        return None
    drawn: dict[str, dict[str, list[list[float]]]] = {}
    for row in _lines(folder / "labels.csv"):
        boxes = drawn.setdefault(row["task"], {}).setdefault(row["worker"], [])
        if int(row["k"]) >= 0:  # -1 stands for an empty answer
            boxes.append(_sides(row))
    answers = {task: {w: Boxes.of(rows) for w, rows in crew.items()} for task, crew in drawn.items()}
    return BoxSet(answers, _by_task(folder / "truth.csv"), _by_task(folder / "vanhorn_predictions.csv"))


def _lines(path: Path) -> Iterable[dict[str, str]]:
    with path.open(newline="") as lines:
        yield from csv.DictReader(lines)


def _sides(row: Mapping[str, str]) -> list[float]:
    left, top, right, bottom = (float(row[name]) for name in ("x1", "y1", "x2", "y2"))
    return [left, top, right - left, bottom - top]


def _by_task(path: Path) -> dict[str, Boxes]:
    rows: dict[str, list[list[float]]] = {}
    for row in _lines(path):
        rows.setdefault(row["task"], []).append(_sides(row))
    return {task: Boxes.of(listed) for task, listed in rows.items()}


# Judging


def counts(found: Boxes, truth: Boxes) -> Array:
    """(thresholds + 2,): right ones at each threshold, boxes found, true boxes."""
    iou = overlap(found.rows, truth.rows)
    matched = _greedy(iou)
    return np.array([*((matched >= t - 1e-9).sum() for t in THRESHOLDS), len(found), len(truth)], dtype=float)


def _greedy(iou: Array) -> Array:
    """Overlaps of the pairs, best first, each box in one pair; greedy at .5 is greedy at each higher threshold."""
    left, pairs = iou.copy(), []
    for _ in range(min(left.shape)):
        i, j = divmod(int(left.argmax()), left.shape[1])
        pairs.append(left[i, j])
        left[i], left[:, j] = -1, -1
    return np.array(pairs)


@dataclass(frozen=True)
class Quality:
    precision: float
    recall: float
    f1: float  # at IoU .5
    f1_75: float
    f1_mean: float  # over .5 to .95
    similarity: float  # mean over the images


def quality(found: Mapping[str, Boxes], truth: Mapping[str, Boxes]) -> Quality:
    """Over the images of `found`."""
    total = sum((counts(boxes, truth[task]) for task, boxes in found.items()), np.zeros(len(THRESHOLDS) + 2))
    right, drawn, there = total[:-2], total[-2], total[-1]
    f1 = 2 * right / (drawn + there)
    alike = float(np.mean([similarity(boxes, truth[task]) for task, boxes in found.items()]))
    at_75 = int(np.abs(THRESHOLDS - 0.75).argmin())
    return Quality(right[0] / drawn, right[0] / there, f1[0], f1[at_75], float(f1.mean()), alike)


# The peers' rules


def most_alike(crew: Crew) -> Boxes:
    """The answer with the highest mean similarity to the others (smallest average distance)."""
    answers = list(crew.values())
    support = [sum(similarity(one, other) for other in answers if other is not one) for one in answers]
    return answers[int(np.argmax(support))]


def by_share(crew: Crew, share: float) -> Boxes:
    """Groups of mean overlap .4 that at least this share of the labelers drew, at the median of their edges."""
    stacked = np.concatenate([one.rows for one in crew.values()])
    owners = np.repeat(np.arange(len(crew)), [len(one) for one in crew.values()])
    groups = [g for g in group(overlap(stacked, stacked), owners, CLUSTER_IOU) if len(g) >= share * len(crew)]
    edges = np.array([np.median(edges_of(stacked[g]), axis=0) for g in groups]).reshape(-1, 4)
    return Boxes.of(np.hstack([edges[:, :2], edges[:, 2:] - edges[:, :2]]))
