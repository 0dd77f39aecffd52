"""Split and rejoin: how good it is on real tracks with labelers who err, and how long it takes as drives grow.

`python -m benchmarks.rejoin [--data DIR] [--seeds N] [--repeat N]`

Quality beside CVAT's rule, no linking and an oracle that knows the true ids (the ceiling), judged by TrackEval.
"""

import argparse
import time
from collections.abc import Callable
from dataclasses import astuple
from pathlib import Path

import numpy as np

from benchmarks import drives, rejoin_peers
from benchmarks.judging import judge
from benchmarks.noise import Noise, label_window
from benchmarks.rejoin_peers import Labeled, Rejoined
from routing.task_types import lidarannotation
from routing.types import Answer
from routing.windows import split_frames

RULES: dict[str, Callable[[Labeled], Rejoined]] = {
    "no linking": rejoin_peers.nothing,
    "CVAT rule": rejoin_peers.cvat,
    "Labelyard": rejoin_peers.labelyard,
    "oracle": rejoin_peers.oracle,
}
# (window, overlap, frames late at most): the default cut first
CUTS = [(20, 3, 0), (20, 3, 3), (50, 0, 0), (50, 1, 3), (50, 5, 3), (50, 10, 3)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=drives.DATA)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--repeat", type=int, default=3)
    options = parser.parse_args()
    sets = drives.real(options.data)
    if not sets:
        print(f"\nNo real tracks under {options.data}: generated ones (cars in lanes, people on pavements) instead.")
        sets = {"generated": {f"{k}": drives.generated(300, 20, seed=k) for k in range(3)}}
    for name, truths in sets.items():
        print_quality(name, truths, options.seeds)
    print_times(options.repeat)


def label(truth: Answer, cut: tuple[int, int, int], seed: int) -> Labeled:
    window, overlap, late = cut
    dice = np.random.default_rng(seed)
    windows = split_frames(drives.frame_count(truth), window, overlap)
    labels = sorted({track["label"] for track in truth["tracks"]})
    labeled = [label_window(truth, one, Noise(late_frames=late), labels, dice) for one in windows]
    return Labeled(windows, [answer for answer, _ in labeled], [truths for _, truths in labeled])


def print_quality(name: str, truths: dict[str, Answer], seeds: int) -> None:
    objects = sum(len(truth["tracks"]) for truth in truths.values())
    print(f"\nRejoined by rule: {name}, {len(truths)} drives, {objects} objects, {seeds} seeds (mean, sd in brackets)")
    print("labelers: 0.10 m bias and jitter, 3 deg, 5 % size, 2 % missed, 2 % invented, 2 % wrong label")
    heads = ["HOTA", "AssA", "IDF1", "switches", "false links", "missed links"]
    print(f"{'window':>6} {'overlap':>7} {'late':>4}  {'rule':<11}" + "".join(f"{head:>16}" for head in heads))
    for cut in CUTS:
        runs: dict[str, list[tuple[float, ...]]] = {rule: [] for rule in RULES}
        for seed in range(seeds):
            labeled = {drive: label(truth, cut, seed) for drive, truth in truths.items()}
            for rule, rejoin in RULES.items():
                joined = {drive: rejoin(one) for drive, one in labeled.items()}
                runs[rule].append(astuple(judge(truths, labeled, joined)))
        for rule, scores in runs.items():
            mean, sd = np.mean(scores, axis=0), np.std(scores, axis=0)
            cells = [
                f"{m:.3f} ({s:.3f})" if k < 3 else f"{m:.0f} ({s:.0f})"
                for k, (m, s) in enumerate(zip(mean, sd, strict=True))
            ]
            print(
                f"{cut[0]:>6} {cut[1]:>7} {cut[2]:>4}  {rule:<11}" + "".join(f"{cell:>16}" for cell in cells),
                flush=True,
            )
    print("false and missed links: per 1,000 seams that an object crosses")


def print_times(repeat: int) -> None:
    print("\nSeconds of one core to split and to rejoin noisy answers (window 20, overlap 3), best of", repeat)
    print(f"{'frames':>7} {'tracks':>7} {'windows':>8} {'split s':>9} {'rejoin s':>9} {'CVAT rule s':>12} {'ratio':>7}")
    for frames, tracks in [(250, 50), (500, 50), (1000, 50), (2000, 50), (1000, 25), (1000, 100)]:
        truth = drives.generated(frames, tracks)
        labeled = label(truth, (20, 3, 3), seed=1)
        cut = best(repeat, split, truth, frames)
        ours = best(repeat, rejoin_peers.labelyard, labeled)
        peer = best(repeat, rejoin_peers.cvat, labeled)
        size = f"{frames:>7} {tracks:>7} {len(labeled.windows):>8}"
        print(f"{size} {cut:>9.3f} {ours:>9.3f} {peer:>12.3f} {ours / peer:>7.2f}", flush=True)


def split(truth: Answer, frames: int) -> list[Answer]:
    return [lidarannotation.within(truth, one) for one in split_frames(frames, 20, 3)]


def best(repeat: int, work: Callable[..., object], *given: object) -> float:
    """Seconds of processor time, so that other work on the machine counts little."""
    taken = []
    for _ in range(repeat):
        began = time.process_time()
        work(*given)
        taken.append(time.process_time() - began)
    return min(taken)


if __name__ == "__main__":
    main()
