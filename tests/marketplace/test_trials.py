"""Exams and paid trials through the real claims and jobs: to pass, to fail, to try again, and what ends one."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from marketplace import decisions, lanes, people, trials
from marketplace.clock import utc_now
from marketplace.db import db, transaction
from marketplace.errors import Conflict
from marketplace.models import (
    Assignment,
    AuditEvent,
    Block,
    KeyMode,
    Labeler,
    Lane,
    Qualification,
    Role,
    Subtask,
    Trial,
    TrialState,
)
from marketplace.projects import find_project
from routing.trials import ATTEMPTS_MAX, RETRY_AFTER
from tests.marketplace import labeling_world
from tests.marketplace.labeling_world import CAT, Chance, Yard, answered, category, claim, claimed

DOG = category("dog")
GOLD = 30


@pytest.fixture
def yard(app: Flask, run_jobs: Callable[[], None]) -> Yard:
    """Texts with gold, and one real text that many are asked about."""
    built = labeling_world.build(app, run_jobs)
    built.send(GOLD, expected_answer=CAT)
    built.send(answers=15)
    return built


def lane_id() -> int:
    return db.session.scalars(select(Lane.id)).one()


def ask(yard: Yard, **rule: Any) -> None:
    with transaction():
        project = find_project(yard.customer, KeyMode.LIVE, "texts")
        assert project is not None
        lanes.set_rule(project, rule)


def begin(labeler: Labeler, after: timedelta = timedelta()) -> Trial:
    with transaction():
        return trials.begin(labeler, lane_id(), utc_now() + after)


def newest(labeler: Labeler) -> Trial:
    wanted = select(Trial).where(Trial.labeler_id == labeler.id).order_by(Trial.id.desc()).limit(1)
    return db.session.scalars(wanted.execution_options(populate_existing=True)).one()


def work(yard: Yard, labeler: Labeler, *answers: dict[str, str]) -> list[bool]:
    """Claim and answer; returns for each whether it was gold."""
    kinds = []
    for answer in answers:
        held = claimed(labeler, rng=Chance(0.99))  # where real work is open to her, real work
        answered(labeler, held, answer)
        yard.run_jobs()
        kinds.append(db.session.get_one(Subtask, held.subtask_id).gold)
    return kinds


def test_a_trial_gives_gold_only_then_lets_her_in_and_is_paid(yard: Yard) -> None:
    [ana] = yard.hire(1)
    ask(yard, accuracy_min=0.8)
    assert claim(ana).reason.code == "trial"  # type: ignore[union-attr]
    assert begin(ana).answers == 10
    assert all(work(yard, ana, *[CAT] * 9))
    kinds = work(yard, ana, CAT)
    if kinds == [True]:  # nine answers were enough evidence, but not yet right often enough
        kinds = work(yard, ana, CAT)
    assert newest(ana).state is TrialState.PASSED and kinds == [False], "what follows is real work"
    gold = db.session.scalars(select(Assignment).where(Assignment.labeler_id == ana.id, Assignment.slot_id.is_(None)))
    paid = [one.state == "accepted" and one.pay_cents > 0 for one in gold]
    assert all(paid) and len(paid) >= 9
    spent = [event.action for event in db.session.scalars(select(AuditEvent).filter_by(subject_id=ana.id))]
    assert spent == ["trial.passed"]


def test_a_trial_ends_when_it_cannot_be_passed_and_says_when_to_come_again(yard: Yard) -> None:
    [ana] = yard.hire(1)
    ask(yard, accuracy_min=0.8)
    begin(ana)
    work(yard, ana, CAT, DOG)
    failed = newest(ana)
    assert (failed.state, failed.graded, failed.grade) == (TrialState.FAILED, 2, 0.5)
    assert failed.closed_at is not None and failed.retry_at == failed.closed_at + RETRY_AFTER
    chance = trials.chances(ana.id, [lane_id()], utc_now())[lane_id()]
    assert chance.terms is None and chance.refusal is not None and chance.refusal.retry_at == failed.retry_at
    with pytest.raises(Conflict, match="try again from"):
        begin(ana)
    assert claim(ana).assignment is None, "nothing is left to farm"


def test_an_exam_gives_its_credential_and_another_lanes_is_not_asked(yard: Yard) -> None:
    ana, ben = yard.hire(2)
    ask(yard, exam=True)
    assert claim(ana).assignment is None
    begin(ana)
    work(yard, ana, CAT, CAT, DOG, CAT, CAT)
    assert newest(ana).state is TrialState.PASSED and newest(ana).grade == pytest.approx(0.8)
    db.session.refresh(ana)
    assert ana.credentials == [f"exam:{lane_id()}"]
    assert claimed(ana, rng=Chance(0.99)).slot_id is not None and claim(ben).assignment is None
    begin(ben)
    work(yard, ben, DOG, DOG)
    assert newest(ben).state is TrialState.FAILED, "two of five wrong cannot reach four in five"
    assert db.session.get_one(Labeler, ben.id).credentials == []


def test_an_exam_qualifies_for_the_task_type_unless_an_operator_took_that_away(yard: Yard) -> None:
    dora, eve = yard.hire(2, "imageannotation")
    begin(dora)
    work(yard, dora, *[CAT] * 5)
    assert db.session.get(Qualification, (dora.id, "categorization")) is not None
    assert claimed(dora, rng=Chance(0.99)).slot_id is not None
    with transaction():
        omar = people.create_staff("Omar", email="o@example.org", password="long enough", role=Role.OPERATOR)
        decisions.grant(omar, eve, "categorization")
        decisions.revoke(omar, eve, "categorization", "Measured at 40%.")
    with pytest.raises(Conflict, match="operator has decided"):
        begin(eve)


def test_there_are_few_attempts(yard: Yard) -> None:
    [ana] = yard.hire(1)
    ask(yard, exam=True)
    for attempt in range(ATTEMPTS_MAX):
        begin(ana, attempt * (RETRY_AFTER + timedelta(hours=1)))
        with transaction():  # as if it had begun in time
            newest(ana).started_at = utc_now()
        work(yard, ana, DOG, DOG)
    with pytest.raises(Conflict, match="no further try"):
        begin(ana, timedelta(days=365))
    assert db.session.scalars(select(Trial.state)).all() == [TrialState.FAILED] * ATTEMPTS_MAX


def test_a_block_ends_a_trial_and_leaves_what_is_in_hand(yard: Yard) -> None:
    [ana] = yard.hire(1)
    ask(yard, exam=True)
    begin(ana)
    held = claimed(ana)
    with transaction():
        db.session.add(Block(customer_id=yard.customer.id, labeler_id=ana.id, reason="A rival's friend."))
    assert claimed(ana).id == held.id
    answered(ana, held)
    yard.run_jobs()
    db.session.refresh(held)
    assert held.state == "accepted"
    reason = claim(ana).reason
    assert newest(ana).state is TrialState.STOPPED
    assert reason is not None and "chosen to work with other labelers" in reason.text and "rival" not in reason.text


def test_without_gold_it_says_so(app: Flask, run_jobs: Callable[[], None]) -> None:
    bare = labeling_world.build(app, run_jobs)
    bare.send()
    bare.send(2, expected_answer=CAT)
    [ana] = bare.hire(1)
    ask(bare, accuracy_min=0.8)
    with pytest.raises(Conflict, match="10 test subtasks that you have not seen; there are 2 now"):
        begin(ana)


def test_a_rule_that_is_dropped_ends_the_trial_well(yard: Yard) -> None:
    [ana] = yard.hire(1)
    ask(yard, accuracy_min=0.8)
    begin(ana)
    with pytest.raises(Conflict, match="in a trial already"):
        begin(ana)
    ask(yard, accuracy_min=None)
    assert claimed(ana, rng=Chance(0.99)).slot_id is not None
    assert newest(ana).state is TrialState.PASSED and newest(ana).retry_at is None
