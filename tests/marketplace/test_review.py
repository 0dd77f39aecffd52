"""Reviews and appeals: what a person decides, who may, and what becomes of the money."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import select

from marketplace import people
from marketplace.clock import utc_now
from marketplace.db import db, transaction
from marketplace.errors import Conflict, Forbidden, InvalidInput, LabelyardError, WrongState
from marketplace.models import (
    Assignment,
    AssignmentState,
    AuditEvent,
    ReviewDecision,
    Role,
    SlotState,
    Subtask,
    SubtaskState,
    Task,
    User,
)
from marketplace.pipeline import review, submit
from payouts import ledger
from payouts.chart import Kind
from tests.marketplace import labeling_world
from tests.marketplace.labeling_world import Yard, answered, category, claimed, expire, give, slots_of, states_of

ACCEPTED, FIXED, REJECTED = ReviewDecision.ACCEPTED, ReviewDecision.FIXED, ReviewDecision.REJECTED


@dataclass
class Court:
    """A subtask with three answers that disagree, and two people who may decide."""

    yard: Yard
    task: Task
    subtask: Subtask
    answers: list[Assignment]
    omar: User
    olga: User

    def decide(self, by: User, decision: ReviewDecision, number: int = 0, reason: str = "Look again.") -> None:
        with transaction():
            review.decide(by, self.subtask.id, decision, assignment_id=self.answers[number].id, reason=reason)

    def reject_and_appeal(self) -> None:
        self.decide(self.omar, REJECTED)
        with transaction():
            review.appeal(self.answers[0].labeler, self.answers[0].id, "It is a cat.")

    def decide_appeal(self, by: User, accept: bool) -> None:
        with transaction():
            review.decide_appeal(by, self.answers[0].id, accept, "A second look.")

    def paid(self, number: int) -> int:
        with transaction():
            return ledger.balance(db.session(), Kind.LABELER_HELD, self.answers[number].labeler_id)


@pytest.fixture
def court(app: Flask, run_jobs: Callable[[], None]) -> Court:
    yard = labeling_world.build(app, run_jobs)
    task = yard.send(answers=3)[0]
    for labeler, name in zip(yard.hire(3), ["cat", "dog", "other"], strict=True):
        subtask = give(labeler, category(name))
    run_jobs()
    with transaction():
        omar, olga = (
            people.create_staff(name, email=f"{name}@example.org", password="long enough", role=Role.OPERATOR)
            for name in ("omar", "olga")
        )
    answers = db.session.scalars(select(Assignment).filter_by(subtask_id=subtask.id).order_by(Assignment.id))
    return Court(yard, task, subtask, list(answers), omar, olga)


def test_what_waits_is_listed_until_it_is_decided(court: Court) -> None:
    assert [one.id for one in review.waiting(10)] == [court.subtask.id]
    court.decide(court.omar, ACCEPTED, 1)
    assert review.waiting(10) == []


def test_the_accepted_answer_counts_and_all_are_paid(court: Court) -> None:
    court.decide(court.omar, ACCEPTED, 1)
    court.yard.run_jobs()
    db.session.refresh(court.subtask)
    assert (court.subtask.state, court.subtask.verdict) == (SubtaskState.RESOLVED, category("dog"))
    assert states_of(court.subtask) == [AssignmentState.ACCEPTED] * 3
    assert [court.paid(n) for n in range(3)] == [court.subtask.pay_cents] * 3
    assert [one.agreement for one in court.answers] == [0.0, 1.0, 0.0]
    db.session.refresh(court.task)
    assert court.task.status == "completed"
    [event] = db.session.scalars(select(AuditEvent).filter_by(subject_id=court.answers[1].id))
    assert (event.actor_id, event.action, event.details["reason"]) == (court.omar.id, "review.accepted", "Look again.")


def test_a_fixed_answer_is_the_reviewers_own_and_held_to_the_rules(court: Court) -> None:
    with pytest.raises(InvalidInput) as wrong, transaction():
        review.decide(
            court.omar,
            court.subtask.id,
            FIXED,
            assignment_id=court.answers[0].id,
            reason="None of these.",
            answer=category("whale"),
        )
    assert wrong.value.field == "answer.category"
    with transaction():
        review.decide(
            court.omar,
            court.subtask.id,
            FIXED,
            assignment_id=court.answers[0].id,
            reason="It is another one.",
            answer=category("other"),
        )
    db.session.refresh(court.subtask)
    assert court.subtask.verdict == category("other")


def test_a_rejected_answer_is_not_paid_and_another_is_asked_for(court: Court) -> None:
    court.decide(court.omar, REJECTED)
    assert states_of(court.subtask)[0] is AssignmentState.REJECTED
    assert slots_of(court.subtask, SlotState.OPEN) == 1
    [fourth] = court.yard.hire(1)
    give(fourth, category("dog"))
    court.yard.run_jobs()
    db.session.refresh(court.subtask)
    assert (court.subtask.state, court.subtask.verdict) == (SubtaskState.RESOLVED, category("dog"))
    assert states_of(court.subtask) == [AssignmentState.REJECTED, *[AssignmentState.ACCEPTED] * 3]
    assert court.paid(0) == 0


def test_a_kept_late_answer_takes_the_place_of_a_rejected_one(court: Court) -> None:
    task = court.yard.send(answers=2, project="late")[0]
    ana, ben, cem = court.yard.hire(3)
    late = claimed(ana, project_id="late")
    expire()
    give(ben, category("cat"), project_id="late")
    give(cem, category("dog"), project_id="late")
    subtask = late.subtask
    with transaction():
        submit.submit_answer(ana, late.id, late.epoch, category("cat"), 5)
    court.yard.run_jobs()
    db.session.refresh(subtask)
    assert subtask.state is SubtaskState.IN_REVIEW, "one against one"
    wrong = db.session.scalars(select(Assignment).filter_by(subtask_id=subtask.id, labeler_id=cem.id)).one()
    with transaction():
        review.decide(court.omar, subtask.id, REJECTED, assignment_id=wrong.id, reason="It meows.")
    court.yard.run_jobs()
    db.session.refresh(task)
    assert task.status == "completed"
    assert sorted(states_of(subtask)) == ["accepted", "accepted", "rejected"]


@pytest.mark.parametrize(
    ("change", "error"),
    [
        (lambda court: court.decide(court.omar, REJECTED, reason="  "), InvalidInput),
        (lambda court: court.decide(court.omar, REJECTED, reason="x" * 501), InvalidInput),
        (lambda court: (court.decide(court.omar, ACCEPTED), court.decide(court.omar, ACCEPTED)), WrongState),
        (lambda court: review.appeal(court.answers[0].labeler, court.answers[0].id, "But"), WrongState),
    ],
)
def test_what_cannot_be_decided(court: Court, change: Callable[[Court], object], error: type[LabelyardError]) -> None:
    with pytest.raises(error):
        change(court)


def test_nobody_reviews_her_own_answer(court: Court) -> None:
    with transaction():
        author = db.session.scalars(select(User).filter_by(labeler_id=court.answers[0].labeler_id)).one()
    with pytest.raises(Forbidden):
        court.decide(author, ACCEPTED)


# Appeals


def test_whoever_rejected_does_not_decide_the_appeal(court: Court) -> None:
    court.reject_and_appeal()
    with pytest.raises(Conflict), transaction():
        review.appeal(court.answers[0].labeler, court.answers[0].id, "Once more.")
    assert [one.id for one in review.appeals(10)] == [court.answers[0].id]
    with pytest.raises(Forbidden):
        court.decide_appeal(court.omar, True)
    court.decide_appeal(court.olga, False)
    assert review.appeals(10) == []
    with pytest.raises(WrongState):
        court.decide_appeal(court.olga, True)
    assert states_of(court.subtask)[0] is AssignmentState.REJECTED


def test_an_appeal_in_time_takes_its_place_back(court: Court) -> None:
    court.reject_and_appeal()
    court.decide_appeal(court.olga, True)
    assert states_of(court.subtask)[0] is AssignmentState.ACCEPTED
    assert slots_of(court.subtask, SlotState.OPEN) == 0
    assert court.paid(0) == court.subtask.pay_cents
    court.yard.run_jobs()
    db.session.refresh(court.subtask)
    assert court.subtask.state is SubtaskState.IN_REVIEW, "three answers again, which still disagree"


@pytest.mark.parametrize("is_closed", [False, True])
def test_an_appeal_that_comes_too_late_for_the_customer_is_paid_by_us(court: Court, is_closed: bool) -> None:
    court.reject_and_appeal()
    [fourth] = court.yard.hire(1)
    held = claimed(fourth)
    if is_closed:
        answered(fourth, held, category("dog"))
        court.yard.run_jobs()
    court.decide_appeal(court.olga, True)
    assert court.paid(0) == court.subtask.pay_cents
    with transaction():
        assert ledger.balance(db.session(), Kind.GOLD_EXPENSE) == court.subtask.pay_cents
    if not is_closed:
        answered(fourth, held, category("dog"))
        court.yard.run_jobs()
    db.session.refresh(court.subtask)
    assert (court.subtask.state, court.subtask.verdict) == (SubtaskState.RESOLVED, category("dog"))


def test_an_appealed_answer_stays_rejected_while_leases_pass(court: Court) -> None:
    court.reject_and_appeal()
    expire(utc_now() + timedelta(days=3))
    assert states_of(court.subtask)[0] is AssignmentState.REJECTED
