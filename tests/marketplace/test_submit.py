"""Answers: what is checked, what is taken late, and what happens when two things happen at once."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask

from marketplace.clock import utc_now
from marketplace.db import db, transaction
from marketplace.errors import InvalidInput, LeaseLost, StaleEpoch
from marketplace.models import Assignment, AssignmentState, Labeler, SlotState, SubtaskState
from marketplace.pipeline import dispatch, resolve, submit
from tests.marketplace import labeling_world
from tests.marketplace.labeling_world import CAT, Yard, answered, at_once, claimed, expire, slots_of, states_of


@pytest.fixture
def yard(app: Flask, run_jobs: Callable[[], None]) -> Yard:
    return labeling_world.build(app, run_jobs)


@pytest.mark.parametrize(
    ("answer", "field"),
    [
        (None, "answer"),
        ([], "answer"),
        ({}, "answer.category"),
        ({"category": 3}, "answer.category"),
        ({"category": "whale"}, "answer.category"),
        ({"category": ["cat"]}, "answer.category"),
        ({"category": "cat", "colour": "grey"}, "answer.colour"),
    ],
)
def test_a_wrong_answer_names_its_field_and_changes_nothing(yard: Yard, answer: Any, field: str) -> None:
    yard.send()
    [ana] = yard.hire(1)
    held = claimed(ana)
    with pytest.raises(InvalidInput) as wrong, transaction():
        submit.submit_answer(ana, held.id, held.epoch, answer, 5)
    assert wrong.value.field == field
    assert states_of(held.subtask) == [AssignmentState.CLAIMED]


def test_a_repeated_submit_changes_nothing(yard: Yard) -> None:
    yard.send()
    [ana] = yard.hire(1)
    held = claimed(ana)
    first = answered(ana, held).submitted_at
    with transaction():
        again = submit.submit_answer(ana, held.id, held.epoch, {"category": "dog"}, 99)
    assert (again.submitted_at, again.answer) == (first, CAT)
    assert slots_of(held.subtask, SlotState.DONE) == 1


def test_a_double_submit_at_one_moment_fills_one_slot(app: Flask, yard: Yard) -> None:
    yard.send(answers=3)
    [ana] = yard.hire(1)
    held = claimed(ana)
    ana_id, assignment_id = ana.id, held.id

    def send() -> str:
        me = db.session.get_one(Labeler, ana_id)
        return submit.submit_answer(me, assignment_id, 1, CAT, 5).state.value

    assert at_once(app, *[send] * 8) == ["submitted"] * 8
    assert slots_of(held.subtask, SlotState.DONE) == 1
    assert slots_of(held.subtask, SlotState.OPEN) == 2


def test_an_old_window_cannot_write_over_a_new_one(yard: Yard) -> None:
    yard.send()
    [ana] = yard.hire(1)
    held = claimed(ana)
    expire()
    assert claimed(ana).epoch == 2
    for write in (submit.submit_answer, submit.save_draft):
        with pytest.raises(StaleEpoch) as stale, transaction():
            write(ana, held.id, 1, CAT, 5)
        assert stale.value.field == "epoch"


# Late answers


def test_a_late_answer_takes_its_slot_back_while_it_is_free(yard: Yard) -> None:
    yard.send(answers=1)
    [ana] = yard.hire(1)
    held = claimed(ana)
    expire()
    assert answered(ana, held).state is AssignmentState.SUBMITTED
    assert slots_of(held.subtask, SlotState.DONE) == 1


def test_a_late_answer_takes_another_free_slot(yard: Yard) -> None:
    yard.send(answers=2)
    ana, ben = yard.hire(2)
    held = claimed(ana)
    expire()
    other = claimed(ben)
    assert other.slot_id == held.slot_id, "the slot that was lost is the first of the lane again"
    assert answered(ana, held).state is AssignmentState.SUBMITTED
    assert answered(ben, other).state is AssignmentState.SUBMITTED
    assert slots_of(held.subtask, SlotState.DONE) == 2


@pytest.mark.parametrize("gives_up", ["expires", "skips"])
def test_a_late_answer_is_kept_and_used_if_the_new_holder_does_not_finish(yard: Yard, gives_up: str) -> None:
    task = yard.send(answers=1)[0]
    ana, ben = yard.hire(2)
    held = claimed(ana)
    expire()
    other = claimed(ben)
    assert answered(ana, held).state is AssignmentState.EXPIRED, "kept, not taken: ben has a lease"
    assert states_of(held.subtask) == [AssignmentState.EXPIRED, AssignmentState.CLAIMED]
    if gives_up == "expires":
        expire(utc_now() + timedelta(days=2))
    else:
        with transaction():
            dispatch.skip(ben, other.id, other.epoch, "no time")
    assert states_of(held.subtask)[0] is AssignmentState.SUBMITTED
    yard.run_jobs()
    db.session.refresh(task)
    assert task.status == "completed"
    assert states_of(held.subtask)[0] is AssignmentState.ACCEPTED


def test_a_late_answer_that_nobody_needs_is_refused_in_words(yard: Yard) -> None:
    yard.send(answers=1)
    ana, ben, cem = yard.hire(3)
    held = claimed(ana)
    expire()
    second = claimed(ben)
    expire(utc_now() + timedelta(days=2))
    answered(cem, claimed(cem))
    assert answered(ana, held).state is AssignmentState.EXPIRED, "the subtask is not resolved: it might be needed"
    yard.run_jobs()
    with pytest.raises(LeaseLost) as lost, transaction():
        submit.submit_answer(ben, second.id, second.epoch, CAT, 5)
    assert "all wanted answers" in lost.value.message
    db.session.refresh(held)
    assert held.subtask.state is SubtaskState.RESOLVED
    assert held.closed_at is not None and held.reason == resolve.NOT_NEEDED


@pytest.mark.parametrize("answers", [1, 2])
def test_submit_against_expiry_against_a_new_claim(app: Flask, yard: Yard, answers: int) -> None:
    """At one moment the lease runs out, its holder submits, and another labeler claims."""
    for _ in range(6):
        yard.send(answers=answers)
        ana, ben = yard.hire(2)
        held = claimed(ana, now=utc_now() - timedelta(days=1))
        subtask, ana_id, ben_id, assignment_id = held.subtask, ana.id, ben.id, held.id

        def send(ana_id: str = ana_id, assignment_id: str = assignment_id) -> AssignmentState:
            me = db.session.get_one(Labeler, ana_id)
            return submit.submit_answer(me, assignment_id, 1, CAT, 5).state

        def take(ben_id: str = ben_id) -> str | None:
            found: Assignment | None = dispatch.claim_next(ben_id).assignment
            return found.id if found else None

        outcomes = at_once(app, send, take, _expire_now)
        assert not [one for one in outcomes if isinstance(one, Exception)], outcomes
        sent = outcomes[0]
        db.session.rollback()
        db.session.expire_all()
        done, leased, free = (slots_of(subtask, s) for s in (SlotState.DONE, SlotState.LEASED, SlotState.OPEN))
        assert done + leased + free == answers
        assert done == (sent is AssignmentState.SUBMITTED)
        assert sent is AssignmentState.SUBMITTED or leased == answers == 1, "kept only while ben holds the only slot"
        _finish(ben)


def _expire_now() -> None:
    """The sweep's statement in this thread's transaction."""
    dispatch.expire_leases()


def _finish(labeler: Labeler) -> None:
    while (left := _next(labeler)) is not None:
        answered(labeler, left)


def _next(labeler: Labeler) -> Assignment | None:
    with transaction():
        return dispatch.claim_next(labeler.id).assignment


def test_drafts_are_kept_whatever_their_shape(yard: Yard) -> None:
    yard.send()
    [ana] = yard.hire(1)
    held = claimed(ana)
    with transaction():
        saved = submit.save_draft(ana, held.id, 1, {"half": ["a", None]}, 5)
    assert saved.draft == {"half": ["a", None]} and saved.draft_saved_at is not None
    with pytest.raises(InvalidInput), transaction():
        submit.save_draft(ana, held.id, 1, "words", 5)
    answered(ana, held)
    with pytest.raises(LeaseLost), transaction():
        submit.save_draft(ana, held.id, 1, {}, 5)
