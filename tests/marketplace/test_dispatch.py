"""Claims: who gets what, what a null says, and what becomes of a lease."""

from collections.abc import Callable
from datetime import timedelta

import numpy as np
import pytest
from flask import Flask
from sqlalchemy import select

from marketplace import decisions, openings, people
from marketplace.clock import utc_now
from marketplace.db import db, transaction
from marketplace.errors import InvalidInput, LeaseLost, NotFound, StaleEpoch, WrongState
from marketplace.models import Assignment, AssignmentState, Lane, Role, SlotState, Subtask, Task
from marketplace.pipeline import dispatch, intake, submit
from routing import leases
from tests.marketplace import labeling_world
from tests.marketplace.labeling_world import (
    CAT,
    Chance,
    Yard,
    answered,
    at_once,
    claim,
    claimed,
    expire,
    slots_of,
    states_of,
    subtask_of,
)


@pytest.fixture
def yard(app: Flask, run_jobs: Callable[[], None]) -> Yard:
    return labeling_world.build(app, run_jobs)


def test_a_claim_leases_the_head_and_starts_the_task(yard: Yard) -> None:
    task = yard.send()[0]
    now = utc_now()
    assignment = claimed(yard.hire(1)[0], now=now)
    assert assignment.subtask_id == subtask_of(task).id
    assert (assignment.state, assignment.epoch) == (AssignmentState.CLAIMED, 1)
    assert assignment.lease_expires_at == leases.expires_at(assignment.expected_seconds, now)
    db.session.refresh(task)
    assert task.work_started
    with pytest.raises(WrongState), transaction():
        intake.cancel_task(task, clear_unique_id=False)


def test_urgent_tasks_come_first_and_old_ones_before_young_ones(yard: Yard) -> None:
    first, second, urgent = yard.send()[0], yard.send()[0], yard.send(urgency="immediate")[0]
    [ana] = yard.hire(1)
    order = []
    for _ in range(3):
        assignment = claimed(ana)
        answered(ana, assignment)
        order.append(assignment.subtask_id)
    assert order == [subtask_of(task).id for task in (urgent, first, second)]


def test_who_holds_something_gets_that_again(yard: Yard) -> None:
    yard.send(2)
    [ana] = yard.hire(1)
    assert claimed(ana).id == claimed(ana, types=["categorization"]).id


def test_one_labeler_in_many_windows_holds_one_assignment(app: Flask, yard: Yard) -> None:
    yard.send(6)
    [ana] = yard.hire(1)
    ana_id = ana.id
    found = at_once(app, *[lambda: dispatch.claim_next(ana_id).held.id] * 8)
    assert len({str(one) for one in found}) == 1, found


@pytest.mark.parametrize(
    ("answers", "project", "code"), [(1, "texts", "all_held"), (2, "texts", None), (1, "elsewhere", "no_work")]
)
def test_what_others_hold(yard: Yard, answers: int, project: str, code: str | None) -> None:
    yard.send(answers=answers)
    ana, ben = yard.hire(2)
    held = claimed(ana)
    reason = claim(ben, project_id=project).reason
    assert (reason and reason.code) == code
    if code == "all_held":
        assert reason is not None and reason.until == held.lease_expires_at


def test_a_null_says_why(yard: Yard) -> None:
    [ana] = yard.hire(1)
    reasons = [claim(ana).reason]
    yard.send(answers=3)
    reasons.append(claim(yard.hire(1, "imageannotation")[0]).reason)
    reasons.append(claim(ana, types=["lidarannotation"]).reason)
    answered(ana, claimed(ana))
    reasons.append(claim(ana).reason)
    with transaction():
        omar = people.create_staff("Omar", email="o@example.org", password="long enough", role=Role.OPERATOR)
        decisions.pause(omar, db.session.scalars(select(Lane.id)).one(), paused=True)
    reasons.append(claim(yard.hire(1)[0]).reason)
    with transaction():
        decisions.restrict(omar, ana, "Too many empty answers.", None, utc_now())
    reasons.append(claim(ana).reason)
    codes = [reason.code for reason in reasons if reason]
    assert codes == ["no_work", "not_qualified", "not_qualified", "seen_all", "paused", "restricted"]
    assert all(reason.text for reason in reasons if reason)
    assert "Too many empty answers." in reasons[-1].text  # type: ignore[union-attr]


def test_a_restriction_ends_by_itself(yard: Yard) -> None:
    yard.send()
    [ana] = yard.hire(1)
    with transaction():
        omar = people.create_staff("Omar", email="o@example.org", password="long enough", role=Role.OPERATOR)
        decisions.restrict(omar, ana, "A pause.", utc_now() + timedelta(hours=1), utc_now())
    assert claim(ana).assignment is None
    assert claim(ana, now=utc_now() + timedelta(hours=2)).assignment is not None


# The lease


def test_a_lost_draft_is_offered_back_first_under_a_new_epoch(yard: Yard) -> None:
    yard.send(3)
    ana, ben = yard.hire(2)
    lost = claimed(ana)
    with transaction():
        submit.save_draft(ana, lost.id, lost.epoch, {"category": "dog"}, 3)
    expire()
    assert states_of(lost.subtask) == [AssignmentState.EXPIRED]
    assert slots_of(lost.subtask, SlotState.OPEN) == 2
    claimed(ben)
    again = claimed(ana)
    assert (again.id, again.epoch, again.draft) == (lost.id, 2, {"category": "dog"})
    with pytest.raises(StaleEpoch), transaction():
        dispatch.heartbeat(ana, again.id, 1, 5)


def test_a_heartbeat_extends_the_lease_and_takes_up_one_that_ran_out(yard: Yard) -> None:
    yard.send()
    [ana] = yard.hire(1)
    held = claimed(ana)
    later = utc_now() + timedelta(minutes=9)
    with transaction():
        dispatch.heartbeat(ana, held.id, 1, 60, now=later)
    expire(utc_now() + timedelta(minutes=11))
    assert states_of(held.subtask) == [AssignmentState.CLAIMED]
    expire(later + timedelta(minutes=11))
    assert states_of(held.subtask) == [AssignmentState.EXPIRED]
    with transaction():
        beaten = dispatch.heartbeat(ana, held.id, 1, 61, now=later + timedelta(minutes=12))
    assert (beaten.state, beaten.epoch) == (AssignmentState.CLAIMED, 1)
    assert slots_of(held.subtask, SlotState.LEASED) == 1


def test_active_time_never_falls_and_never_outruns_the_clock(yard: Yard) -> None:
    yard.send()
    [ana] = yard.hire(1)
    held = claimed(ana)
    for reported, minutes, expected in [(50, 1, 50), (20, 2, 50), (100_000, 2, 120)]:
        with transaction():
            now = held.claimed_at + timedelta(minutes=minutes)
            assert dispatch.heartbeat(ana, held.id, 1, reported, now=now).active_seconds == expected


def test_a_skipped_subtask_does_not_come_back(yard: Yard) -> None:
    yard.send(answers=1)
    ana, ben = yard.hire(2)
    held = claimed(ana)
    with pytest.raises(InvalidInput) as wrong, transaction():
        dispatch.skip(ana, held.id, held.epoch, "  ")
    assert wrong.value.field == "reason"
    for _ in range(2):  # twice is as good as once
        with transaction():
            dispatch.skip(ana, held.id, held.epoch, "too blurred")
    reason = claim(ana).reason
    assert reason is not None and reason.code == "seen_all"
    assert claimed(ben).subtask_id == held.subtask_id
    with pytest.raises(LeaseLost), transaction():
        dispatch.heartbeat(ana, held.id, held.epoch, 1)


def test_a_foreign_assignment_is_not_there(yard: Yard) -> None:
    yard.send()
    ana, ben = yard.hire(2)
    held = claimed(ana)
    for act in (
        lambda: dispatch.own_assignment(ben, held.id),
        lambda: dispatch.heartbeat(ben, held.id, 1, 1),
        lambda: dispatch.skip(ben, held.id, 1, "not mine"),
        lambda: submit.submit_answer(ben, held.id, 1, CAT, 1),
        lambda: submit.save_draft(ben, held.id, 1, CAT, 1),
    ):
        with pytest.raises(NotFound), transaction():
            act()


# Gold


def test_gold_is_slipped_in_once_and_never_first(yard: Yard) -> None:
    yard.send(1, expected_answer={"category": "dog"})
    yard.send(4)
    [ana] = yard.hire(1)
    gold = []
    for _ in range(4):
        assignment = claimed(ana, rng=Chance(0.0))
        gold.append(assignment.subtask.gold)
        answered(ana, assignment)
    assert gold == [False, True, False, False]


def test_gold_that_ran_out_is_offered_back_as_any_other(yard: Yard) -> None:
    yard.send(1, expected_answer={"category": "dog"})
    yard.send(4)
    [ana] = yard.hire(1)
    answered(ana, claimed(ana))
    gold = claimed(ana, rng=Chance(0.0))
    assert gold.subtask.gold
    expire()
    assert states_of(gold.subtask) == [AssignmentState.EXPIRED]
    again = claimed(ana, rng=np.random.default_rng(1))
    assert (again.id, again.epoch) == (gold.id, 2)


# Offers


def test_offers_tell_what_there_is_and_what_it_pays(yard: Yard) -> None:
    yard.send(3, answers=2)
    ana, eve = *yard.hire(1), *yard.hire(1, "imageannotation")
    [offer] = openings.offers(ana)
    assert (offer.project_name, offer.open, offer.qualified, offer.accuracy) == ("texts", 6, True, None)
    assert offer.hourly_cents >= 1_800, "the rate is a floor"
    assert [one.qualified for one in openings.offers(eve)] == [False]
    held = claimed(ana)
    assert [one.open for one in openings.offers(ana)] == [4]
    assert held.pay_cents == offer.pay_cents


def test_a_cancel_and_a_first_claim_do_not_wait_for_each_other(app: Flask, yard: Yard) -> None:
    for _ in range(5):
        task_id = yard.send(answers=1)[0].id
        labeler_id = yard.hire(1)[0].id

        def cancel(task_id: str = task_id) -> None:
            intake.cancel_task(db.session.get_one(Task, task_id), clear_unique_id=False)

        def take(labeler_id: str = labeler_id) -> str | None:
            found = dispatch.claim_next(labeler_id).held
            return found.id if found else None

        outcomes = at_once(app, cancel, take)
        assert not any(isinstance(one, Exception) and not isinstance(one, WrongState) for one in outcomes), outcomes
        states = db.session.execute(
            select(Task.status, Assignment.state)
            .select_from(Task)
            .join(Subtask, Subtask.task_id == Task.id)
            .outerjoin(Assignment, Assignment.subtask_id == Subtask.id)
            .where(Task.id == task_id)
        ).one()
        db.session.rollback()
        assert tuple(states) in {("pending", "claimed"), ("canceled", None)}, outcomes
