"""Boxes of a crowd on boxes_utexas: how good the merged boxes are, how sure, and how long it takes; beside its peers.

Everything that is learned (labelers' reliabilities, existence, how far to trust it, shares of votes) is learned from
the gold of the training folds only: 5 folds, several seeds; reliabilities also from all answers, without truth.
"""

import time
from collections.abc import Callable
from dataclasses import astuple

import numpy as np
from numpy.typing import NDArray

from benchmarks.crowd import box_overlap
from benchmarks.crowd.box_sets import BoxSet, by_share, most_alike, quality, read
from benchmarks.crowd.sets import Options
from routing.consensus import boxes
from routing.consensus.boxes import SHAPE, Boxes, OnlineBoxes, Reliability
from routing.consensus.objects_fit import Learned, right

FOLDS, SEEDS_MAX = 5, 5
SHARES = (0.1, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5)
BINS = 10
HEADS = ("P@.5", "R@.5", "F1@.5", "F1@.75", "F1 .5:.95", "similarity")
Rule = Callable[[int], dict[str, Boxes]]


def main(options: Options) -> None:
    folder = options.data / "boxes_utexas"
    if options.sets and folder.name not in options.sets:
        return
    box_set = read(folder)
    if box_set is None:
        print(f"skipped: no boxes_utexas in {options.data}")
        return
    seeds = min(SEEDS_MAX, options.seeds)
    print_quality(box_set, seeds)
    box_overlap.print_overlap(box_set, seeds)
    print_times()


def print_quality(box_set: BoxSet, seeds: int) -> None:
    answers = sum(len(crew) for crew in box_set.answers.values())
    print(f"{len(box_set.answers)} images, {answers} answers; {FOLDS} folds, {seeds} seeds: mean (sd)")
    runs = [folds_merged(box_set, seed) for seed in range(seeds)]
    rules: dict[str, list[dict[str, Boxes]]] = {
        "one answer at random": [at_random(box_set, seed) for seed in range(seeds)],
        "most alike to the others (SAD)": [{task: most_alike(crew) for task, crew in box_set.answers.items()}],
        "Van Horn 2018, authors' outputs": [box_set.peer],
        "groups of >= 50 %, median": [{task: by_share(crew, 0.5) for task, crew in box_set.answers.items()}],
        "groups of a learned share, median": [share_learned(box_set, seed) for seed in range(seeds)],
        "Labelyard, no gold": [no_gold(box_set)],
        "Labelyard": [found for found, _ in runs],
    }
    print(f"{'':<34}" + "".join(f"{head:>15}" for head in HEADS))
    for name, found in rules.items():
        print_row(name, np.array([astuple(quality(one, box_set.truth)) for one in found]))
    sure = np.array([calibration for _, calibration in runs])
    print("\nConfidence of Labelyard on the images that it did not learn from: mean (sd)")
    for name, column in zip(
        ("ECE of existence", "expected similarity", "achieved", "their correlation"), sure.T, strict=True
    ):
        print(f"{name:<34}{column.mean():>9.3f} ({column.std():.3f})")


def print_row(name: str, values: NDArray[np.float64]) -> None:
    mean, sd = values.mean(axis=0), values.std(axis=0)
    cells = [f"{m:.3f}" + (f" ({s:.3f})" if len(values) > 1 else "") for m, s in zip(mean, sd, strict=True)]
    print(f"{name:<34}" + "".join(f"{cell:>15}" for cell in cells), flush=True)


def at_random(box_set: BoxSet, seed: int) -> dict[str, Boxes]:
    dice = np.random.default_rng(seed)
    return {task: crew[str(dice.choice(sorted(crew)))] for task, crew in box_set.answers.items()}


def folds(box_set: BoxSet, seed: int) -> list[list[str]]:
    shuffled = np.random.default_rng(seed).permutation(sorted(box_set.answers))
    return [part.tolist() for part in np.array_split(shuffled, FOLDS)]


def share_learned(box_set: BoxSet, seed: int) -> dict[str, Boxes]:
    by_rule = {s: {task: by_share(crew, s) for task, crew in box_set.answers.items()} for s in SHARES}
    found = {}
    for part in folds(box_set, seed):
        train = sorted(set(box_set.answers) - set(part))
        best = max(SHARES, key=lambda s: quality({task: by_rule[s][task] for task in train}, box_set.truth).f1)
        found |= {task: by_rule[best][task] for task in part}
    return found


def no_gold(box_set: BoxSet) -> dict[str, Boxes]:
    learned = boxes.refit(box_set.answers, {}, np.random.default_rng(0))
    return {task: joined(crew, learned).merged.value for task, crew in box_set.answers.items()}


def joined(crew: dict[str, Boxes], learned: Learned[Reliability]) -> boxes.Joined[Boxes]:
    return boxes.join(list(crew.values()), [learned.of(labeler) for labeler in crew], learned.model)


def folds_merged(box_set: BoxSet, seed: int) -> tuple[dict[str, Boxes], tuple[float, float, float, float]]:
    """Each image merged by what the other folds' gold taught, and how right the confidence was."""
    found, stated, real, expected = {}, [], [], []
    for part in folds(box_set, seed):
        gold = {task: truth for task, truth in box_set.truth.items() if task not in set(part)}
        learned = boxes.refit(box_set.answers, gold, np.random.default_rng(seed))
        for task in part:
            one = joined(box_set.answers[task], learned)
            found[task] = one.merged.value
            expected.append((one.merged.confidence, boxes.similarity(one.merged.value, box_set.truth[task])))
            stated += one.candidates.exists.tolist()
            real += right(SHAPE, one.places, box_set.truth[task])[0].tolist()
    confidence, achieved = np.array(expected).T
    alike = float(np.corrcoef(confidence, achieved)[0, 1])
    error = calibration_error(np.array(stated), np.array(real))
    return found, (error, float(confidence.mean()), float(achieved.mean()), alike)


def calibration_error(stated: NDArray[np.float64], real: NDArray[np.bool_]) -> float:
    """Expected calibration error over ten bins of equal width."""
    which = np.minimum((stated * BINS).astype(int), BINS - 1)
    gaps = [abs(stated[which == k].sum() - real[which == k].sum()) for k in range(BINS)]
    return float(sum(gaps) / len(stated))


def print_times() -> None:
    """8 answers of 20 boxes; CPU time, since other work shares the cores."""
    dice = np.random.default_rng(0)
    truth = np.hstack([dice.uniform(0, 1800, (20, 2)), dice.uniform(20, 200, (20, 2))])
    answers = [Boxes.of(truth + dice.normal(0, 3, truth.shape)) for _ in range(8)]
    add, merge = [], []
    for _ in range(100):
        online = OnlineBoxes()
        for answer in answers:
            start = time.process_time()
            online.add(answer, Reliability())
            add.append(time.process_time() - start)
        start = time.process_time()
        online.merged()
        merge.append(time.process_time() - start)
    added, merged = np.median(add) * 1e3, np.median(merge) * 1e3
    print(f"\n8 answers of 20 boxes, CPU time, median of 100: {added:.2f} ms to add one, {merged:.2f} ms to merge all")
