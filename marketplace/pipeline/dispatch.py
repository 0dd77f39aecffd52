"""claim_next: the labeler's best match, by lease; heartbeat, skip and expiry."""

import logging
import time
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any, cast

import numpy as np
from sqlalchemy import bindparam, select, text, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.types import DateTime

from marketplace import held, openings, slots, trials
from marketplace.clock import utc_now
from marketplace.db import db, transaction
from marketplace.errors import InvalidInput, LeaseLost
from marketplace.held import Held
from marketplace.models import Assignment, AssignmentState, Labeler, Slot, SlotState
from marketplace.openings import NoWork
from marketplace.pipeline import submit
from marketplace.pipeline.submit import find_own
from marketplace.slots import CONTINUITY, MATCH, OFFER, Collided, Head, Wish
from routing import gold, leases, matching
from routing.matching import Candidate, Match
from routing.skill import Skill

log = logging.getLogger(__name__)

PAUSES_SECONDS = (0.0, 0.001, 0.002, 0.005, *(0.01,) * 10, *(0.1,) * 20)  # between looks at slots that others lock
EXPIRED_AT_ONCE = 500
REASON_CHARACTERS_MAX = 500


@dataclass(frozen=True)
class Claim:
    held: Held | None
    reason: NoWork | None = None

    @property
    def assignment(self) -> Assignment | None:
        """What is held as the session has it, for who goes on working with it: to show it, `held` is enough."""
        if self.held is None:
            return None
        wanted = select(Assignment).where(Assignment.id == self.held.id)
        return db.session.scalars(wanted.execution_options(populate_existing=True)).one()


def claim_next(
    labeler_id: str,
    *,
    types: list[str] | None = None,
    project_id: str | None = None,
    now: datetime | None = None,
    rng: np.random.Generator | None = None,
) -> Claim:
    """What the labeler holds, else what she lost by time, else the best match of all that is open to her.

    `project_id` is a project's id or its name.
    """
    now = now or utc_now()
    wish = Wish(types, project_id)
    for pause_seconds in PAUSES_SECONDS:
        look = slots.look(labeler_id, wish, now)
        if look.live_id is not None:
            return Claim(held.own(labeler_id, look.live_id))
        if look.is_restricted:
            return Claim(None, openings.restricted(db.session.get_one(Labeler, labeler_id)))
        if not look.heads and look.back_id is None and look.trial_id is None:
            return Claim(None, openings.why_nothing(labeler_id, wish, now))
        try:
            claimed = _resume(labeler_id, look.back_id, now) if look.back_id else None
            claimed = claimed or (trials.take(labeler_id, look.trial_id, now) if look.trial_id else None)
            claimed = claimed or _take_best(labeler_id, look.heads, now, rng)
        except Collided:
            continue
        if claimed is not None:
            return Claim(claimed)
        if not look.heads and look.back_id is None:  # the trial has nothing more to give
            return Claim(None, openings.why_nothing(labeler_id, wish, now))
        # What looked free is about to be taken, or is given back in a moment. Waiting for its lock, while holding the
        # locks of what was tried, could wait in a circle: look again instead.
        time.sleep(pause_seconds)
    return Claim(None, NoWork("busy", "Many labelers are claiming at this moment; please try again."))


def _take_best(labeler_id: str, heads: list[Head], now: datetime, rng: np.random.Generator | None) -> Held | None:
    """What is offered to her, else the best match of all; and now and then gold in its place."""
    rng = rng or _chance()
    skills = {head.task_type: head.skill.at(now) for head in heads}
    by_lane = {head.lane_id: head for head in heads}
    matches = matching.rank([_candidate(head, skills[head.task_type]) for head in heads], rng)
    weighed = {"lanes": len(heads), "customers": len({head.customer_id for head in heads})}
    offered = [match for match in matches if by_lane[match.candidate.lane_id].by == OFFER]
    for match in (*offered, *matches):
        head = by_lane[match.candidate.lane_id]
        is_due = head.has_gold and _is_gold_due(head, skills[head.task_type], rng)
        taken = slots.take_gold(labeler_id, head.lane_id, now, rng) if is_due else None
        taken = taken or _take_slot(labeler_id, head, match, weighed, now, rng)
        if taken is not None:
            return taken
    return None


def _take_slot(
    labeler_id: str, head: Head, match: Match, weighed: dict[str, int], now: datetime, rng: np.random.Generator
) -> Held | None:
    """The very slot that is offered or goes on with a drive, if it is still there, else the first of the lane.

    Now and then she does not go on: if only gold came between the windows of a drive, it would be known by that.
    """
    why = {"by": head.by, **matching.numbers(match), **weighed}
    if head.by == OFFER or (head.by == CONTINUITY and rng.random() < matching.CONTINUES_CHANCE):
        taken = slots.take_head(labeler_id, head.lane_id, now, slot_id=head.slot_id, why=why)
        if taken is not None:
            return taken
    return slots.take_head(labeler_id, head.lane_id, now, why=why | {"by": MATCH})


@cache
def _chance() -> np.random.Generator:
    """One for the process, whose threads it serves one at a time: to seed one takes as long as to use it 20 times."""
    return np.random.default_rng()


def _candidate(head: Head, skill: Skill) -> Candidate:
    return Candidate(
        head.lane_id,
        head.slot_id,
        head.customer_id,
        head.rank,
        head.effort_seconds,
        max(0.0, head.age_seconds),
        head.share,
        head.turnaround_seconds,
        skill.alpha,
        skill.beta,
        head.typical_accuracy or matching.TYPICAL,
        max(2, head.classes or matching.CLASSES_OF_FREE_ANSWERS),
        head.confidence,
        head.by == CONTINUITY,
    )


def _is_gold_due(head: Head, skill: Skill, rng: np.random.Generator) -> bool:
    return gold.is_due(seen_real=head.real_seen or 0, seen_gold=head.gold_seen or 0, skill=skill, rng=rng)


# What was lost by time

_BACK = text("""
WITH free AS (
    SELECT s.id, s.epoch FROM slot s JOIN assignment a ON a.subtask_id = s.subtask_id
    WHERE a.id = :assignment_id AND s.state = 'open' AND (s.reserved_until > :now AND s.reserved_for <> :me) IS NOT TRUE
    ORDER BY s.id LIMIT 1 FOR UPDATE OF s SKIP LOCKED
)
UPDATE slot SET state = 'leased', labeler_id = :me, lease_expires_at = :until, reserved_for = NULL,
                reserved_until = NULL, epoch = greatest(slot.epoch, :epoch) + 1
FROM free WHERE slot.id = free.id RETURNING slot.id, slot.epoch
""").bindparams(bindparam("until", type_=DateTime(timezone=True)), bindparam("now", type_=DateTime(timezone=True)))


def _resume(labeler_id: str, assignment_id: str, now: datetime) -> Held | None:
    """Lease the labeler's lost assignment again, under a new epoch; none if its last slot is gone."""
    lost = find_own(db.session.get_one(Labeler, labeler_id), assignment_id)
    try:
        with db.session.begin_nested():
            is_back = _lease_again(lost, now, is_same_sitting=False)
    except IntegrityError:  # in another window she has claimed at this moment
        return None
    return held.own(labeler_id, assignment_id) if is_back else None


def _lease_again(assignment: Assignment, now: datetime, *, is_same_sitting: bool) -> bool:
    """Claim an expired assignment anew. The same sitting goes on under its old epoch, which nobody else can hold."""
    until = leases.expires_at(assignment.expected_seconds, now)
    epoch, slot_id = assignment.epoch + 1, None
    if not assignment.subtask.gold:
        values = {
            "assignment_id": assignment.id,
            "me": assignment.labeler_id,
            "until": until,
            "now": now,
            "epoch": assignment.epoch,
        }
        free = db.session.execute(_BACK, values).one_or_none()
        if free is None:
            return False
        slot_id, epoch = free
    values = {"state": AssignmentState.CLAIMED, "slot_id": slot_id, "lease_expires_at": until}
    claimed = db.session.execute(
        update(Assignment)
        .where(Assignment.id == assignment.id, Assignment.state == AssignmentState.EXPIRED)
        .values(values if is_same_sitting else values | {"epoch": epoch})
        .execution_options(synchronize_session=False)
    )
    db.session.refresh(assignment)
    return bool(cast(Any, claimed).rowcount)


# Holding and giving back


def own_assignment(labeler: Labeler, assignment_id: str) -> Assignment:
    """Raises NotFound for a foreign one."""
    return find_own(labeler, assignment_id)


def heartbeat(
    labeler: Labeler, assignment_id: str, epoch: int, active_seconds: float, now: datetime | None = None
) -> Assignment:
    """Extend the lease; one that has run out is taken up again if a slot is free.

    Raises StaleEpoch, and LeaseLost when the work can no longer be used. Where others hold all slots, the time stays
    past: the answer, when submitted, is kept in case they do not finish.
    """
    now = now or utc_now()
    assignment = find_own(labeler, assignment_id)
    submit.check_epoch(assignment, epoch)
    submit.check_wanted(assignment)
    if assignment.state is AssignmentState.EXPIRED:
        _revive(assignment, now)
    until = leases.expires_at(assignment.expected_seconds, now)
    if assignment.state is AssignmentState.CLAIMED and _extend(assignment, until):
        assignment.lease_expires_at = until
    assignment.active_seconds = submit.active_time(assignment, active_seconds, now)
    db.session.flush()
    return assignment


def _revive(assignment: Assignment, now: datetime) -> None:
    if assignment.answer is not None:  # a late answer was kept; it is used by itself
        return
    try:
        with db.session.begin_nested():
            _lease_again(assignment, now, is_same_sitting=True)
    except IntegrityError:  # she has claimed something else meanwhile
        db.session.refresh(assignment)


def _extend(assignment: Assignment, until: datetime) -> bool:
    """True if the slot is still held; the slot first and the assignment after, as everywhere."""
    if assignment.slot_id is None:
        return True
    held = (Slot.id == assignment.slot_id, Slot.state == SlotState.LEASED, Slot.labeler_id == assignment.labeler_id)
    extended = db.session.execute(
        update(Slot).where(*held).values(lease_expires_at=until).execution_options(synchronize_session=False)
    )
    return bool(cast(Any, extended).rowcount)


def skip(labeler: Labeler, assignment_id: str, epoch: int, reason: str, now: datetime | None = None) -> Assignment:
    """Give the slot back; this labeler does not get the subtask again. Raises StaleEpoch, LeaseLost, InvalidInput."""
    now = now or utc_now()
    reason = reason.strip()
    if not reason or len(reason) > REASON_CHARACTERS_MAX:
        message = f"Please say why you skip it, in at most {REASON_CHARACTERS_MAX} characters."
        raise InvalidInput(message, "reason")
    assignment = find_own(labeler, assignment_id)
    submit.check_epoch(assignment, epoch)
    if assignment.state is AssignmentState.SKIPPED:
        return assignment
    submit.check_wanted(assignment)
    freed = _give_back(assignment)
    given_up = db.session.execute(
        update(Assignment)
        .where(
            Assignment.id == assignment.id,
            Assignment.epoch == epoch,
            Assignment.state.in_((AssignmentState.CLAIMED, AssignmentState.EXPIRED)),
        )
        .values(state=AssignmentState.SKIPPED, reason=reason)
        .execution_options(synchronize_session=False)
    )
    db.session.refresh(assignment)
    if not cast(Any, given_up).rowcount:
        raise LeaseLost(submit.LOST_WORDS.get(assignment.state, "This assignment has just changed; reload the page."))
    if freed:
        submit.use_kept_answers([assignment.subtask_id], now)
    return assignment


def _give_back(assignment: Assignment) -> bool:
    if assignment.slot_id is None:
        return False
    held = (Slot.id == assignment.slot_id, Slot.state == SlotState.LEASED, Slot.labeler_id == assignment.labeler_id)
    freed = db.session.execute(
        update(Slot)
        .where(*held)
        .values(state=SlotState.OPEN, labeler_id=None, lease_expires_at=None)
        .execution_options(synchronize_session=False)
    )
    return bool(cast(Any, freed).rowcount)


_EXPIRE = text("""
WITH due AS (
    SELECT id, subtask_id, labeler_id FROM slot WHERE state = 'leased' AND lease_expires_at < :before
    ORDER BY lease_expires_at LIMIT :batch FOR UPDATE SKIP LOCKED
), freed AS (
    UPDATE slot SET state = 'open', labeler_id = NULL, lease_expires_at = NULL FROM due WHERE slot.id = due.id
), lost AS (
    UPDATE assignment SET state = 'expired' FROM due
    WHERE assignment.subtask_id = due.subtask_id AND assignment.labeler_id = due.labeler_id
      AND assignment.state = 'claimed'
)
SELECT subtask_id FROM due
""").bindparams(bindparam("before", type_=DateTime(timezone=True)))

_EXPIRE_GOLD = text("""
UPDATE assignment SET state = 'expired'
WHERE state = 'claimed' AND slot_id IS NULL AND lease_expires_at < :before
""").bindparams(bindparam("before", type_=DateTime(timezone=True)))


def expire_leases(now: datetime | None = None) -> None:
    """Give back the slots whose lease has run out; the drafts stay, and are offered back first."""
    now = now or utc_now()
    while True:
        with transaction():
            freed = db.session.scalars(_EXPIRE, {"before": now, "batch": EXPIRED_AT_ONCE}).all()
            db.session.execute(_EXPIRE_GOLD, {"before": now})
            submit.use_kept_answers(set(freed), now)
        if freed:
            log.info("leases expired", extra={"slots": len(freed)})
        if len(freed) < EXPIRED_AT_ONCE:
            return
