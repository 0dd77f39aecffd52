"""Laws of the stop rule: bounds, the target, the price, and what is asked again."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from routing.overlap import (
    CLASSES_MAX,
    EFFORT_SHARE_MIN,
    Reason,
    Terms,
    another_answer,
    class_gain,
    focus,
    graded_gain,
    is_trusted,
    may_reopen,
    needs_review,
    opening,
)
from routing.skill import Estimate

terms = st.builds(
    Terms,
    target=st.floats(0.5, 0.999),
    maximum=st.integers(1, 15),
    price_cents=st.floats(0.1, 50),
    error_cents=st.floats(0, 5_000),
    minimum=st.none() | st.integers(1, 15),
)
distributions = st.lists(st.floats(0.01, 1), min_size=2, max_size=5).map(lambda raw: np.array(raw) / sum(raw))


def coin(accuracy: float, classes: int) -> np.ndarray:
    return np.full((classes, classes), (1 - accuracy) / (classes - 1)) + np.eye(classes) * (
        accuracy - (1 - accuracy) / (classes - 1)
    )


@given(terms, st.floats(0, 1), st.integers(1, 15), st.floats(0, 1), st.booleans(), st.booleans())
def test_asked_between_minimum_and_maximum_and_only_in_doubt(
    wanted: Terms, confidence: float, answered: int, gain: float, trusted: bool, anybody: bool
) -> None:
    choice = another_answer(confidence, wanted, answered=answered, gain=gain, trusted=trusted, anybody=anybody)
    assert 1 <= opening(wanted.minimum, wanted.maximum) <= choice.minimum <= wanted.maximum
    if choice.again:
        assert answered < wanted.maximum
        assert answered < choice.minimum or (confidence < wanted.target and anybody)
        assert answered < choice.minimum or gain * wanted.error_cents >= wanted.price_cents
    else:
        assert answered >= choice.minimum
    surer = another_answer(1.0, wanted, answered=answered, gain=gain, trusted=trusted, anybody=anybody)
    assert choice.again or not surer.again, "more confidence never asks for more"


def test_one_answer_of_somebody_firmly_good_can_be_enough_and_a_strangers_cannot() -> None:
    wanted = Terms(target=0.9, maximum=3, price_cents=5, error_cents=500)
    assert another_answer(0.97, wanted, answered=1, gain=0.01, trusted=True).reason is Reason.CONFIDENT
    assert another_answer(0.97, wanted, answered=1, gain=0.01, trusted=False).reason is Reason.TOO_FEW
    assert is_trusted(Estimate(0.95, 0.9, 0.98, evidence=80, strength=5))
    assert not is_trusted(Estimate(0.95, 0.9, 0.98, evidence=2, strength=5)), "borrowed from others"
    assert not is_trusted(Estimate(0.9, 0.8, 0.96, evidence=80, strength=5))


def test_each_way_to_end() -> None:
    wanted = Terms(target=0.9, maximum=3, price_cents=5, error_cents=100)

    def reason(**given: float) -> Reason:
        return another_answer(0.8, wanted, trusted=False, **{"answered": 2, "gain": 0.1} | given).reason  # type: ignore[arg-type]

    assert reason() is Reason.DOUBT
    assert reason(gain=0.04) is Reason.PRICE
    assert reason(answered=3) is Reason.MAXIMUM
    assert reason(anybody=False) is Reason.NOBODY


@given(terms, st.floats(0, 1))
def test_what_was_promised_is_never_reviewed_nor_opened_again(wanted: Terms, confidence: float) -> None:
    if confidence >= wanted.target:
        assert not needs_review(confidence, wanted) and not may_reopen(confidence, wanted)


# Expected reduction of error


def brute_force(posterior: np.ndarray, confusion: np.ndarray, count: int) -> float:
    """All sequences of answers, one by one."""
    classes = range(len(posterior))
    right = 0.0
    for answers in product(classes, repeat=count):
        right += max(posterior[t] * np.prod([confusion[t, g] for g in answers]) for t in classes)
    return float(right - posterior.max()) / count


@given(distributions, st.floats(0.3, 0.99), st.integers(1, 3))
def test_the_gain_is_the_best_of_all_sequences_of_answers(posterior: np.ndarray, accuracy: float, ahead: int) -> None:
    confusion = coin(accuracy, len(posterior))
    expected = max(brute_force(posterior, confusion, count) for count in range(1, ahead + 1))
    assert class_gain(posterior, confusion, ahead) == pytest.approx(max(0.0, expected), abs=1e-9)


def test_one_answer_cannot_turn_a_verdict_but_two_can() -> None:
    posterior = [0.8, 0.2]
    assert class_gain(posterior, coin(0.8, 2), 1) == pytest.approx(0)
    assert class_gain(posterior, coin(0.8, 2), 2) == pytest.approx(0.048)
    assert class_gain(posterior, coin(0.5, 2), 3) == pytest.approx(0), "who guesses tells nothing"


@given(st.floats(0.05, 0.95), st.integers(2, 30))
def test_many_classes_that_nobody_voted_for_change_little(first: float, unvoted: int) -> None:
    rest = np.full(unvoted, 1e-4)
    posterior = np.concatenate([np.array([first, 1 - first]) * (1 - rest.sum()), rest])
    full = class_gain(posterior, coin(0.85, len(posterior)), 2)
    assert len(posterior) > CLASSES_MAX or full == pytest.approx(class_gain(posterior, coin(0.85, len(posterior)), 2))
    assert 0 <= full <= 1 - posterior.max() + 1e-9


@given(st.floats(0, 1), st.integers(1, 20))
def test_the_next_answer_of_a_graded_kind_is_worth_less_than_the_one_before(confidence: float, answered: int) -> None:
    assert 0 <= graded_gain(confidence, answered + 1) <= graded_gain(confidence, answered) <= 1 - confidence


# What is asked again


@given(st.dictionaries(st.text(min_size=1, max_size=3), st.floats(0, 1), max_size=8), st.floats(0.1, 0.99))
def test_a_focus_parts_all_objects_and_costs_in_proportion(objects: dict[str, float], target: float) -> None:
    found = focus(objects, target)
    if found is None:
        doubtful = sum(sure < target for sure in objects.values())
        assert doubtful in {0, len(objects)}
    else:
        assert {*found.settled, *found.disputed} == set(objects)
        assert all(objects[name] < target for name in found.disputed)
        assert EFFORT_SHARE_MIN <= found.share < 1
        assert found.share == max(EFFORT_SHARE_MIN, len(found.disputed) / len(objects))
