"""Adaptive overlap of transcripts, replayed: as good as a fixed number of answers with how many of them?

Every recording is heard by MIN labelers; then only the passages around doubtful words are heard again, until each word
is sure enough or all labelers of the recording have been asked. What a labeler would have answered for a passage is
what her transcript of the whole says there. An answer for a passage counts as the share of the recording's words that
it is. Skills are learned from the first answers alone. The threshold for each target is the cheapest of THRESHOLDS that
reached it on the dev splits; the test splits are judged with it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from benchmarks.crowd.peers import Peers
from benchmarks.crowd.sets import Options
from benchmarks.crowd.transcripts import Split, all_splits, rover, word_errors
from routing.consensus import transcripts
from routing.consensus.merged import Merged
from routing.consensus.transcript_parts import excerpt, passages, with_passage
from routing.consensus.transcripts import OnlineTranscript, Reliability

RECORDINGS = 300  # of each split, the first by name
SEEDS_MAX = 3  # a replay takes long, and its seeds hardly differ
MIN = (2, 3)
THRESHOLDS = (0.75, 0.8, 0.85, 0.9, 0.95)
FIXED = (7, 5)

Tasks = Mapping[str, Sequence[tuple[str, str]]]
Cut = tuple[Tasks, Mapping[str, str]]  # recordings with their answers, and what was said


@dataclass(frozen=True)
class Policy:
    first: int
    threshold: float
    routed: bool


def main(options: Options) -> None:
    seeds = min(options.seeds, SEEDS_MAX)
    cut = {split.name: _first(split) for split in all_splits(options)}
    if not cut:
        return
    dev = [name for name in cut if name.startswith("dev")]
    with Peers() as peers:
        targets = {name: _targets(*one, peers) for name, one in cut.items()}
    grid = [Policy(first, threshold, routed) for routed in (False, True) for first in MIN for threshold in THRESHOLDS]
    tried = {policy: [replay(*cut[name], policy, 0) for name in dev] for policy in grid}
    print(f"Adaptive overlap, {RECORDINGS} recordings a split, threshold from dev; mean (sd) of {seeds} seeds")
    print("share: answers heard, passages counted by their words, of the fixed number's")
    print(f"{'split':<12}{'target':<18}{'WER':>7}  {'policy':<34}{'share':>14}{'WER':>14}")
    for target in next(iter(targets.values())):
        for routed in (False, True):
            wanted = [targets[name][target] for name in dev]
            policy = _cheapest({p: found for p, found in tried.items() if p.routed == routed}, wanted)
            for name in cut:
                if name not in dev:
                    head = f"{name:<12}{target:<18}{targets[name][target]:>7.2f}  "
                    print(head + _row(int(target[-1]), policy, routed, cut[name], seeds), flush=True)


def _first(split: Split) -> Cut:
    names = sorted(split.truth)[:RECORDINGS]
    return {name: split.tasks[name] for name in names}, {name: split.truth[name] for name in names}


def _targets(tasks: Tasks, truth: Mapping[str, str], peers: Peers) -> dict[str, float]:
    found = {}
    for count in FIXED:
        some = {task: answers[:count] for task, answers in tasks.items()}
        found[f"ROVER, fixed {count}"] = word_errors(truth, rover(some, peers)[0])
        ours = {task: one.value for task, one in transcripts.refit(some).merged.items()}
        found[f"ours, fixed {count}"] = word_errors(truth, ours)
    return found


def _cheapest(tried: Mapping[Policy, Sequence[tuple[float, float]]], wanted: Sequence[float]) -> Policy | None:
    """The least share of answers at which no dev split is worse than wanted."""
    fit = [p for p, found in tried.items() if all(wer <= most for (_, wer), most in zip(found, wanted, strict=True))]
    return min(fit, key=lambda policy: sum(share for share, _ in tried[policy]), default=None)


def _row(fixed: int, policy: Policy | None, routed: bool, split: Cut, seeds: int) -> str:
    if policy is None:
        return f"{'routed' if routed else 'any order'}: not reached on the dev splits"
    runs = np.array([replay(*split, policy, seed) for seed in range(1, seeds + 1)])
    runs[:, 0] *= 7 / fixed  # of the answers that the fixed number is
    shown = f"{'routed' if routed else 'any order'}, {policy.first} first, words to {policy.threshold:.2f}"
    (share, wer), (share_sd, wer_sd) = runs.mean(0), runs.std(0)
    return f"{shown:<34}{share:>7.2f} ({share_sd:.2f}){wer:>8.2f} ({wer_sd:.2f})"


def replay(tasks: Tasks, truth: Mapping[str, str], policy: Policy, seed: int) -> tuple[float, float]:
    """The share of all answers that was heard, in words, and the word error rate."""
    rng = np.random.default_rng(seed)
    orders = {task: [answers[at] for at in rng.permutation(len(answers))] for task, answers in tasks.items()}
    known = transcripts.refit({task: order[: policy.first] for task, order in orders.items()})
    heard = there = 0.0
    values = {}
    for task, order in orders.items():
        labelers = [(known.reliability.get(who, known.usual), text) for who, text in order]
        first, later = labelers[: policy.first], labelers[policy.first :]
        if policy.routed:
            later = sorted(later, key=lambda one: one[0].wer)
        merged = known.merged[task]
        words = max(1, len(merged.parts))
        values[task], again = _heard_again(merged, first, later, policy.threshold)
        heard += len(first) * words + again
        there += len(order) * words
    return heard / there, word_errors(truth, values)


def _heard_again(
    merged: Merged[str],
    first: Sequence[tuple[Reliability, str]],
    later: Sequence[tuple[Reliability, str]],
    threshold: float,
) -> tuple[str, int]:
    """The transcript after its doubtful passages were heard again, and how many words that were."""
    found, again = merged, 0
    for passage in reversed(passages(merged, threshold)):
        online = OnlineTranscript()
        for labeler, text in first:
            online.add(excerpt(merged.value, text, passage), labeler)
        for labeler, text in later:
            again += passage[1] - passage[0]
            online.add(excerpt(merged.value, text, passage), labeler)
            if min(online.merged().parts, default=0.0) >= threshold:
                break
        found = with_passage(found, passage, online.merged())
    return found.value, again
