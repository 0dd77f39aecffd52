"""Measured accuracy as claims read it, when gold is due, and how long a lease lasts."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from routing import gold, leases
from routing.skill import HALF_LIFE_DAYS, Skill

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
scores = st.lists(st.floats(0, 1), max_size=30)


def measured(observed: list[float], *, weight: float = 1.0) -> Skill:
    skill = Skill()
    for score in observed:
        skill = skill.observe(score, weight, NOON)
    return skill


@given(scores, st.floats(0, 1), st.floats(0.01, 5))
def test_evidence_moves_the_mean_towards_the_score_and_counts(
    observed: list[float], score: float, weight: float
) -> None:
    before = measured(observed)
    after = before.observe(score, weight, NOON)
    assert after.evidence == pytest.approx(before.evidence + weight)
    assert min(before.mean, score) - 1e-9 <= after.mean <= max(before.mean, score) + 1e-9
    low, high = after.interval()
    assert 0 <= low <= high <= 1 and after.lower == low


@given(scores)
def test_the_order_of_evidence_of_one_moment_does_not_matter(observed: list[float]) -> None:
    one, two = measured(observed), measured(observed[::-1])
    assert (one.alpha, one.beta) == pytest.approx((two.alpha, two.beta))


@given(scores, st.floats(0, 1_000))
def test_old_evidence_fades_to_the_prior_and_waiting_in_steps_is_waiting(observed: list[float], days: float) -> None:
    skill = measured(observed)
    later = skill.at(NOON + timedelta(days=days))
    assert later.evidence == pytest.approx(skill.evidence * 0.5 ** (days / HALF_LIFE_DAYS))
    halfway = skill.at(NOON + timedelta(days=days / 2)).at(NOON + timedelta(days=days))
    assert (halfway.alpha, halfway.beta) == pytest.approx((later.alpha, later.beta))
    assert skill.at(NOON - timedelta(days=1)).evidence == pytest.approx(skill.evidence)
    assert Skill().at(NOON) == Skill()


def test_more_evidence_of_the_same_is_surer() -> None:
    few, many = measured([1, 1, 0, 1]), measured([1, 1, 0, 1] * 10)
    assert many.interval()[1] - many.interval()[0] < few.interval()[1] - few.interval()[0]
    assert many.lower > few.lower


@pytest.mark.parametrize(("score", "weight"), [(-0.1, 1), (1.1, 1), (0.5, -1), (float("nan"), 1)])
def test_evidence_out_of_range_is_refused(score: float, weight: float) -> None:
    with pytest.raises(ValueError):
        Skill().observe(score, weight, NOON)


# Gold


def share_of_gold(skill: Skill, *, subtasks: int = 4_000) -> float:
    rng = np.random.default_rng(7)
    seen_real, seen_gold = 0, 0
    for _ in range(subtasks):
        if gold.is_due(seen_real=seen_real, seen_gold=seen_gold, skill=skill, rng=rng):
            seen_real, seen_gold = 0, seen_gold + 1
        else:
            seen_real += 1
    return seen_gold / subtasks


def test_gold_is_frequent_for_the_unknown_and_rare_for_the_known() -> None:
    unknown, known = share_of_gold(Skill()), share_of_gold(measured([1.0, 0.9] * 100))
    assert 0.2 < unknown < 0.35 and 0.03 < known < 0.08


@given(st.integers(0, 2**32), scores)
def test_the_first_is_never_gold_and_a_streak_without_it_ends(seed: int, observed: list[float]) -> None:
    rng, skill = np.random.default_rng(seed), measured(observed)
    assert not gold.is_due(seen_real=0, seen_gold=0, skill=skill, rng=rng)
    assert gold.is_due(seen_real=gold.REAL_BETWEEN_MAX, seen_gold=3, skill=skill, rng=rng)


def test_gold_keeps_no_beat() -> None:
    rng, gaps, gap = np.random.default_rng(1), set(), 0
    for _ in range(400):
        gap += 1
        if gold.is_due(seen_real=gap, seen_gold=1, skill=Skill(), rng=rng):
            gaps.add(gap)
            gap = 0
    assert len(gaps) > 5


# Leases


@given(st.integers(0, 200_000))
def test_a_lease_suits_the_work(effort: int) -> None:
    seconds = (leases.expires_at(effort, NOON) - NOON).total_seconds()
    assert leases.LEASE_SECONDS_MIN <= seconds <= leases.LEASE_SECONDS_MAX
    assert seconds >= min(effort, leases.LEASE_SECONDS_MAX)
