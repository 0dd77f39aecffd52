"""How much the default owes to its settings, and to having seen these sets; only by `--tables choice`.

Every setting of a grid on every set; then, for each set, the setting that is best on the others, tried on it.
"""

import itertools
from unittest.mock import patch

import numpy as np
from numpy.typing import NDArray

from benchmarks.crowd.contenders import outcome
from benchmarks.crowd.sets import ClassSet, Options, class_sets
from routing.consensus import classes, dawid_skene, weighted_vote
from routing.consensus.calibration import error

KAPPAS, STRENGTHS, PRIOR_WEIGHTS = (1.0, 2.0, 4.0), (1.0, 3.0, 8.0, 15.0), (0.5, 1.0, 2.0)
DEFAULT = (dawid_skene.KAPPA, weighted_vote.STRENGTH, weighted_vote.PRIOR_WEIGHT)


def main(options: Options) -> None:
    sets = class_sets(options)
    grid = list(itertools.product(KAPPAS, STRENGTHS, PRIOR_WEIGHTS))
    table = np.array([[tried(one, setting) for one in sets] for setting in grid])  # setting, set, (accuracy, ECE)
    means = table.mean(axis=1)
    print(f"{len(sets)} sets; kappa {KAPPAS}, strength {STRENGTHS}, prior weight {PRIOR_WEIGHTS}")
    print(f"{'':<44}{'accuracy':>9}{'ECE':>8}")
    print(line(f"the default {DEFAULT}", means[grid.index(DEFAULT)]))
    best, worst = means[:, 0].argmax(), means[:, 0].argmin()
    print(line(f"the most accurate {grid[best]}", means[best]))
    print(line(f"the least accurate {grid[worst]}", means[worst]))
    print(line("chosen on the other sets, by accuracy", left_out(table, table[:, :, 0])))
    print(line("chosen on the other sets, by accuracy - ECE", left_out(table, table[:, :, 0] - table[:, :, 1])))


def tried(one: ClassSet, setting: tuple[float, float, float]) -> tuple[float, float]:
    """Accuracy and calibration error without gold."""
    vote = {"STRENGTH": setting[1], "PRIOR_WEIGHT": setting[2]}
    with patch.object(dawid_skene, "KAPPA", setting[0]), patch.multiple(weighted_vote, **vote):
        found = outcome(classes.refit(one.labels).posterior[one.judged], one.truth[one.judged])
    return found.accuracy, error(found.probability.max(axis=1), found.right)


def left_out(table: NDArray[np.floating], score: NDArray[np.floating]) -> NDArray[np.floating]:
    """Means over the sets, each by the setting with the best mean score on all the others."""
    others = (score.sum(axis=1, keepdims=True) - score).argmax(axis=0)
    return table[others, np.arange(table.shape[1])].mean(axis=0)


def line(name: str, means: NDArray[np.floating]) -> str:
    return f"{name:<44}{means[0]:>9.4f}{means[1]:>8.4f}"
