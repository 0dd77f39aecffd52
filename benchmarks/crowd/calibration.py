"""How true the stated confidence is: the expected calibration error (10 bins of equal mass) beside the peers'.

Without gold, over all judged tasks; with 5 % of them as gold, over the others, and gold drawn anew for each seed. The
last column is the error that a perfectly calibrated confidence would show on so few tasks.
"""

import numpy as np
from numpy.typing import NDArray

from benchmarks.crowd.contenders import OURS, PEERS, Outcome, outcome, outcomes
from benchmarks.crowd.sets import ClassSet, Options, class_sets
from routing.consensus import classes
from routing.consensus.calibration import error

GOLD_SHARE = 0.05
GOALS = {"without gold": 0.08, "with gold": 0.05}
TINY = 1e-6
DRAWS = 20


def main(options: Options) -> None:
    sets = class_sets(options)
    print_without_gold(sets, options)
    print_with_gold(sets, options)


def print_without_gold(sets: list[ClassSet], options: Options) -> None:
    print("Stated confidence without gold, means over the sets. MMSR and KOS state none.")
    print(f"{'':<20}{'accuracy':>10}{'confidence':>12}{'ECE':>8}{'NLL':>8}{'sets':>6}")
    found = outcomes(sets, options.limit)
    for name in (*OURS, *PEERS):
        stated = [of[name] for of in found.values() if not of[name].why_not and not is_certain(of[name])]
        if stated:
            figures = np.mean([measures(one) for one in stated], axis=0)
            print(
                f"{name:<20}{figures[0]:>10.4f}{figures[1]:>12.4f}{figures[2]:>8.4f}{figures[3]:>8.3f}{len(stated):>6}"
            )
    print(f"goal: ECE at most {GOALS['without gold']}")


def is_certain(one: Outcome) -> bool:
    """A method that says 1 of everything states no confidence."""
    return bool((one.probability.max(axis=1) == 1).all())


def measures(one: Outcome) -> tuple[float, float, float, float]:
    """Accuracy, mean confidence, calibration error, log loss (of the true class, of all probability at least TINY)."""
    confidence = one.probability.max(axis=1)
    loss = -np.log(np.maximum(one.of_truth, TINY)).mean()
    return one.accuracy, float(confidence.mean()), error(confidence, one.right), float(loss)


def print_with_gold(sets: list[ClassSet], options: Options) -> None:
    print(
        f"\nThe default with {GOLD_SHARE:.0%} of the judged tasks as gold, {options.seeds} seeds: mean (sd over seeds)"
    )
    heads = ("gold", "accuracy", "confidence", "ECE", "uncalibrated", "perfect")
    print(f"{'':<16}" + f"{heads[0]:>6}" + "".join(f"{head:>17}" for head in heads[1:]))
    runs = [np.array([with_gold(one, seed) for seed in range(options.seeds)]) for one in sets]
    for one, run in zip(sets, runs, strict=True):
        print(f"{one.name:<16}{gold_count(one):>6}" + cells(run), flush=True)
    print(f"{'mean of sets':<16}{'':>6}" + cells(np.mean(runs, axis=0)))
    print(f"goal: ECE at most {GOALS['with gold']}")


def cells(run: NDArray[np.floating]) -> str:
    pairs = zip(run.mean(axis=0), run.std(axis=0, ddof=min(1, len(run) - 1)), strict=True)
    return "".join(f"{f'{mean:.4f} ({sd:.4f})':>17}" for mean, sd in pairs)


def gold_count(one: ClassSet) -> int:
    return max(1, round(GOLD_SHARE * len(one.judged)))


def with_gold(one: ClassSet, seed: int) -> tuple[float, ...]:
    """Accuracy, confidence, ECE on the tasks that are not gold; the ECE before calibration; that of a perfect one."""
    dice = np.random.default_rng(seed)
    chosen = dice.choice(one.judged, gold_count(one), replace=False)
    gold = np.full(one.labels.tasks, -1)
    gold[chosen] = one.truth[chosen]
    fit = classes.refit(one.labels.with_gold(gold))
    rest = np.setdiff1d(one.judged, chosen)
    stated, raw = outcome(fit.posterior[rest], one.truth[rest]), outcome(fit.mean[rest], one.truth[rest])
    confidence = stated.probability.max(axis=1)
    perfect = [error(confidence, (dice.random(len(rest)) < confidence).astype(float)) for _ in range(DRAWS)]
    return (*measures(stated)[:3], measures(raw)[2], float(np.mean(perfect)))
