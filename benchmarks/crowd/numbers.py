"""Numbers: root mean squared error and correlation beside mean and median, on snow_numeric and simulated instruments.

snow_numeric asks people for feelings from 0 to 100; its gold is itself a mean of other people's answers, mostly on
another part of the scale, so the correlation says more there. Simulated are instruments: each labeler with a bias, a
spread and slips.
"""

import csv
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from benchmarks.crowd.sets import Options
from routing.consensus import numbers

TASKS, LABELERS, ANSWERS = 200, 30, 5
BIAS_SD, SPREAD = 3.0, (0.5, 8.0)  # of the simulated labelers, uniform on the log scale
SLIPS = 0.03  # the share of simulated answers that are off by up to 100

Tasks = Mapping[str, Sequence[tuple[str, float]]]


def main(options: Options) -> None:
    print("Root mean squared error / correlation with the truth; Labelyard: full refit, no gold")
    print(f"{'set':<12}{'tasks':>6}{'answers':>9}{'mean':>16}{'median':>16}{'Labelyard':>16}")
    path = options.data / "snow_numeric" / "labels.csv"
    if path.is_file() and (not options.sets or "snow_numeric" in options.sets):
        for name, (tasks, gold) in read(path).items():
            print_row(name, tasks, gold)
    else:
        print("skipped: no snow_numeric among the sets")
    simulated = [simulate(np.random.default_rng(seed)) for seed in range(options.seeds)]
    runs = [[error(tasks, truth, how) for how in METHODS] for tasks, truth in simulated]
    means, spreads = np.mean(runs, axis=0), np.std(runs, axis=0)
    cells = "".join(f"{m:>9.2f} ({s:.2f})" for m, s in zip(means[:, 0], spreads[:, 0], strict=True))
    print(f"simulated, {options.seeds} seeds, RMSE (sd): {cells}")
    inside = [coverage(tasks, truth) for tasks, truth in simulated]
    print(
        f"simulated: the 90 % interval holds the truth in {100 * np.mean(inside):.1f} % (sd {100 * np.std(inside):.1f})"
    )


def read(path: str) -> dict[str, tuple[Tasks, dict[str, float]]]:
    found: dict[str, tuple[dict[str, list[tuple[str, float]]], dict[str, float]]] = {}
    with open(path, encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            tasks, gold = found.setdefault(row["set"], (defaultdict(list), {}))
            tasks[row["task"]].append((row["worker"], float(row["value"])))
            if row["gold"]:
                gold[row["task"]] = float(row["gold"])
    return found


def simulate(rng: np.random.Generator) -> tuple[Tasks, dict[str, float]]:
    bias = rng.normal(0, BIAS_SD, LABELERS)
    sd = np.exp(rng.uniform(*np.log(SPREAD), LABELERS))
    truth = {f"t{task}": float(rng.uniform(0, 100)) for task in range(TASKS)}
    tasks = {}
    for task, value in truth.items():
        who = rng.choice(LABELERS, ANSWERS, replace=False)
        slips = np.where(rng.random(ANSWERS) < SLIPS, rng.uniform(-100, 100, ANSWERS), 0)
        answers = value + bias[who] + rng.normal(0, sd[who]) + slips
        tasks[task] = [(f"w{w}", float(a)) for w, a in zip(who, answers, strict=True)]
    return tasks, truth


def _each(fold: Callable[[list[float]], float]) -> Callable[[Tasks], dict[str, float]]:
    return lambda tasks: {task: float(fold([a for _, a in some])) for task, some in tasks.items()}


METHODS: tuple[Callable[[Tasks], Mapping[str, float]], ...] = (
    _each(np.mean),
    _each(np.median),
    lambda tasks: {task: one.value for task, one in numbers.refit(tasks).merged.items()},
)


def error(
    tasks: Tasks, truth: Mapping[str, float], method: Callable[[Tasks], Mapping[str, float]]
) -> tuple[float, float]:
    found = method(tasks)
    pairs = np.array([(found[task], value) for task, value in truth.items() if task in found])
    return float(np.sqrt(((pairs[:, 0] - pairs[:, 1]) ** 2).mean())), float(np.corrcoef(pairs.T)[0, 1])


def coverage(tasks: Tasks, truth: Mapping[str, float]) -> float:
    known = numbers.refit(tasks)
    inside = []
    for task, some in tasks.items():
        low, high = numbers.estimate([a for _, a in some], [known.reliability[w] for w, _ in some]).interval(0.9)
        inside.append(low <= truth[task] <= high)
    return float(np.mean(inside))


def print_row(name: str, tasks: Tasks, truth: Mapping[str, float]) -> None:
    cells = "".join(f"{rmse:>8.2f} / {r:.3f}" for rmse, r in (error(tasks, truth, how) for how in METHODS))
    print(f"{name:<12}{len(truth):>6}{sum(map(len, tasks.values())):>9}{cells}")
