"""Accuracy of the consensus of classes without gold, per set and on average: the default, its parts alone, the peers.

Judged are the tasks with truth and at least one label. A tie counts as its share; crowd-kit's methods choose one of the
tied themselves. Repeated labels of one worker for one task all count, in every method.
"""

import numpy as np

from benchmarks.crowd.contenders import OURS, PEERS, Outcome, outcomes
from benchmarks.crowd.sets import Options, class_sets


def main(options: Options) -> None:
    sets = class_sets(options)
    table = outcomes(sets, options.limit)
    print("Accuracy without gold; one configuration for all sets. n: tasks with truth.")
    print(f"'>{options.limit:.0f}s': stopped there (processor); 'fails': the method raises; '-': two classes only.")
    head = [f"{name[:11]:>12}" for name in table]
    print(f"{'':<20}" + "".join(head) + f"{'mean':>9}{'sets':>6}")
    print(f"{'n':<20}" + "".join(f"{len(one.judged):>12}" for one in sets))
    for name in (*OURS, *PEERS):
        line = [found[name] for found in table.values()]
        print(f"{name:<20}" + "".join(f"{cell(one):>12}" for one in line) + mean(line))
    print_beside(table)


def cell(one: Outcome) -> str:
    return one.why_not or f"{one.accuracy:.4f}"


def mean(line: list[Outcome]) -> str:
    there = [one.accuracy for one in line if not one.why_not]
    # A mean over fewer sets is no peer's mean: it is shown with how many it is over.
    return f"{np.mean(there):>9.4f}{len(there):>6}" if there else f"{'':>15}"


def print_beside(table: dict[str, dict[str, Outcome]]) -> None:
    """The default against each peer on the very sets where that peer has a result."""
    ours = next(iter(OURS))
    print("\nThe default minus each peer, over the sets that the peer finished: mean, sets won, tied, lost")
    for name in PEERS:
        gaps = [found[ours].accuracy - found[name].accuracy for found in table.values() if not found[name].why_not]
        if gaps:
            won, lost = sum(gap > 1e-9 for gap in gaps), sum(gap < -1e-9 for gap in gaps)
            print(f"{name:<20}{np.mean(gaps):>+9.4f}{won:>5}{len(gaps) - won - lost:>5}{lost:>5}")
