"""Measured accuracy as claims read it, when gold is due, who gets what, and how long a lease lasts."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from routing import gold, leases, matching
from routing.skill import HALF_LIFE_DAYS, Skill
from routing.types import Candidate, LabelerProfile

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


# Matching

types = st.sampled_from(["lidarannotation", "imageannotation", "categorization"])
candidates = st.lists(
    st.builds(Candidate, st.integers(1, 9), types, st.sampled_from([-20, -10, 0]), st.integers(1, 99)),
    max_size=8,
    unique_by=lambda head: head.slot_id,
)
profiles = st.dictionaries(types, st.floats(0, 1)).map(lambda accuracy: LabelerProfile("me", accuracy))


@given(profiles, candidates)
def test_ranking_loses_nothing_and_a_priority_step_outweighs_accuracy(
    labeler: LabelerProfile, heads: list[Candidate]
) -> None:
    ranked = matching.rank(labeler, heads, NOON)
    assert sorted(map(repr, ranked)) == sorted(map(repr, heads))
    assert [c.rank for c in ranked] == sorted(c.rank for c in heads)
    assert matching.rank(labeler, ranked[::-1], NOON) == ranked


@given(profiles, types, types, st.integers(1, 99), st.integers(1, 99))
def test_of_equal_priority_the_better_measured_type_comes_first_then_the_older(
    labeler: LabelerProfile, one: str, two: str, older: int, newer: int
) -> None:
    heads = [Candidate(1, one, -10, older), Candidate(2, two, -10, newer)]
    first, second = matching.rank(labeler, heads, NOON)
    accuracy = [labeler.accuracy.get(c.task_type, matching.PRIOR_ACCURACY) for c in (first, second)]
    assert accuracy[0] > accuracy[1] or (
        accuracy[0] == pytest.approx(accuracy[1]) and (first.slot_id <= second.slot_id or accuracy[0] != accuracy[1])
    )


# Leases


@given(st.integers(0, 200_000))
def test_a_lease_suits_the_work(effort: int) -> None:
    seconds = (leases.expires_at(effort, NOON) - NOON).total_seconds()
    assert leases.LEASE_SECONDS_MIN <= seconds <= leases.LEASE_SECONDS_MAX
    assert seconds >= min(effort, leases.LEASE_SECONDS_MAX)
