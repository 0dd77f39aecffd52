"""The printed tables of overlap.py, from the results of its replays."""

from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise

import numpy as np

from benchmarks.crowd.replay import Result
from routing.consensus.labels import Floats

Key = tuple[str, float, float]  # policy, gold share, target or count of labels
Runs = Sequence[Mapping[Key, Result]]  # one a seed
BySet = Mapping[str, Runs]
Curve = Sequence[tuple[float, float]]  # (labels a task, accuracy)
Goal = Callable[[Runs, float], tuple[float, float]]  # accuracy to reach, and the labels that are 1

TARGETS = (0.5, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95, 0.98)
PROMISED = (0.8, 0.9, 0.95)
TOLOKAS_TARGET, ROUTING_TARGET = 0.95, 0.9
GOLD_SHARES = (0.1, 0.02)
FIXED_MAX = 10
WITHIN = 0.015
DRAWS = 200


def show(by_set: BySet, seeds: int) -> None:
    print(
        f"{seeds} seeds; targets {', '.join(str(target) for target in TARGETS)}, the same for all sets; at most as many"
    )
    print(
        "labels as the median task has. In brackets: standard error, from drawing the seeds anew. Labels on gold tasks"
    )
    print("are in no share; 'gold' is what they cost, in labels a judged task.")
    for share in GOLD_SHARES:
        _show_shares(by_set, share)
    for share in GOLD_SHARES:
        _show_promises(by_set, share)
    _show_work(by_set)
    _show_without_gold(by_set)


# (a), (b): labels to reach an accuracy


def _show_shares(by_set: BySet, share: float) -> None:
    five, ten = fixed("majority", 5), fixed("majority", 10)
    print(
        f"\n(a) {share:.0%} gold: labels to reach the accuracy of the majority of 5 (10), as a share of 5 (10) labels,"
    )
    print("and of what a fixed number of labels merged by our consensus needs for it")
    columns: list[tuple[str, str, Goal]] = [
        *(
            (f"{policy} {k}", policy, goal)
            for policy in ("toloka", "unrouted", "routed")
            for k, goal in ((5, five), (10, ten))
        ),
        *((f"{policy}/fixed {k}", policy, merged(k)) for policy in ("unrouted", "routed") for k in (5, 10)),
    ]
    _print_columns(by_set, share, columns)
    print(
        f"\n(b) {share:.0%} gold: labels at the accuracy of Toloka's rule at {TOLOKAS_TARGET}, as a share of its labels"
    )
    _print_columns(by_set, share, [(policy, policy, tolokas) for policy in ("unrouted", "routed")])


def fixed(policy: str, count: int) -> Goal:
    """The accuracy of so many labels for every task; that many are 1."""

    def goal(runs: Runs, share: float) -> tuple[float, float]:
        most = max(int(k) for name, _, k in runs[0] if name == policy)
        key = (policy, share, min(count, most))
        return _accuracy(runs, key), min(count, most)

    return goal


def merged(count: int) -> Goal:
    """The accuracy of the majority of `count`; what a fixed number merged by our consensus needs for it is 1."""

    def goal(runs: Runs, share: float) -> tuple[float, float]:
        accuracy, _ = fixed("majority", count)(runs, share)
        return accuracy, labels_at(curve(runs, "fixed", share), accuracy)

    return goal


def tolokas(runs: Runs, share: float) -> tuple[float, float]:
    key = ("toloka", share, TOLOKAS_TARGET)
    return _accuracy(runs, key), _cost(runs, key)


def _print_columns(by_set: BySet, share: float, columns: Sequence[tuple[str, str, Goal]]) -> None:
    print(f"{'':<16}" + "".join(f"{head:>17}" for head, _, _ in columns) + f"{'gold':>7}")
    table: list[list[float]] = []
    for name, runs in by_set.items():
        rng = np.random.default_rng(0)
        draws = [[runs[k] for k in rng.integers(len(runs), size=len(runs))] for _ in range(DRAWS)]
        line = [_share_of(runs, policy, share, goal) for _, policy, goal in columns]
        drawn = [[_share_of(some, policy, share, goal) for _, policy, goal in columns] for some in draws]
        spread = [_spread(column) for column in zip(*drawn, strict=True)]
        table.append(line)
        cells = "".join(f"{_number(value, sd):>17}" for value, sd in zip(line, spread, strict=True))
        print(f"{name:<16}" + cells + f"{_gold_cost(runs, share):>7.2f}")
    for word, of in (("median", np.median), ("worst", np.max)):
        print(
            f"{word:<16}" + "".join(f"{_number(float(of(column)), np.nan):>17}" for column in zip(*table, strict=True))
        )


def _spread(values: Sequence[float]) -> float:
    """Standard deviation; none where an accuracy is not always reached."""
    return float(np.std(values)) if np.isfinite(values).all() else np.nan


def _share_of(runs: Runs, policy: str, share: float, goal: Goal) -> float:
    accuracy, one = goal(runs, share)
    return labels_at(curve(runs, policy, share), accuracy) / one


def curve(runs: Runs, policy: str, share: float) -> Curve:
    keys = [key for key in runs[0] if key[:2] == (policy, share)]
    return sorted((_cost(runs, key), _accuracy(runs, key)) for key in keys)


def labels_at(points: Curve, accuracy: float) -> float:
    """The labels at which the line through the points first reaches an accuracy; infinite where it never does."""
    if points[0][1] >= accuracy:
        return points[0][0]
    for (less, below), (more, above) in pairwise(points):
        if below < accuracy <= above:
            return less + (more - less) * (accuracy - below) / (above - below)
    return np.inf


def _number(value: float, sd: float) -> str:
    if not np.isfinite(value):
        return "never"
    return f"{value:.2f} ({sd:.2f})" if np.isfinite(sd) else f"{value:.2f}"


def _accuracy(runs: Runs, key: Key) -> float:
    return float(np.mean([run[key].accuracy for run in runs]))


def _cost(runs: Runs, key: Key) -> float:
    return float(np.mean([run[key].cost for run in runs]))


def _gold_cost(runs: Runs, share: float) -> float:
    return _mean_gold(runs, next(key for key in runs[0] if key[1] == share))


def _mean_gold(runs: Runs, key: Key) -> float:
    return float(np.mean([run[key].gold_cost for run in runs]))


# (c): promised and delivered


def _show_promises(by_set: BySet, share: float) -> None:
    print(f"\n(c) {share:.0%} gold: confidence promised and accuracy delivered, all tasks, those at the maximum too")
    _print_promises(by_set, [(policy, share) for policy in ("toloka", "unrouted", "routed")])


def _print_promises(by_set: BySet, policies: Sequence[tuple[str, float]]) -> None:
    print(f"{'':<16}{'policy':<21}{'target':>7}{'labels':>8}{'gold':>7}{'promised':>10}{'delivered':>11}", end="")
    print(f"{'gap':>8}{'sd':>7}{'se':>7}")
    within = {policy: 0 for policy, _ in policies}
    for name, runs in by_set.items():
        for policy, share in policies:
            for target in PROMISED:
                key = (policy, share, target)
                gaps = np.array([run[key].promised - run[key].accuracy for run in runs])
                within[policy] += bool(abs(gaps.mean()) <= WITHIN)
                print(
                    f"{name:<16}{policy:<21}{target:>7}{_cost(runs, key):>8.2f}{_mean_gold(runs, key):>7.2f}"
                    f"{_accuracy(runs, key) + gaps.mean():>10.3f}{_accuracy(runs, key):>11.3f}"
                    f"{gaps.mean():>+8.3f}{gaps.std():>7.3f}{gaps.std() / len(gaps) ** 0.5:>7.3f}"
                )
    for policy, count in within.items():
        print(f"mean gap within {WITHIN}: {policy}, {count} of {len(by_set) * len(PROMISED)}")


# (d): who gets the work


def _show_work(by_set: BySet) -> None:
    print(
        f"\n(d) Share of the work by labeler decile, the busiest first, at target {ROUTING_TARGET}; newcomers: labelers"
    )
    print("without any gold; how many of them are asked at all, and how far the work is when the median of those is")
    print(
        f"{'':<16}{'gold':>5} {'policy':<10}"
        + "".join(f"{k:>6}" for k in range(1, 11))
        + f"{'newcomers':>11}{'asked':>7}{'at':>6}"
    )
    for name, runs in by_set.items():
        for share in GOLD_SHARES:
            for policy in ("unrouted", "routed"):
                results = [run[policy, share, ROUTING_TARGET] for run in runs]
                deciles = np.mean([by_decile(one) for one in results], axis=0)
                new = np.concatenate([one.first[one.newcomers] for one in results])
                asked = new[np.isfinite(new)]
                cells = "".join(f"{part:>6.3f}" for part in deciles)
                chances = (
                    f"{np.isfinite(new).mean():>7.0%}{np.median(asked):>6.0%}" if len(asked) else f"{'-':>7}{'-':>6}"
                )
                print(f"{name:<16}{share:>5.0%} {policy:<10}{cells}{len(new) / len(runs):>11.1f}{chances}")


def by_decile(one: Result) -> Floats:
    """(10,): the share of all labels by each tenth of the labelers who could have been asked, the busiest first."""
    loads = -np.sort(-one.load[one.offered > 0])
    parts = np.array([part.sum() for part in np.array_split(loads, 10)])
    return parts / max(1, parts.sum())


# (e): without gold


def _show_without_gold(by_set: BySet) -> None:
    print("\n(e) Without any gold: confidence promised (what is usual, as nothing is learned) and accuracy delivered")
    _print_promises(by_set, [("no gold", 0.0), ("no gold, 3 at least", 0.0)])
