"""Adaptive overlap of marked segments, replayed: as good as all answers with how many of them?

Every document is marked by FIRST labelers; then, in rounds with a refit before each, those whose expected F1 is below a
threshold are marked by one more, in any order or (routed) by the best of those who really marked it. The threshold is
the cheapest that reached the target on the val split; the test split is judged with it.
"""

import numpy as np

from benchmarks.crowd.peers import Peers
from benchmarks.crowd.sets import Options
from benchmarks.crowd.spans import Split, Tasks, both_splits, on_tokens, scores
from routing.consensus import span_refit
from routing.consensus.graded import expected_quality

FIRST = 2
THRESHOLDS = (0.6, 0.65, 0.7, 0.75, 0.8)
SEEDS_MAX = 3  # a replay takes long, and its seeds hardly differ


def main(options: Options) -> None:
    both = both_splits(options)
    if both is None:
        return
    val, test = both
    seeds = min(options.seeds, SEEDS_MAX)
    with Peers() as peers:
        targets = {split.name: _targets(split, peers) for split in both}
    print(f"Adaptive overlap, threshold from val; mean (sd) of {seeds} seeds; share: answers of all answers")
    print(f"{'target, all answers':<28}{'F1':>7}  {'policy':<32}{'share':>14}{'F1':>16}")
    for routed in (False, True):
        tried = {threshold: replay(val, threshold, routed, 0) for threshold in THRESHOLDS}
        for target, wanted in targets[val.name].items():
            fit = [threshold for threshold, (_, f1) in tried.items() if f1 >= wanted]
            head = f"{target:<28}{targets[test.name][target]:>7.4f}  {'routed' if routed else 'any order'}"
            if not fit:
                share, f1 = tried[THRESHOLDS[-1]]
                print(f"{head}: not reached on val; most: share {share:.3f}, F1 {f1:.4f}")
                continue
            threshold = min(fit, key=lambda one: tried[one][0])
            runs = np.array([replay(test, threshold, routed, seed) for seed in range(1, seeds + 1)])
            (share, f1), (share_sd, f1_sd) = runs.mean(0), runs.std(0)
            print(
                f"{head}, to expected F1 {threshold:.2f}{share:>9.3f} ({share_sd:.3f}){f1:>8.4f} ({f1_sd:.4f})",
                flush=True,
            )


def _targets(split: Split, peers: Peers) -> dict[str, float]:
    dawid_skene, _ = on_tokens(split, "dawid_skene", peers)
    ours = {task: one.value for task, one in span_refit.refit(split.tasks).merged.items()}
    return {"crowd-kit dawid_skene": scores(split.truth, dawid_skene)[0], "Labelyard": scores(split.truth, ours)[0]}


def replay(split: Split, threshold: float, routed: bool, seed: int) -> tuple[float, float]:
    """The share of the answers that was asked for, and the F1 of the refit on them."""
    rng = np.random.default_rng(seed)
    left = {task: [some[at] for at in rng.permutation(len(some))] for task, some in split.tasks.items()}
    have: Tasks = {task: [left[task].pop(0) for _ in range(min(FIRST, len(left[task])))] for task in left}
    while True:
        known = span_refit.refit(have)
        doubtful = [t for t, one in known.merged.items() if left[t] and expected_quality(one) < threshold]
        if not doubtful:
            break
        for task in doubtful:
            at = 0
            if routed:
                at = max(range(len(left[task])), key=lambda k: _skill(known, left[task][k][0]))
            have[task].append(left[task].pop(at))
    asked, there = (sum(map(len, some.values())) for some in (have, split.tasks))
    return asked / there, scores(split.truth, {task: one.value for task, one in known.merged.items()})[0]


def _skill(known: span_refit.Refit, who: str) -> float:
    """F1 of what is found and what is real of one labeler."""
    one = known.reliability.get(who, known.usual)
    return 2 * one.recall * one.precision / (one.recall + one.precision)
