"""Promises: gold that is asked like any task says how far a verdict can be believed."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from routing.consensus.calibration import platt
from routing.consensus.labels import Labels
from routing.consensus.promise import USUAL, learn, part, promises

TASKS, WORKERS, CLASSES = 240, 25, 3


def crowd(seed: int, *, alike: float) -> tuple[Labels, np.ndarray]:
    """Seven labels a task by labelers who are right at 0.75, and the truth; in a share `alike` of the tasks they all
    see the same wrong thing, which no model of independent errors expects."""
    rng = np.random.default_rng(seed)
    truth = rng.integers(CLASSES, size=TASKS)
    lure = (truth + 1) % CLASSES
    worker = np.concatenate([rng.permutation(WORKERS)[:7] for _ in range(TASKS)])
    task = np.repeat(np.arange(TASKS), 7)
    right = rng.random(len(task)) < np.where(rng.random(TASKS) < alike, 0.15, 0.75)[task]
    wrong = np.where(rng.random(len(task)) < 0.8, lure[task], (truth + 2)[task] % CLASSES)
    gold = np.full(TASKS, -1)
    gold[: TASKS // 4] = truth[: TASKS // 4]
    return Labels(task, worker, np.where(right, truth[task], wrong), TASKS, WORKERS, CLASSES, gold), truth


@pytest.mark.parametrize("alike", [0.0, 0.3])
def test_what_is_promised_is_delivered_whether_or_not_errors_are_alike(alike: float) -> None:
    promised, delivered, stated = [], [], []
    for seed in range(8):
        labels, truth = crowd(seed, alike=alike)
        folds = part(labels.known, np.random.default_rng(seed))
        found = promises(labels, np.arange(len(labels)) % 7 < 4, folds)
        real = np.arange(TASKS // 4, TASKS)
        promised.append(found.confidence[real].mean())
        stated.append(found.posterior[real].max(axis=1).mean())
        delivered.append((found.posterior[real].argmax(axis=1) == truth[real]).mean())
    assert np.mean(promised) == pytest.approx(np.mean(delivered), abs=0.03)
    if alike:
        assert np.mean(stated) > np.mean(delivered) + 0.05  # as the fit alone would have promised


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 1_000), st.integers(0, TASKS // 4 - 1))
def test_the_truth_of_a_gold_task_does_not_reach_what_is_believed_of_it(seed: int, task: int) -> None:
    labels, _ = crowd(seed, alike=0.1)
    folds = part(labels.known, np.random.default_rng(seed))
    asked = np.arange(len(labels)) % 7 < 3
    other = labels.gold.copy()
    other[task] = (other[task] + 1) % CLASSES
    before, after = promises(labels, asked, folds), promises(replace(labels, gold=other), asked, folds)
    assert after.posterior[task] == pytest.approx(before.posterior[task], abs=1e-12)
    elsewhere = next(fold for fold in folds if task not in fold)
    assert np.abs(after.posterior[elsewhere] - before.posterior[elsewhere]).max() > 0


def test_without_gold_what_is_usual_is_promised() -> None:
    labels, _ = crowd(1, alike=0.0)
    blind = replace(labels, gold=np.full(TASKS, -1))
    found = promises(blind, np.ones(len(blind), bool), part(blind.known, np.random.default_rng(1)))
    assert (found.calibration.shift, found.calibration.slope) == pytest.approx(USUAL)


@given(st.lists(st.tuples(st.floats(0.34, 1.0), st.booleans()), max_size=60))
def test_a_map_is_found_whatever_gold_says_and_the_surer_is_promised_more(seen: list[tuple[float, bool]]) -> None:
    stated, right = np.array([s for s, _ in seen]), np.array([float(r) for _, r in seen])
    learned = learn(stated, right)
    promised = learned.confidence(np.linspace(0.34, 0.999, 50))
    assert ((promised > 0) & (promised < 1)).all() and (np.diff(promised) >= 0).all()


def test_newtons_method_does_not_leap_over_the_optimum() -> None:
    """Very sure and often wrong: a whole step from the usual slope goes far beyond what is likely."""
    stated, right = np.full(60, 1 - 1e-6), np.array([1.0, 0.0] * 30)
    shift, slope = platt(stated, right, (0.0, 0.75), (1.0, 0.25))
    assert abs(shift + slope * np.log((1 - 1e-6) / 1e-6)) < 0.7
