"""Law: however many labelers claim, answer, lose and skip at once, each subtask gets exactly the asked answers."""

import dataclasses
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

import numpy as np
import pytest
from flask import Flask
from sqlalchemy import func, select, text

from marketplace import notes
from marketplace.app import create_app
from marketplace.clock import utc_now
from marketplace.config import Settings
from marketplace.db import db, transaction
from marketplace.errors import Conflict
from marketplace.models import (
    Assignment,
    AssignmentState,
    Labeler,
    Slot,
    SlotState,
    Subtask,
    SubtaskState,
    Task,
    TaskStatus,
)
from marketplace.offers import OFFER_SECONDS
from marketplace.pipeline import assemble, dispatch, resolve, submit
from payouts import ledger
from payouts.chart import PLATFORM, Kind
from payouts.models import Earning
from tests.marketplace import labeling_world
from tests.marketplace.labeling_world import CATEGORIES, Yard, measure

THREADS, LABELERS, STEPS = 64, 48, 6
ADAPTIVE_THREADS, ADAPTIVE_LABELERS, ADAPTIVE_ROUNDS = 24, 18, 12
COUNTED = (AssignmentState.SUBMITTED, AssignmentState.ACCEPTED)


@pytest.fixture(scope="module")
def wide_app(test_settings: Settings) -> Flask:
    """The application with a connection for each thread."""
    return create_app(dataclasses.replace(test_settings, database_pool_size=THREADS // 2 + 1))


@pytest.fixture
def yard(app: Flask, run_jobs: Callable[[], None]) -> Yard:
    return labeling_world.build(app, run_jobs)


class Hand:
    """One window of one labeler, who does at random what people do; it remembers the leases that it let run out."""

    def __init__(self, labeler_id: str, seed: int) -> None:
        self.labeler_id = labeler_id
        self.dice = np.random.default_rng(seed)
        self.lost: list[tuple[str, int]] = []
        self.outcomes: Counter[str] = Counter()

    def step(self) -> None:
        chance = self.dice.random()
        if self.lost and chance < 0.3:
            self.answer(*self.lost.pop())  # late
        elif chance < 0.4:
            dispatch.expire_leases()
        else:
            self.work()

    def work(self) -> None:
        leaves = self.dice.random() < 0.25
        found = self.claim(utc_now() - timedelta(days=1) if leaves else utc_now())
        if found is None:
            return
        if leaves:
            self.lost.append(found)
        elif self.dice.random() < 0.1:
            self.quietly(lambda me: dispatch.skip(me, *found, "too blurred"))
        else:
            self.answer(*found)
            if self.dice.random() < 0.2:
                self.answer(*found)  # the same once more, as a browser that got no reply

    def claim(self, now: datetime) -> tuple[str, int] | None:
        with transaction():
            claim = dispatch.claim_next(self.labeler_id, now=now)
            self.outcomes[claim.reason.code if claim.reason else "claimed"] += 1
            return (claim.held.id, claim.held.epoch) if claim.held else None

    def answer(self, assignment_id: str, epoch: int) -> None:
        category = CATEGORIES[int(self.dice.random() < 0.2)]
        taken = self.quietly(
            lambda me: submit.submit_answer(me, assignment_id, epoch, {"category": category}, 5).subtask_id
        )
        if taken and self.dice.random() < 0.7:  # a job may be lost; the sweep finds what is left
            resolve.resolve_subtask(taken)

    def quietly(self, act: Callable[[Labeler], object]) -> str | None:
        """Do it; a refusal because of what happened meanwhile is an outcome like any other."""
        try:
            with transaction():
                return str(act(self.me()))
        except Conflict as refusal:
            self.outcomes[type(refusal).__name__] += 1
            return None

    def me(self) -> Labeler:
        return db.session.get_one(Labeler, self.labeler_id)


def hammer(app: Flask, hands: list[Hand]) -> None:
    start = threading.Barrier(len(hands))

    def run(hand: Hand) -> None:
        with app.app_context():
            start.wait()
            try:
                for _ in range(STEPS):
                    hand.step()
            finally:
                db.session.remove()

    with ThreadPoolExecutor(len(hands)) as pool:
        list(pool.map(run, hands))


def test_exactly_the_asked_answers_under_64_threads(wide_app: Flask, yard: Yard) -> None:
    for answers in (1, 2, 3, 5):
        yard.send(3, project=f"asks {answers}", answers=answers)
    labelers = [one.id for one in yard.hire(LABELERS)]
    # More windows than labelers: some have two open.
    hands = [Hand(labelers[n % LABELERS], seed=n) for n in range(THREADS)]
    hammer(wide_app, hands)
    outcomes = sum((hand.outcomes for hand in hands), Counter())
    assert outcomes["claimed"] > LABELERS / 2, outcomes
    assert_never_more_than_asked()
    finish(labelers)
    assert_exactly_as_asked()


def finish(labelers: list[str]) -> None:
    """Everybody is gone; what is left is worked off one by one, and whoever gets nothing gets the right reason.

    What was offered to those who have gone is everybody's by then.
    """
    dispatch.expire_leases(utc_now() + timedelta(days=2))
    for labeler_id in labelers:
        hand = Hand(labeler_id, 0)
        while (found := hand.claim(utc_now() + timedelta(seconds=OFFER_SECONDS))) is not None:
            hand.answer(*found)
        assert not free_for(labeler_id), f"{hand.outcomes} though work is free"
    for subtask_id in db.session.scalars(select(Subtask.id)).all():
        resolve.resolve_subtask(subtask_id)
    run_assembly()


def run_assembly() -> None:
    for task_id in db.session.scalars(select(Task.id)).all():
        assemble.assemble_task(task_id)


def test_adaptive_overlap_keeps_the_bounds_and_the_money_under_many_threads(wide_app: Flask, yard: Yard) -> None:
    """Slots are opened one at a time, and verdicts are judged again and again, while others claim and submit."""
    for answers in (1, 2, 3, 5):
        yard.send(3, project=f"at most {answers}", answers=answers, answers_min=None)
    labelers = [one.id for one in yard.hire(ADAPTIVE_LABELERS)]
    for labeler in yard.labelers[:4]:
        measure(yard, labeler, right=90, wrong=1, project="at most 3")
    hands = [DoubtingHand(labelers[n % ADAPTIVE_LABELERS], seed=n) for n in range(ADAPTIVE_THREADS)]
    hammer(wide_app, hands)
    assert sum(hand.outcomes["claimed"] for hand in hands) > ADAPTIVE_LABELERS / 2
    assert_never_more_than_asked()
    for _ in range(ADAPTIVE_ROUNDS):  # an answer may open a slot for somebody who was done
        finish(labelers)
        if db.session.scalar(select(Slot.id).where(Slot.state == SlotState.OPEN).limit(1)) is None:
            break
    assert_within_bounds()
    assert_no_cent_is_lost(yard)


class DoubtingHand(Hand):
    """Now and then it also has everything that is finished judged again."""

    def step(self) -> None:
        super().step()
        if self.dice.random() < 0.2:
            with transaction():
                finished = db.session.scalars(select(Subtask.id).where(Subtask.state == SubtaskState.RESOLVED)).all()
            for subtask_id in finished:
                resolve.reconsider_subtask(subtask_id)


def assert_within_bounds() -> None:
    asked = Counter(answered for _, answered in answers_by_subtask())
    assert len(asked) > 1, "not all subtasks took the same number"
    for subtask, answered in answers_by_subtask():
        assert subtask.state in {SubtaskState.RESOLVED, SubtaskState.IN_REVIEW}
        assert 1 <= answered <= subtask.answers_wanted
        reasons = [one.numbers["reason"] for one in notes.notes_of(subtask.id) if one.kind in {"verdict", "in_review"}]
        assert reasons, "each end has its reason"
    assert db.session.scalar(select(func.count()).select_from(Slot).where(Slot.state != SlotState.DONE)) == 0


def assert_no_cent_is_lost(yard: Yard) -> None:
    """What customers reserved is with the labelers, with us, or in the reserve of a task that is not done."""
    earned = db.session.scalar(select(func.coalesce(func.sum(Earning.amount_cents), 0)))
    accepted = select(func.coalesce(func.sum(Assignment.pay_cents), 0)).where(
        Assignment.state == AssignmentState.ACCEPTED
    )
    assert db.session.scalar(accepted) == earned
    with transaction():
        tasks = db.session.scalars(select(Task)).all()
        kept = {task.id: ledger.balance(db.session(), Kind.TASK_RESERVE, task.id) for task in tasks}
        fees = ledger.balance(db.session(), Kind.FEE_REVENUE, PLATFORM)
    assert all(kept[task.id] == 0 for task in tasks if task.status is TaskStatus.COMPLETED)
    assert all(cents >= 0 for cents in kept.values())
    assert sum(task.quote_cents for task in tasks) == earned + fees + sum(kept.values())


def free_for(labeler_id: str) -> list[int]:
    """Open slots of subtasks that this labeler has never had."""
    statement = text(
        "SELECT s.id FROM slot s WHERE s.state = 'open' AND NOT EXISTS ("
        "  SELECT FROM assignment a WHERE a.subtask_id = s.subtask_id AND a.labeler_id = :me AND a.state <> 'expired')"
    )
    return list(db.session.scalars(statement, {"me": labeler_id}))


def answers_by_subtask() -> Iterator[tuple[Subtask, int]]:
    counts = dict(
        db.session.execute(
            select(Assignment.subtask_id, func.count())
            .where(Assignment.state.in_(COUNTED))
            .group_by(Assignment.subtask_id)
        ).all()
    )
    for subtask in db.session.scalars(select(Subtask).execution_options(populate_existing=True)):
        yield subtask, counts.get(subtask.id, 0)


def assert_never_more_than_asked() -> None:
    for subtask, answered in answers_by_subtask():
        assert answered <= subtask.answers_wanted


def assert_exactly_as_asked() -> None:
    for subtask, answered in answers_by_subtask():
        assert subtask.state in {SubtaskState.RESOLVED, SubtaskState.IN_REVIEW}
        assert answered == subtask.answers_wanted
    slots = db.session.scalar(select(func.count()).select_from(Slot).where(Slot.state != SlotState.DONE))
    assert slots == 0
    accepted = select(func.count(), func.coalesce(func.sum(Assignment.pay_cents), 0)).where(
        Assignment.state == AssignmentState.ACCEPTED
    )
    earned = select(func.count(), func.coalesce(func.sum(Earning.amount_cents), 0))
    assert db.session.execute(accepted).one() == db.session.execute(earned).one(), "each accepted answer, paid once"
