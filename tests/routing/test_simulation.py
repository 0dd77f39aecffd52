"""The simulated marketplace: what goes in comes out, and it behaves as a marketplace must."""

from collections import Counter, defaultdict

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from routing.matching import least_chance
from routing.overlap import Terms
from routing.simulation import Job, Outcome, Worker, by_decile, run, waits

DAY = 86_400.0


def terms(target: float = 0.9, maximum: int = 5, minimum: int | None = None) -> Terms:
    return Terms(target, maximum, 10.0, 500.0, minimum)


def job(number: int, rng: np.random.Generator, *, size: int = 40, customer: str = "a", **more: object) -> Job:
    return Job(number, customer, rng.integers(3, size=size).tolist(), 3, terms(), **more)  # type: ignore[arg-type]


def workers(count: int, rng: np.random.Generator, **more: object) -> list[Worker]:
    return [
        Worker(f"w{k}", float(rng.uniform(0.6, 0.95)), pause_seconds=5.0, **more)  # type: ignore[arg-type]
        for k in range(count)
    ]


def world(seed: int) -> tuple[list[Worker], list[Job], Outcome]:
    rng = np.random.default_rng(seed)
    crowd = workers(int(rng.integers(2, 12)), rng, session_seconds=1_200.0, break_seconds=600.0)
    jobs = [
        job(1, rng, gold=rng.integers(3, size=6).tolist()),
        job(2, rng, size=20, customer="b", created_seconds=300.0, answers_max=15),
    ]
    return crowd, jobs, run(crowd, jobs, np.random.default_rng(seed), 5 * DAY)


@settings(max_examples=12, deadline=None)
@given(st.integers(0, 10_000))
def test_each_answer_is_paid_once_nobody_is_asked_twice_and_no_cap_or_maximum_is_passed(seed: int) -> None:
    crowd, jobs, outcome = world(seed)
    assert sum(outcome.cents(one.job_id, is_gold=g) for one in jobs for g in (False, True)) == 10.0 * len(
        outcome.answers
    )
    seen = Counter((one.labeler_id, one.job_id, one.subtask, one.is_gold) for one in outcome.answers)
    assert max(seen.values()) == 1
    real = Counter((one.job_id, one.subtask) for one in outcome.answers if not one.is_gold)
    assert max(real.values()) <= 5
    assert set(outcome.closed) <= set(real)
    assert max(Counter(one.labeler_id for one in outcome.answers if one.job_id == 2).values(), default=0) <= 15
    assert sum(by_decile(outcome.loads(), crowd)) == pytest.approx(1)


@settings(max_examples=6, deadline=None)
@given(st.integers(0, 10_000))
def test_nobody_does_two_things_at_once(seed: int) -> None:
    _, _, outcome = world(seed)
    busy: dict[str, list[tuple[float, float]]] = defaultdict(list)
    for one in outcome.answers:
        busy[one.labeler_id].append((one.claimed_at, one.at))
    for spans in busy.values():
        assert all(end <= begin for (_, end), (begin, _) in zip(sorted(spans), sorted(spans)[1:], strict=False))


def test_one_seed_gives_one_outcome_and_another_gives_another() -> None:
    assert world(3)[2] == world(3)[2]
    assert world(3)[2].answers != world(4)[2].answers


def test_more_labelers_are_finished_sooner() -> None:
    ends = []
    for count in (3, 9, 27):
        rng = np.random.default_rng(1)
        one = job(1, rng, size=120)
        ends.append(run(workers(count, rng), [one], rng, 10 * DAY).finished_seconds(one))
    assert ends[0] > 2 * ends[1] > 2 * ends[2]


def test_better_labelers_need_fewer_answers_for_what_is_right_more_often() -> None:
    counts, right = [], []
    for accuracy in (0.65, 0.95):
        rng = np.random.default_rng(2)
        one = job(1, rng, size=200, gold=rng.integers(3, size=40).tolist())
        outcome = run([Worker(f"w{k}", accuracy) for k in range(12)], [one], rng, 10 * DAY)
        counts.append(sum(outcome.loads().values()))
        right.append(outcome.accuracy(one))
    assert counts[1] < 0.8 * counts[0] and right[1] > right[0]


def test_customers_share_the_labelers_by_weight_and_the_smallest_is_not_starved() -> None:
    rng = np.random.default_rng(5)
    jobs = [
        job(1, rng, size=2_000, customer="big", share=6.0, rank=-900),
        job(2, rng, size=2_000, customer="middle", share=3.0),
        job(3, rng, size=2_000, customer="small", share=1.0),
    ]
    outcome = run(workers(12, rng), jobs, rng, 2 * 3_600.0)
    done = Counter(one.job_id for one in outcome.answers)
    total = sum(done.values())
    assert total > 1_000 and not any(outcome.finished_seconds(one) < np.inf for one in jobs)  # all had work throughout
    assert [done[k] / total for k in (1, 2, 3)] == pytest.approx([0.6, 0.3, 0.1], abs=0.06)
    assert done[3] / total > least_chance(0.1)
    served = [k for k, one in enumerate(sorted(outcome.answers, key=lambda one: one.claimed_at)) if one.job_id == 3]
    # A longer time without the smallest has a chance of one in a million, by the bound.
    assert max(np.diff(served)) < np.log(1e-6) / np.log(1 - least_chance(0.1))
    assert len(waits(outcome, jobs)["small"]) == done[3]


def test_replayed_labelers_give_what_they_gave_and_others_are_not_asked() -> None:
    rng = np.random.default_rng(6)
    said = {(f"w{k}", at): int(rng.integers(3)) for at in range(30) for k in rng.permutation(8)[:4].tolist()}
    one = job(1, rng, size=30, replayed=said)
    outcome = run(workers(8, rng), [one], rng, 10 * DAY)
    assert outcome.finished_seconds(one) < np.inf
    assert all(said[given.labeler_id, given.subtask] == given.given for given in outcome.answers)
