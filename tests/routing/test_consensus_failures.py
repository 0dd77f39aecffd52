"""Where consensus of classes is known to fail (common errors, lopsided classes, little evidence, copies, decline)."""

from collections.abc import Callable

import numpy as np
import pytest

from routing.consensus import classes, dawid_skene, one_coin
from routing.consensus.labels import Labels, index

Say = Callable[[int, int], int]  # task and worker to the label


def say_all(tasks: int, workers: list[int], say: Say, count: int) -> Labels:
    return index([(t, w, say(t, w)) for t in range(tasks) for w in workers], range(count), tasks=range(tasks))


def accuracy(posterior: np.ndarray, truth: np.ndarray, among: np.ndarray | None = None) -> float:
    right = posterior.argmax(axis=1) == truth
    return float(right.mean() if among is None else right[among].mean())


def with_gold(labels: Labels, truth: np.ndarray, known: np.ndarray) -> Labels:
    return labels.with_gold(np.where(known, truth, -1))


def test_errors_in_common_need_gold():
    """Six people are fooled by the same third of the tasks and four are not: only gold can tell who is right."""
    dice = np.random.default_rng(5)
    truth, fools = dice.integers(0, 2, 300), dice.random(300) < 0.35

    def say(t, w):
        is_fooled = w < 6 and fools[t]
        is_wrong = dice.random() < (0.8 if is_fooled else 0.05)
        return int(truth[t] ^ is_wrong)

    labels, known = say_all(300, list(range(10)), say, 2), dice.random(300) < 0.2
    blind, seeing = classes.refit(labels), classes.refit(with_gold(labels, truth, known))
    assert accuracy(blind.posterior, truth, fools & ~known) < 0.4
    assert accuracy(seeing.posterior, truth, fools & ~known) > 0.8


def test_a_class_that_is_seldom_seen_is_not_outvoted():
    """People overlook the rare class half the time and hardly ever claim it: two of seven who see it are right."""
    dice = np.random.default_rng(6)
    truth = (dice.random(600) < 0.3).astype(int)

    def say(t, w):
        return int(dice.random() < (0.5 if truth[t] else 0.05))

    labels = say_all(600, list(range(7)), say, 2)
    rare = truth == 1
    assert accuracy(one_coin.fit(labels), truth, rare) < 0.4
    assert accuracy(classes.refit(labels).posterior, truth, rare) > 0.7
    assert accuracy(classes.refit(labels).posterior, truth) > accuracy(one_coin.fit(labels), truth) + 0.1


def test_three_labels_of_somebody_are_not_over_read(monkeypatch: pytest.MonkeyPatch):
    """500 people of three labels each: a confusion matrix of one's own is noise, shrunk to the crowd's it is none."""
    dice = np.random.default_rng(7)
    truth, skill = dice.integers(0, 5, 300), dice.uniform(0.4, 0.9, 500)
    rows = []
    for k, w in enumerate(dice.permutation(np.repeat(np.arange(500), 3))):
        t = k % 300
        label = truth[t] if dice.random() < skill[w] else dice.integers(0, 5)
        rows.append((t, int(w), int(label)))
    labels = index(rows, range(5), tasks=range(300))
    shrunk = accuracy(classes.refit(labels).posterior, truth)
    votes = accuracy(labels.shares(), truth)
    monkeypatch.setattr(dawid_skene, "KAPPA", 0.01)
    assert shrunk > accuracy(dawid_skene.fit(labels), truth) + 0.03
    assert shrunk >= votes - 0.01


def test_copying_does_not_pay_once_there_is_gold():
    """Three who all send one guess per task agree perfectly; four honest people, each right in 3 of 4, do not."""
    dice = np.random.default_rng(8)
    truth, guess = dice.integers(0, 3, 400), dice.integers(0, 3, 400)

    def say(t, w):
        if w >= 4:
            return int(guess[t])
        return int(truth[t] if dice.random() < 0.75 else dice.integers(0, 3))

    labels, known = say_all(400, list(range(7)), say, 3), dice.random(400) < 0.05
    fit = classes.refit(with_gold(labels, truth, known))
    voters = fit.voters()
    assert accuracy(fit.posterior, truth, ~known) > 0.85
    assert max(voters[w].accuracy for w in (4, 5, 6)) < 0.5 < min(voters[w].accuracy for w in range(4))


def test_a_best_labeler_who_declines_is_seen_in_recent_work():
    dice = np.random.default_rng(9)
    truth = dice.integers(0, 3, 600)

    def say(t, w):
        skill = (0.97 if t < 450 else 0.35) if w == 0 else 0.75
        return int(truth[t] if dice.random() < skill else (truth[t] + dice.integers(1, 3)) % 3)

    labels = say_all(600, list(range(4)), say, 3)
    recent = index([(t, w, say(t, w)) for t in range(450, 600) for w in range(4)], range(3))
    always, lately = classes.refit(labels).voters(), classes.refit(recent).voters()
    assert max(always, key=lambda w: always[w].accuracy) == 0
    assert min(lately, key=lambda w: lately[w].accuracy) == 0
    # The same split vote goes to the three others once it is the recent past that speaks.
    said = [0, 1, 1]
    assert classes.merge(said, [always[w] for w in (0, 1, 2)], range(3)).confidence < 0.75
    assert classes.merge(said, [lately[w] for w in (0, 1, 2)], range(3)).value == 1
