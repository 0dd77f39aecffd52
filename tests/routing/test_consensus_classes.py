"""Consensus of classes: laws of the models, of the default and of the label-by-label version, and where models fail."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from routing.consensus import classes, dawid_skene, one_coin, weighted_vote
from routing.consensus.labels import Labels, index
from routing.consensus.online_classes import OnlineClasses


def refit(labels):
    return classes.refit(labels).posterior


MODELS = [dawid_skene.fit, one_coin.fit, weighted_vote.fit, refit]
rows = st.lists(st.tuples(st.integers(0, 8), st.integers(0, 5), st.sampled_from("abc")), min_size=1, max_size=60)


@pytest.mark.parametrize("fit", MODELS)
@settings(deadline=None)
@given(rows=rows)
def test_a_posterior_is_a_probability_and_gold_is_certain(fit, rows):
    labels = index(rows, "abc", gold={rows[0][0]: "b"})
    posterior = fit(labels)
    assert np.isfinite(posterior).all() and (posterior >= 0).all()
    assert posterior.sum(axis=1) == pytest.approx(1, abs=1e-4)
    assert posterior[0].tolist() == [0, 1, 0]


@settings(deadline=None)
@given(rows=rows, seed=st.integers(0, 99))
def test_names_and_order_do_not_matter(rows, seed):
    dice = np.random.default_rng(seed)
    plain = index(rows, "abc", tasks=range(9))
    turned = {one: int(k) for one, k in zip("abc", dice.permutation(3), strict=True)}
    said = [(f"t{t}", f"w{w}", turned[k]) for t, w, k in dice.permutation(np.array(rows, object)).tolist()]
    other = index(said, range(3), tasks=[f"t{t}" for t in reversed(range(9))])
    for fit in MODELS:
        one, two = fit(plain), fit(other)
        for t in range(9):
            place = other.task_ids.index(f"t{t}")
            row = [two[place, other.class_ids.index(turned[k])] for k in "abc"]
            assert one[t] == pytest.approx(row, abs=1e-3)


@given(label=st.sampled_from("abc"), accuracy=st.floats(0, 1), count=st.integers(1, 5))
def test_what_everybody_says_is_the_value(label, accuracy, count):
    merged = classes.merge([label] * count, [classes.Voter(accuracy)] * count, "abc", prior={"a": 0.98, "b": 0.01})
    assert merged.value == label and 0 <= merged.confidence <= 1 and merged.scores == (1.0,) * count


def crowd(seed: int, tasks: int = 300, workers: int = 20, each: int = 4) -> tuple[Labels, np.ndarray]:
    """Labels of workers with accuracies from 0.5 to 0.95 over 3 classes, and the truth."""
    dice = np.random.default_rng(seed)
    truth, skill = dice.integers(0, 3, tasks), dice.uniform(0.5, 0.95, workers)
    said = []
    for t in range(tasks):
        for w in dice.choice(workers, each, replace=False):
            wrong = (truth[t] + dice.integers(1, 3)) % 3
            said.append((t, int(w), int(truth[t] if dice.random() < skill[w] else wrong)))
    return index(said, range(3)), truth


def test_label_by_label_comes_near_to_the_batch():
    labels, _ = crowd(seed=1)
    said = list(zip(labels.task.tolist(), labels.worker.tolist(), labels.label.tolist(), strict=True))
    dice = np.random.default_rng(2)
    late = dice.random(len(said)) < 0.05
    online = OnlineClasses(range(3))
    online.load(classes.refit(index([one for one, is_late in zip(said, late, strict=True) if not is_late], range(3))))
    for one, is_late in zip(said, late, strict=True):
        if is_late:
            online.add(*one)
    batch = classes.refit(labels).posterior
    said_late = {said[k][0] for k in np.flatnonzero(late)}
    stepwise = np.array([list(online.posterior(t).values()) for t in labels.task_ids])
    touched = [place for place, task in enumerate(labels.task_ids) if task in said_late]
    assert np.abs(stepwise - batch)[touched].max() < 0.1
    assert np.abs(stepwise - batch).mean() < 0.01
