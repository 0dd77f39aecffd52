"""Orders from pairwise choices: simulated labelers, beside crowd-kit's Bradley-Terry and the share of choices won.

Simulated, for there is no set of choices with labelers and truth: scores from a normal distribution, choices by Bradley
and Terry, and labelers of whom a quarter choose at random or the opposite. Judged by the share of pairs in the true
order.
"""

import numpy as np

from benchmarks.crowd.peers import Peers
from benchmarks.crowd.sets import Options
from routing.consensus import rankings
from routing.consensus.rankings import ranking

THINGS, LABELERS, SCORE_SD = 50, 40, 1.5
CHOICES = (1000, 3000)
BAD = 0.25
LIMIT_SECONDS = 60


def main(options: Options) -> None:
    print(f"Simulated: {THINGS} things, {LABELERS} labelers, {BAD:.0%} of them bad; share of pairs in the true order")
    print(f"mean (sd) of {options.seeds} seeds; said: the share that the merge expects of its own order")
    print(f"{'choices':>8}{'share won':>17}{'crowd-kit BT':>17}{'Labelyard':>17}{'said':>9}")
    with Peers() as peers:
        for choices in CHOICES:
            runs = np.array([once(np.random.default_rng(seed), choices, peers) for seed in range(options.seeds)])
            cells = "".join(f"{m:>9.4f} ({s:.3f})" for m, s in zip(runs.mean(0)[:3], runs.std(0)[:3], strict=True))
            print(f"{choices:>8} {cells}{runs[:, 3].mean():>9.4f}", flush=True)


def once(rng: np.random.Generator, choices: int, peers: Peers) -> tuple[float, float, float, float]:
    """The three methods' shares of pairs in the true order, and what ours expected."""
    score = rng.normal(0, SCORE_SD, THINGS)
    good = rng.random(LABELERS) > BAD
    right = np.where(good, rng.uniform(0.8, 1, LABELERS), rng.choice([0.1, 0.5], LABELERS))
    left, other = np.array([rng.choice(THINGS, 2, replace=False) for _ in range(choices)]).T
    who = rng.integers(LABELERS, size=choices)
    wins = rng.random(choices) < 1 / (1 + np.exp(score[other] - score[left]))
    wins ^= rng.random(choices) > right[who]
    best, worst = np.where(wins, left, other), np.where(wins, other, left)
    truth = _order(score)
    won, shown = (
        np.bincount(best, minlength=THINGS),
        np.bincount(left, minlength=THINGS) + np.bincount(other, minlength=THINGS),
    )
    found, _ = peers.run("bradley_terry", LIMIT_SECONDS, left=left, right=other, label=best, worker=who)
    peer = np.full(THINGS, found["score"].min())
    peer[found["thing"]] = found["score"]
    rows = [(f"w{w}", ranking(int(a), int(b))) for w, a, b in zip(who, best, worst, strict=True)]
    merged = rankings.refit({"all": rows}).merged["all"]
    ours = rankings.similarity(truth, merged.value)
    return (
        rankings.similarity(truth, _order(won / np.maximum(1, shown))),
        rankings.similarity(truth, _order(peer)),
        ours,
        merged.confidence,
    )


def _order(score: np.ndarray) -> rankings.Ranking:
    return ranking(*np.argsort(-score, kind="stable").tolist())
