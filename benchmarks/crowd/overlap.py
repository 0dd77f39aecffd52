"""Adaptive overlap and routing: labels needed, what was promised and what was delivered, and who got the work.

Replays of real crowds (replay.py), on the sets where every task has a truth and half of them have nine labels at least.
The targets are fixed beforehand, one grid for all sets; labels to reach an accuracy are read off the line through its
points. Every policy meets the same gold in the same seed.
"""

import os
from collections.abc import Iterator
from multiprocessing import Pool

import numpy as np

from benchmarks.crowd import overlap_tables
from benchmarks.crowd.overlap_tables import FIXED_MAX, GOLD_SHARES, PROMISED, TARGETS, Key
from benchmarks.crowd.policies import Ours, majority, toloka
from benchmarks.crowd.replay import Crowd, Policy, Result, crowd, replay
from benchmarks.crowd.sets import Options, class_sets

LABELS_MIN = 9  # of the median task
NEVER = np.inf  # a target that no confidence reaches


def main(options: Options) -> None:
    crowds = [crowd(one) for one in class_sets(options) if (one.truth >= 0).all()]
    crowds = [one for one in crowds if one.cap >= LABELS_MIN]
    jobs = [(one, seed) for seed in range(options.seeds) for one in crowds]
    with Pool(os.cpu_count()) as pool:
        found = pool.starmap(replays, jobs, chunksize=1)
    by_set = {of.name: [results for (one, _), results in zip(jobs, found, strict=True) if one is of] for of in crowds}
    overlap_tables.show(by_set, options.seeds)


def replays(of: Crowd, seed: int) -> dict[Key, Result]:
    return {
        key: replay(of, policy, target, key[1], np.random.default_rng(seed)) for key, policy, target in _policies(of)
    }


def _policies(of: Crowd) -> Iterator[tuple[Key, Policy, float]]:
    for share in GOLD_SHARES:
        for target in TARGETS:
            yield ("toloka", share, target), Policy(toloka), target
            yield ("unrouted", share, target), Policy(Ours(), asks_gold=True), target
            yield ("routed", share, target), Policy(Ours(), routed=True, asks_gold=True), target
        for count in range(1, min(FIXED_MAX, of.cap) + 1):
            yield ("majority", share, count), Policy(majority, maximum=count, at_once=count), NEVER
            yield ("fixed", share, count), Policy(Ours(), asks_gold=True, maximum=count, at_once=count), NEVER
    for target in PROMISED:
        yield ("no gold", 0.0, target), Policy(Ours()), target
        yield ("no gold, 3 at least", 0.0, target), Policy(Ours(), minimum=3), target
