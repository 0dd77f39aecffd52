"""Gold of reviewed subtasks, and gold that is wrong: found, corrected, and all that followed from it mended."""

from collections.abc import Callable

import pytest
from flask import Flask
from sqlalchemy import select

from marketplace import people, trials
from marketplace.clock import utc_now
from marketplace.db import db, transaction
from marketplace.errors import InvalidInput, WrongState
from marketplace.models import (
    Assignment,
    AssignmentState,
    Labeler,
    ReviewDecision,
    Role,
    SkillRecord,
    SkillStatistic,
    Subtask,
    SubtaskState,
    Trial,
    TrialState,
    User,
)
from marketplace.pipeline import gold, review
from marketplace.pipeline.dispatch import Claim
from marketplace.pipeline.gold import Ruling
from payouts import ledger
from payouts.chart import Kind
from tests.marketplace import labeling_world
from tests.marketplace.labeling_world import Chance, Yard, category, claim, give, measure, states_of, subtask_of

CAT, DOG = category("cat"), category("dog")
GOLD_DUE, REAL = Chance(0.0), Chance(0.99)


@pytest.fixture
def yard(app: Flask, run_jobs: Callable[[], None]) -> Yard:
    return labeling_world.build(app, run_jobs)


@pytest.fixture
def omar(app: Flask) -> User:
    with transaction():
        return people.create_staff("Omar", email="omar@example.org", password="long enough", role=Role.OPERATOR)


def statistics_of(labeler: Labeler) -> dict[tuple[str, str], tuple[float, float]]:
    rows = db.session.scalars(
        select(SkillStatistic).filter_by(labeler_id=labeler.id).execution_options(populate_existing=True)
    )
    return {(one.scope, one.facet): (round(one.weight, 6), round(one.total, 6)) for one in rows if one.weight > 1e-9}


def skill_of(labeler: Labeler) -> tuple[float, float]:
    found = select(SkillRecord).filter_by(labeler_id=labeler.id)
    record = db.session.scalars(found.execution_options(populate_existing=True)).one()
    return record.alpha, record.beta


def doubted(yard: Yard, count: int = 3) -> tuple[Subtask, list[Labeler]]:
    """Gold that says dog, to which so many accurate labelers have answered cat."""
    [task] = yard.send(expected_answer=DOG)
    yard.send(3, answers=15)
    labelers = yard.hire(count)
    for labeler in labelers:
        measure(yard, labeler, 30, 1)
        give(labeler, CAT, rng=REAL)
        assert give(labeler, CAT, rng=GOLD_DUE).gold
        yard.run_jobs()
    return subtask_of(task), labelers


def is_gold(of: Claim) -> bool:
    assert of.held is not None
    return db.session.get_one(Subtask, of.held.subtask_id).gold


def decide(by: User, subtask: Subtask, ruling: Ruling, answer: dict[str, str] | None = None) -> None:
    with transaction():
        gold.decide(by, subtask.id, ruling, reason="I looked.", answer=answer)


# Made of what was reviewed


def reviewed(yard: Yard, by: User) -> tuple[Subtask, list[Labeler]]:
    [task] = yard.send(answers=3)
    labelers = yard.hire(3)
    for labeler, name in zip(labelers, ["cat", "dog", "other"], strict=True):
        give(labeler, category(name))
    yard.run_jobs()
    subtask = subtask_of(task)
    first = db.session.scalars(select(Assignment).filter_by(subtask_id=subtask.id)).first()
    assert first is not None and subtask.state is SubtaskState.IN_REVIEW
    with transaction():
        review.decide(by, subtask.id, ReviewDecision.ACCEPTED, assignment_id=first.id, reason="It is.")
    yard.run_jobs()
    return subtask, labelers


def test_what_a_reviewer_has_decided_measures_others_but_not_who_answered_it(yard: Yard, omar: User) -> None:
    subtask, before = reviewed(yard, omar)
    made = db.session.scalars(select(Subtask).filter_by(gold_of=subtask.id)).one()
    assert made.gold and made.truth == subtask.verdict and made.task_id != subtask.task_id
    yard.send(3, answers=15)
    for labeler in before:
        give(labeler, CAT, rng=REAL)
        assert not is_gold(claim(labeler, rng=GOLD_DUE)), "the copy of what she has answered is not for her"
    [new] = yard.hire(1)
    give(new, CAT, rng=REAL)
    assert give(new, CAT, rng=GOLD_DUE).id == made.id
    yard.run_jobs()
    assert states_of(made) == [AssignmentState.ACCEPTED]
    assert subtask.task.completed_at is not None, "gold of it does not keep the task open"


# In doubt


def test_gold_against_which_accurate_labelers_agree_goes_to_a_reviewer_and_is_given_to_nobody(yard: Yard) -> None:
    subtask, _ = doubted(yard)
    assert subtask.state is SubtaskState.IN_REVIEW
    assert subtask in review.waiting(10)
    [next_one] = yard.hire(1)
    give(next_one, CAT, rng=REAL)
    assert not is_gold(claim(next_one, rng=GOLD_DUE))


def test_gold_that_is_only_hard_is_not_doubted(yard: Yard) -> None:
    [task] = yard.send(expected_answer=DOG)
    yard.send(3, answers=15)
    for labeler, name in zip(yard.hire(4), ["cat", "dog", "other", "dog"], strict=True):
        measure(yard, labeler, 30, 1)
        give(labeler, CAT, rng=REAL)
        give(labeler, category(name), rng=GOLD_DUE)
        yard.run_jobs()
    assert subtask_of(task).state is SubtaskState.OPEN


def test_a_corrected_truth_gives_every_labeler_the_score_that_it_would_have_given_at_once(
    yard: Yard, omar: User
) -> None:
    subtask, labelers = doubted(yard)
    [twin] = yard.hire(1)
    measure(yard, twin, 30, 1)
    held = {labeler.id: ledger.balance(db.session(), Kind.LABELER_HELD, labeler.id) for labeler in labelers}
    db.session.commit()
    decide(omar, subtask, Ruling.CORRECTED, CAT)
    yard.run_jobs()
    assert subtask.truth == CAT and subtask.state is SubtaskState.OPEN and subtask.gold_confirmed_at is not None
    give(twin, CAT, rng=REAL)
    assert give(twin, CAT, rng=GOLD_DUE).id == subtask.id
    yard.run_jobs()
    right = statistics_of(twin)
    for labeler in labelers:
        mine = statistics_of(labeler)
        assert mine.keys() == right.keys()
        assert all(mine[key] == pytest.approx(right[key], rel=1e-3, abs=1e-3) for key in right)
        assert skill_of(labeler) == pytest.approx(skill_of(twin), rel=1e-3)
        assert ledger.balance(db.session(), Kind.LABELER_HELD, labeler.id) == held[labeler.id], "gold was paid already"
    graded = db.session.scalars(select(Assignment).filter_by(subtask_id=subtask.id)).all()
    assert {one.agreement for one in graded} == {1.0}


def test_a_truth_that_stands_is_not_doubted_again(yard: Yard, omar: User) -> None:
    subtask, labelers = doubted(yard)
    before = skill_of(labelers[0])
    decide(omar, subtask, Ruling.STANDS)
    [late] = yard.hire(1)
    measure(yard, late, 30, 1)
    give(late, CAT, rng=REAL)
    give(late, CAT, rng=GOLD_DUE)
    yard.run_jobs()
    db.session.refresh(subtask)
    assert subtask.state is SubtaskState.OPEN and subtask.truth == DOG
    assert skill_of(labelers[0]) == before


def test_retired_gold_measures_nobody_and_still_pays_who_was_at_it(yard: Yard, omar: User) -> None:
    subtask, labelers = doubted(yard)
    decide(omar, subtask, Ruling.RETIRED)
    db.session.refresh(subtask)
    assert subtask.state is SubtaskState.CANCELED
    [fresh] = yard.hire(1)
    measure(yard, fresh, 30, 1)
    for labeler in labelers:
        assert skill_of(labeler) == pytest.approx(skill_of(fresh), rel=1e-4)
    assert set(states_of(subtask)) == {AssignmentState.ACCEPTED}
    with pytest.raises(WrongState):
        decide(omar, subtask, Ruling.STANDS)


@pytest.mark.parametrize("answer", [None, {"category": "horse"}, {"category": ["cat"]}])
def test_a_correction_is_held_to_the_rules_of_answers(yard: Yard, omar: User, answer: dict[str, str] | None) -> None:
    subtask, _ = doubted(yard)
    with pytest.raises(InvalidInput) as error:
        decide(omar, subtask, Ruling.CORRECTED, answer)
    assert error.value.field and error.value.field.startswith("answer")
    db.session.refresh(subtask)
    assert subtask.state is SubtaskState.IN_REVIEW and subtask.truth == DOG


def test_a_trial_that_wrong_gold_failed_goes_on(yard: Yard, omar: User) -> None:
    """Every gold of the exam says dog where it is a cat; one after the other is found and corrected."""
    wrong = [subtask_of(task) for task in yard.send(5, expected_answer=DOG)]
    yard.send(3, answers=15)
    [newcomer] = yard.hire(1, "imageannotation")
    with transaction():
        trials.begin(newcomer, wrong[0].lane_id, utc_now())
    for _ in range(2):
        give(newcomer, CAT)
        yard.run_jobs()
    trial = db.session.scalars(select(Trial)).one()
    db.session.refresh(trial)
    assert trial.state is TrialState.FAILED
    for subtask in wrong:
        with transaction():
            db.session.get_one(Subtask, subtask.id).state = SubtaskState.IN_REVIEW
        decide(omar, subtask, Ruling.CORRECTED, CAT)
    db.session.refresh(trial)
    assert trial.state is TrialState.OPEN and trial.retry_at is None, "she goes on where it had ended"
    for _ in range(3):
        give(newcomer, CAT)
        yard.run_jobs()
    db.session.refresh(trial)
    assert trial.state is TrialState.PASSED and trial.grade == 1.0
    assert claim(newcomer).held is not None, "and she may do the work"
