"""Tracks of cuboids: consensus of 3 and 5 simulated labelers, beside one labeler and the answer most alike to all.

No data set has several people's cuboids of the same objects, so the labelers are simulated on real tracks (KITTI and
Argoverse 2, where they are at hand, else generated ones): once trained ones as in benchmarks/rejoin.py, once with the
errors that the crowd of boxes_utexas makes: its misses, inventions, and edges off by a share of the side, half of the
variance a bias of the whole track. Judged by TrackEval's HOTA, and by the metres between matched cuboids' centres.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from benchmarks import drives
from benchmarks.crowd.box_sets import BoxSet, read
from benchmarks.crowd.sets import Options
from benchmarks.judging import hota
from benchmarks.noise import Noise, label_window
from routing.consensus.boxes import SHAPE, edges_of
from routing.consensus.votes import agreements, medoid, weights
from routing.geometry.tracks import block, match
from routing.task_types import lidarannotation
from routing.types import Answer, Vote
from routing.windows import split_frames

WINDOW, OVERLAP = 20, 3
WINDOWS_MAX = 3  # of a drive
CREWS = (3, 5)
SEEDS_MAX = 3
USUAL_LENGTH_METRES = 4.0  # of a car, to turn shares of the side into metres
USUAL_WEIGHT = 0.8
MERGED = Callable[[Sequence[Vote]], Answer]


def main(options: Options) -> None:
    truths = [truth for found in drives.real(options.data.parent).values() for truth in found.values()]
    source = "real tracks (KITTI, Argoverse 2)" if truths else "generated tracks"
    truths = truths or [drives.generated(120, 20, seed=k) for k in range(3)]
    trained = Noise(late_frames=3)
    noises = {"trained labelers": trained}
    box_set = read(options.data / "boxes_utexas")
    if box_set is not None:
        noises["labelers as wrong as the crowd of boxes_utexas"] = as_measured(box_set, trained)
    seeds = min(SEEDS_MAX, options.seeds)
    print(
        f"{source}, {len(truths)} drives, windows of {WINDOW} frames, {seeds} seeds: mean (sd); labelers are SIMULATED"
    )
    for name, noise in noises.items():
        print(f"\n{name}: {noise}")
        print(f"{'answers':>7}  {'rule':<22}{'HOTA':>15}{'agreement':>15}{'centre, m':>15}{'tracks / true':>15}")
        for labelers in CREWS:
            runs = [run(truths, noise, labelers, seed) for seed in range(seeds)]
            for rule in RULES:
                values = np.array([one[rule] for one in runs])
                cells = [f"{m:.3f} ({s:.3f})" for m, s in zip(values.mean(axis=0), values.std(axis=0), strict=True)]
                print(f"{labelers:>7}  {rule:<22}" + "".join(f"{cell:>15}" for cell in cells), flush=True)


def as_measured(box_set: BoxSet, trained: Noise) -> Noise:
    """The errors of boxes_utexas' labelers against its gold, as noise of cuboids; headings and frames as trained."""
    drawn = there = found = 0
    off: list[NDArray[np.float64]] = []
    for task, crew in box_set.answers.items():
        truth = box_set.truth[task]
        for answer in crew.values():
            near = SHAPE.near(answer, truth)
            drawn, there = drawn + len(answer), there + len(truth)
            for i in np.flatnonzero(near.max(axis=1, initial=0) >= SHAPE.right).tolist():
                j = int(near[i].argmax())
                sides = np.tile(truth.rows[j, 2:], 2)
                off.append((edges_of(answer.rows[i]) - edges_of(truth.rows[j])) / sides)
                found += 1
    edge = 1.4826 * float(np.median(np.abs(np.array(off))))  # a standard deviation that outliers do not move
    centre = edge / math.sqrt(2) * USUAL_LENGTH_METRES
    return replace(
        trained,
        jitter_metres=round(centre / math.sqrt(2), 3),
        bias_metres=round(centre / math.sqrt(2), 3),
        size_share=round(edge * math.sqrt(2), 3),
        missed_share=round(1 - found / there, 3),
        invented_share=round((drawn - found) / there, 3),
    )


def one_labeler(votes: Sequence[Vote]) -> Answer:
    return votes[0].answer


def most_alike(votes: Sequence[Vote]) -> Answer:
    return votes[medoid(agreements(votes, lidarannotation.agreement), weights(votes))].answer


def labelyard(votes: Sequence[Vote]) -> Answer:
    return lidarannotation.merge(votes).answer


RULES: dict[str, MERGED] = {"one labeler": one_labeler, "most alike (medoid)": most_alike, "Labelyard": labelyard}


def run(truths: Sequence[Answer], noise: Noise, labelers: int, seed: int) -> dict[str, tuple[float, ...]]:
    """By rule: HOTA, agreement with the truth, mean metres between centres, tracks beside true ones."""
    dice = np.random.default_rng(seed)
    there: list[Answer] = []
    crews: list[list[Vote]] = []
    for truth in truths:
        labels = sorted({track["label"] for track in truth["tracks"]})
        for window in split_frames(drives.frame_count(truth), WINDOW, OVERLAP)[:WINDOWS_MAX]:
            seen = lidarannotation.within(truth, window)
            if seen["tracks"]:
                there.append(seen)
                drawn = [label_window(truth, window, noise, labels, dice)[0] for _ in range(labelers)]
                crews.append([Vote(f"{k}", answer, USUAL_WEIGHT) for k, answer in enumerate(drawn)])
    return {rule: judged(there, [merge(votes) for votes in crews]) for rule, merge in RULES.items()}


def judged(truths: Sequence[Answer], found: Sequence[Answer]) -> tuple[float, ...]:
    pairs = list(zip(found, truths, strict=True))
    alike = float(np.mean([lidarannotation.agreement(one, truth) for one, truth in pairs]))
    metres = float(np.concatenate([centre_errors(one, truth) for one, truth in pairs]).mean())
    count = sum(len(one["tracks"]) for one in found) / sum(len(truth["tracks"]) for truth in truths)
    return hota(truths, found), alike, metres, count


def centre_errors(found: Answer, truth: Answer) -> NDArray[np.float64]:
    """Metres, of each matched pair in each frame that both have."""
    one, two = block(found), block(truth)
    frames = np.union1d(one.frames, two.frames)
    a, b = one.on(frames).boxes, two.on(frames).boxes
    errors = [np.linalg.norm(a[i, :, :3] - b[j, :, :3], axis=1) for i, j, _ in match(one, two)]
    together = np.concatenate(errors) if errors else np.zeros(0)
    return np.asarray(together[~np.isnan(together)])
