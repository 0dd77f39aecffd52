"""Laws of measured accuracy: decay, shrinkage, intervals that cover, and what a biased labeler is worth."""

import math
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from routing.skill import (
    HALF_LIFE_DAYS,
    Classes,
    Observation,
    Population,
    Profile,
    Statistic,
    confusion_facet,
    estimate,
    information,
    population,
    statistics,
    worth,
)
from routing.skill.confusion import counts, error_profile, row_strength, rows
from routing.skill.evidence import seen
from routing.skill.population import default

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
evidence = st.lists(st.tuples(st.floats(0, 1), st.floats(0.05, 2), st.integers(0, 200)), max_size=12)


def statistic(values: Sequence[float], facet: str = "accuracy", weight: float = 1.0) -> Statistic:
    one = Statistic()
    for value in values:
        one = one.add(seen(facet, value), weight, NOON)
    return one


def parts(one: Statistic) -> tuple[float, float, float]:
    return one.weight, one.total, one.squares


# Sufficient statistics


@given(evidence, st.randoms())
def test_the_order_of_evidence_never_matters(observed: list[tuple[float, float, int]], dice: object) -> None:
    def added(listed: Sequence[tuple[float, float, int]]) -> Statistic:
        one = Statistic()
        for value, weight, day in listed:
            one = one.add(value, weight, NOON + timedelta(days=day))
        return one

    shuffled = list(observed)
    dice.shuffle(shuffled)  # type: ignore[attr-defined]
    assert parts(added(shuffled)) == pytest.approx(parts(added(observed)))


@given(evidence, st.floats(0, 500))
def test_evidence_halves_with_each_half_life(observed: list[tuple[float, float, int]], days: float) -> None:
    one = Statistic()
    for value, weight, _ in observed:
        one = one.add(value, weight, NOON)
    later = one.at(NOON + timedelta(days=days))
    assert later.weight == pytest.approx(one.weight * 0.5 ** (days / HALF_LIFE_DAYS))
    assert later.mean == pytest.approx(one.mean)
    rest = one.plus(statistic([0.3, 0.9])).minus(statistic([0.3, 0.9]))
    assert parts(rest) == pytest.approx(parts(one), abs=1e-6)


@pytest.mark.parametrize(
    ("facet", "value"), [("accuracy", 1.1), ("accuracy", -0.1), ("place_m", -1), ("wer", math.nan)]
)
def test_an_impossible_observation_is_refused(facet: str, value: float) -> None:
    with pytest.raises(ValueError, match=facet):
        Observation(facet, value)


# Shrinkage


@pytest.mark.parametrize(
    ("facet", "typical", "own"), [("accuracy", 0.7, 0.9), ("place_m", 0.3, 0.05), ("wer", 0.2, 0.1)]
)
def test_no_evidence_is_the_population_and_much_is_her_own(facet: str, typical: float, own: float) -> None:
    prior = Population(seen(facet, typical), 8.0, default(facet).dispersion)
    nothing = estimate(facet, Statistic(), prior)
    much = estimate(facet, statistic([own] * 5_000, facet), prior)
    some = estimate(facet, statistic([own] * 5, facet), prior)
    assert nothing.mean == pytest.approx(typical) and not nothing.is_measured
    assert much.mean == pytest.approx(own, rel=0.01) and much.is_measured
    assert min(typical, own) < some.mean < max(typical, own)
    assert much.high - much.low < some.high - some.low < nothing.high - nothing.low


def test_five_answers_move_the_estimate_as_far_as_the_population_differs() -> None:
    """Where labelers are alike, five mistakes are bad luck; where they differ, they are news."""
    rng = np.random.default_rng(3)

    def after_five_mistakes(spread: float) -> float:
        truths = rng.beta(0.8 * spread, 0.2 * spread, 200)
        found = population("accuracy", [statistic(rng.random(40) < p) for p in truths])
        return found.mean - estimate("accuracy", statistic([0.0] * 5), found).mean

    alike, different = after_five_mistakes(200.0), after_five_mistakes(3.0)
    assert alike < 0.08 and 0.3 < different < 0.65


@pytest.mark.parametrize("strength", [4.0, 30.0])
def test_the_prior_strength_is_estimated_from_the_population(strength: float) -> None:
    rng = np.random.default_rng(11)
    truths = rng.beta(0.75 * strength, 0.25 * strength, 400)
    found = population(
        "accuracy", [statistic(rng.random(n) < p) for p, n in zip(truths, rng.integers(5, 60, 400), strict=True)]
    )
    assert found.mean == pytest.approx(0.75, abs=0.03)
    assert strength / 1.6 < found.strength < strength * 1.6
    assert found.dispersion == pytest.approx(1.0, abs=0.1), "yes-or-no values"


def test_light_evidence_shows_the_spread_of_the_labelers_too() -> None:
    rng = np.random.default_rng(12)
    truths = rng.beta(0.75 * 8, 0.25 * 8, 400)
    members = [statistic(rng.random(40) < p, weight=0.3) for p in truths]
    assert 5 < population("accuracy", members, observation=[0.3] * 400).strength < 13
    tables = np.array([[0.3 * rng.multinomial(40, rng.dirichlet([6.0, 2.0])) for _ in range(2)] for _ in truths])
    assert 5 < row_strength(tables, 0.3) < 13


def test_without_labelers_the_default_stands_and_one_labeler_moves_it_little() -> None:
    assert population("accuracy", []) == default("accuracy")
    one = population("accuracy", [statistic([1.0] * 3)])
    assert default("accuracy").mean < one.mean < 0.9
    assert one.strength == pytest.approx(default("accuracy").strength, rel=0.5)


# Intervals


def coverage(facet: str, members: Sequence[Statistic], truths: Sequence[float], found: Population) -> float:
    """The share of 90 % intervals that hold the truth."""
    estimates = [estimate(facet, one, found) for one in members]
    return float(np.mean([e.low <= truth <= e.high for e, truth in zip(estimates, truths, strict=True)]))


def test_nine_of_ten_intervals_of_rates_cover() -> None:
    rng = np.random.default_rng(5)
    truths = rng.beta(8, 2, 1_500)
    members = [statistic(rng.random(n) < p) for p, n in zip(truths, rng.integers(3, 50, len(truths)), strict=True)]
    found = population("accuracy", members)
    assert coverage("accuracy", members, truths, found) == pytest.approx(0.9, abs=0.03)


def test_nine_of_ten_intervals_of_graded_rates_cover_and_are_narrower_than_of_yes_or_no() -> None:
    rng = np.random.default_rng(6)
    truths = rng.beta(12, 4, 800)
    members = [statistic(rng.beta(20 * p, 20 * (1 - p), 12), "iou") for p in truths]
    found = population("iou", members)
    assert found.dispersion < 0.1
    assert coverage("iou", members, truths, found) == pytest.approx(0.9, abs=0.04)


def test_nine_of_ten_intervals_of_sizes_cover() -> None:
    rng = np.random.default_rng(7)
    truths = np.exp(rng.normal(math.log(0.12), 0.5, 1_000))
    members = [
        statistic(t * np.exp(rng.normal(0, 0.7, n)), "place_m")
        for t, n in zip(truths, rng.integers(2, 40, 1_000), strict=True)
    ]
    found = population("place_m", members)
    assert math.exp(found.mean) == pytest.approx(0.12, rel=0.15)
    assert coverage("place_m", members, truths, found) == pytest.approx(0.9, abs=0.03)


# Confusion


def test_a_biased_labeler_keeps_her_worth_and_a_spammer_has_none() -> None:
    even = np.array([0.5, 0.5])
    assert worth(np.eye(2), even) == pytest.approx(1.0)
    assert worth(np.eye(2)[::-1], even) == pytest.approx(1.0), "never right, and as telling as always right"
    assert worth(np.array([[0.9, 0.1], [0.9, 0.1]]), even) == pytest.approx(0.0)
    careless = worth(np.array([[0.8, 0.2], [0.2, 0.8]]), even)
    one_sided = worth(np.array([[1.0, 0.0], [0.4, 0.6]]), even)
    assert 0 < careless < one_sided < 1


def seen_as(pairs: Sequence[tuple[str, str]]) -> dict[str, Statistic]:
    return statistics([Observation(confusion_facet(truth, given), 1.0) for truth, given in pairs], 1.0, NOON)


def test_information_follows_the_confusion_and_not_the_accuracy() -> None:
    classes = Classes(("a", "b"))
    swaps = seen_as([("a", "b"), ("b", "a")] * 60) | {"accuracy": statistic([0.0] * 120)}
    guesses = seen_as([("a", "a"), ("b", "a")] * 60) | {"accuracy": statistic([1.0, 0.0] * 60)}
    swapping = Profile("s", swaps, swaps, classes=classes)
    guessing = Profile("g", guesses, guesses, classes=classes)
    assert swapping.accuracy.mean < guessing.accuracy.mean
    assert information(swapping) > 0.6 > 0.3 > information(guessing)


def test_a_row_without_evidence_is_one_coin_on_the_common_errors() -> None:
    pooled = counts(seen_as([("cat", "lynx")] * 30 + [("cat", "dog")] * 2), ("cat", "lynx", "dog"))
    found = rows(np.zeros((3, 3)), 0.7, error_profile(pooled), 4.0)
    assert found.sum(axis=1) == pytest.approx(np.ones(3))
    assert found[0, 0] == pytest.approx(0.7) and found[0, 1] > 4 * found[0, 2]
    much = rows(1_000 * np.array([[0, 1, 0], [0, 1, 0], [0, 0, 1]]), 0.7, error_profile(pooled), 4.0)
    assert much[0, 1] > 0.99


def test_class_names_may_hold_the_separator() -> None:
    names = ("a>b", "c", "a", "b>c")
    table = counts(seen_as([("a>b", "c"), ("c", "a>b")]), names)
    assert table[1, 0] == 1 and table.sum() == 2


@pytest.mark.parametrize("strength", [3.0, 40.0])
def test_the_strength_of_rows_is_estimated(strength: float) -> None:
    rng = np.random.default_rng(2)
    typical = np.array([[0.7, 0.2, 0.1], [0.1, 0.8, 0.1], [0.15, 0.15, 0.7]])
    tables = np.array([[rng.multinomial(25, rng.dirichlet(strength * row)) for row in typical] for _ in range(150)])
    assert strength / 1.6 < row_strength(tables.astype(float)) < strength * 1.6


# Profiles


def test_a_newcomer_to_a_project_brings_what_she_has_shown_elsewhere() -> None:
    elsewhere = {"accuracy": statistic([1.0] * 300)}
    newcomer, unknown = Profile("n", elsewhere), Profile("u")
    assert newcomer.accuracy.mean > unknown.accuracy.mean + 0.08
    assert newcomer.accuracy.low > unknown.accuracy.low
    here = {"accuracy": statistic([0.0] * 60)}
    fails_here = Profile("f", {"accuracy": elsewhere["accuracy"].plus(here["accuracy"])}, here)
    assert fails_here.accuracy.mean < 0.4


def test_a_class_is_as_hard_as_it_is_and_as_easy_as_she_is_good() -> None:
    population_of = {"accuracy": Population(0.8, 10.0), "class:bus": Population(0.5, 10.0)}
    good, poor = (
        Profile(name, {}, {"accuracy": statistic([share] * 200)}, population_of)
        for name, share in (("g", 0.95), ("p", 0.6))
    )
    assert good.mean("class:bus") > 0.6 > 0.4 > poor.mean("class:bus")
    assert good.details() == []
    told = statistic([1.0] * 30)
    known = Profile("k", {}, {"accuracy": statistic([0.9] * 50), "class:bus": told}, population_of)
    assert known.details() == ["class:bus"] and known.mean("class:bus") > good.mean("class:bus")
