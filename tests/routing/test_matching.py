"""Matching: what an answer is worth, who is served when, and that nobody starves."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from routing.matching import (
    MATCH_MAX,
    MATCH_MIN,
    Available,
    Candidate,
    gain,
    least_chance,
    offer_to,
    rank,
)

DRAWS = 2_000


def head(customer: str, lane: int, **more: object) -> Candidate:
    values: dict[str, object] = {"rank": 0, "effort_seconds": 30, "age_seconds": 0.0} | more
    return Candidate(lane_id=lane, slot_id=lane, customer_id=customer, **values)  # type: ignore[arg-type]


@given(st.floats(0.01, 0.99), st.integers(2, 20), st.floats(0.05, 0.999))
def test_an_answer_never_costs_knowledge_and_more_accuracy_brings_more(
    accuracy: float, classes: int, confidence: float
) -> None:
    confidence = max(confidence, 1 / classes)
    error = 1 - confidence**2 - (1 - confidence) ** 2 / (classes - 1)
    assert 0 <= gain(accuracy, classes, confidence) <= error + 1e-9
    if accuracy > 1 / classes:
        assert gain(min(1.0, accuracy + 0.005), classes, confidence) >= gain(accuracy, classes, confidence) - 1e-9


@given(st.integers(2, 20), st.floats(0.05, 1.0))
def test_the_gain_of_the_truth_is_all_that_is_left_and_that_of_a_guess_is_nothing(
    classes: int, confidence: float
) -> None:
    confidence = max(confidence, 1 / classes)
    error = 1 - confidence**2 - (1 - confidence) ** 2 / (classes - 1)
    assert gain(1.0, classes, confidence) == pytest.approx(error, abs=1e-9)
    assert gain(1 / classes, classes, confidence) == pytest.approx(0, abs=1e-9)


@given(st.floats(0.3, 0.95), st.integers(2, 6), st.floats(0.4, 0.95), st.integers(0, 2**32 - 1))
def test_the_gain_is_what_bayes_says(accuracy: float, classes: int, confidence: float, seed: int) -> None:
    confidence = max(confidence, 1 / classes)
    prior = np.full(classes, (1 - confidence) / (classes - 1))
    prior[0] = confidence
    says = np.full((classes, classes), (1 - accuracy) / (classes - 1))
    np.fill_diagonal(says, accuracy)
    joint = prior[:, None] * says
    heard = joint.sum(axis=0)
    after = (heard * ((joint / heard) ** 2).sum(axis=0)).sum()
    assert gain(accuracy, classes, confidence) == pytest.approx(after - (prior**2).sum(), abs=1e-9)


def first_customers(candidates: list[Candidate]) -> Counter[str]:
    rng = np.random.default_rng(7)
    return Counter(rank(candidates, rng)[0].candidate.customer_id for _ in range(DRAWS))


def test_work_is_shared_between_customers_by_weight_and_by_the_second_of_effort() -> None:
    won = first_customers([head("a", 1, share=3.0), head("b", 2), head("c", 3, effort_seconds=60)])
    effort = {"a": won["a"] * 30, "b": won["b"] * 30, "c": won["c"] * 60}
    total = sum(effort.values())
    assert effort["a"] / total == pytest.approx(3 / 5, abs=0.04)
    assert effort["b"] / total == pytest.approx(1 / 5, abs=0.04)
    assert effort["c"] / total == pytest.approx(1 / 5, abs=0.04)


@pytest.mark.parametrize("worst", [{"alpha": 1.0, "beta": 400.0}, {"alpha": 5.0, "beta": 5.0, "rank": 0}])
def test_a_customer_cannot_be_starved_by_lanes_priorities_age_or_better_matches(worst: dict[str, object]) -> None:
    """Nobody is good at this customer's work, and nine others have old, urgent, well matched work in twenty lanes."""
    others = [
        head(f"o{k % 9}", k, rank=-990, age_seconds=1e9, alpha=400.0, beta=1.0, typical=0.5, continues=True)
        for k in range(1, 21)
    ]
    won = first_customers([*others, head("small", 999, typical=0.99, **worst)])
    bound = least_chance(1 / 10)
    sd = np.sqrt(bound * (1 - bound) / DRAWS)
    assert won["small"] / DRAWS > bound - 3 * sd


def test_the_bound_is_reached_by_the_worst_match_among_the_best() -> None:
    assert least_chance(1 / 2) == pytest.approx(MATCH_MIN / (MATCH_MIN + MATCH_MAX))
    assert least_chance(1.0) == 1.0


def test_within_a_customer_priority_comes_first_then_what_is_late_and_well_matched() -> None:
    late = head("a", 1, age_seconds=86_400 * 3, alpha=90.0, beta=10.0)
    fresh = head("a", 2, alpha=90.0, beta=10.0)
    urgent = head("a", 3, rank=-10, alpha=90.0, beta=10.0)
    order = [match.candidate.lane_id for match in rank([late, fresh, urgent], np.random.default_rng(1))]
    assert order == [3, 1, 2]


def test_who_is_good_at_what_few_are_good_at_is_sent_there() -> None:
    hard = head("a", 1, alpha=95.0, beta=5.0, typical=0.6, classes=2)
    easy = head("a", 2, alpha=95.0, beta=5.0, typical=0.95, classes=2)
    rng = np.random.default_rng(3)
    first = Counter(rank([easy, hard], rng)[0].candidate.lane_id for _ in range(300))
    assert first[1] > 290


def test_a_newcomer_gets_her_chances_and_a_known_spammer_does_not() -> None:
    crowd = [Available("veteran", 90.0, 10.0), Available("newcomer", 4.0, 1.0), Available("spammer", 50.0, 50.0)]
    rng = np.random.default_rng(5)
    first = Counter(offer_to(crowd, 2, 0.7, 100, rng)[0][0] for _ in range(1_000))
    assert first["newcomer"] > 200 and first["veteran"] > 200
    assert first["spammer"] == 0


def test_who_has_reached_the_cap_is_not_offered_more() -> None:
    crowd = [Available("tired", 99.0, 1.0, load=10), Available("fresh", 70.0, 30.0, load=9)]
    assert [who for who, _ in offer_to(crowd, 2, None, 10, np.random.default_rng(0))] == ["fresh"]
