"""submit_answer: check an answer and close its lease; a late one takes a free slot or is kept for when one is free."""

import logging
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert

from marketplace import slots, standings
from marketplace.clock import utc_now
from marketplace.db import db
from marketplace.errors import InvalidInput, LeaseLost, NotFound, StaleEpoch
from marketplace.models import Assignment, AssignmentState, Labeler, SkillRecord, Slot, SlotState, Subtask, SubtaskState
from marketplace.models.assignment import ASSIGNMENT_MOVES
from marketplace.models.columns import check_move
from marketplace.pipeline import resolve
from marketplace.queue import enqueue
from marketplace.schemas.shape import read
from routing.skill import PRIOR_ALPHA, PRIOR_BETA
from routing.task_types import TASK_TYPES
from routing.types import Window

log = logging.getLogger(__name__)

ANSWERED = {AssignmentState.SUBMITTED, AssignmentState.ACCEPTED, AssignmentState.REJECTED}
STILL_WANTED = {SubtaskState.OPEN, SubtaskState.IN_REVIEW}


def submit_answer(
    labeler: Labeler,
    assignment_id: str,
    epoch: int,
    answer: Any,
    active_seconds: float,
    now: datetime | None = None,
) -> Assignment:
    """Take an answer, once: repeating a submit changes nothing.

    The assignment comes back as submitted, or still expired where the answer came late while others hold all slots:
    then it is kept, and used as soon as a slot is free. Raises InvalidInput, StaleEpoch, NotFound, and LeaseLost when
    the answer can no longer be used.
    """
    now = now or utc_now()
    assignment = find_own(labeler, assignment_id)
    check_epoch(assignment, epoch)
    if assignment.state in ANSWERED:
        return assignment
    answer = check_answer(assignment.subtask, answer)
    resolve.lock_subtask(assignment.subtask_id)
    slot = None if assignment.subtask.gold else _lock_slot(assignment)
    db.session.refresh(assignment, with_for_update={"key_share": True})
    check_epoch(assignment, epoch)
    if assignment.state in ANSWERED:
        return assignment  # its twin was faster
    check_wanted(assignment)
    assignment.answer, assignment.submitted_at = answer, now
    assignment.active_seconds = active_time(assignment, active_seconds, now)
    if slot is not None or assignment.subtask.gold:
        _close_lease(assignment, slot, now)
    else:
        log.info("late answer kept", extra={"assignment_id": assignment.id, "subtask_id": assignment.subtask_id})
    db.session.flush()
    return assignment


def save_draft(
    labeler: Labeler,
    assignment_id: str,
    epoch: int,
    answer: Any,
    active_seconds: float,
    now: datetime | None = None,
) -> Assignment:
    """Keep unfinished work, whatever its shape; it is offered back first if the lease runs out."""
    now = now or utc_now()
    assignment = find_own(labeler, assignment_id, lock=True)
    check_epoch(assignment, epoch)
    check_wanted(assignment)
    if not isinstance(answer, dict):
        raise InvalidInput('Parameter is invalid, reason: "answer": Not an object.', "answer")
    assignment.draft, assignment.draft_saved_at = answer, now
    assignment.active_seconds = active_time(assignment, active_seconds, now)
    db.session.flush()
    return assignment


def use_kept_answers(subtask_ids: Iterable[str], now: datetime) -> None:
    """Give slots that have just become free to answers that came late."""
    for subtask_id in slots.fill(subtask_ids, now):
        enqueue(resolve.resolve_subtask, subtask_id)


# Checking


def find_own(labeler: Labeler, assignment_id: str, *, lock: bool = False) -> Assignment:
    """The labeler's assignment as it is now; raises NotFound for a foreign one."""
    wanted = select(Assignment).where(Assignment.id == assignment_id, Assignment.labeler_id == labeler.id)
    if lock:
        wanted = wanted.with_for_update(key_share=True)
    assignment = db.session.scalar(wanted.execution_options(populate_existing=True))
    if assignment is None:
        raise NotFound("You have no assignment with this id.")
    return assignment


def check_epoch(assignment: Assignment, epoch: int) -> None:
    """Raises StaleEpoch for an older lease: another window of the same labeler has gone on with a newer one."""
    if epoch != assignment.epoch:
        message = (
            f"This is lease {epoch} of the assignment; lease {assignment.epoch} is the current one. Reload the page."
        )
        raise StaleEpoch(message, "epoch")


def check_wanted(assignment: Assignment) -> None:
    """Raises LeaseLost when nothing more can come of the assignment."""
    if assignment.state is AssignmentState.CLAIMED:
        return
    if assignment.state is not AssignmentState.EXPIRED:
        raise LeaseLost(LOST_WORDS[assignment.state])
    if assignment.subtask.state not in STILL_WANTED:
        ended = f"{assignment.lease_expires_at:%Y-%m-%d %H:%M} UTC"
        raise LeaseLost(f"The lease ended at {ended}, and all wanted answers have been given since.")


LOST_WORDS = {
    AssignmentState.SKIPPED: "You have skipped this subtask.",
    AssignmentState.SUBMITTED: "You have submitted this answer.",
    AssignmentState.ACCEPTED: "You have submitted this answer, and it was accepted.",
    AssignmentState.REJECTED: "You have submitted this answer, and it was rejected.",
    AssignmentState.CANCELED: "The customer has withdrawn this task; there is nothing more to do.",
}


def check_answer(subtask: Subtask, answer: Any) -> dict[str, Any]:
    """The answer with its defaults filled in; raises InvalidInput that names the path of what is wrong."""
    task = subtask.task
    task_type = TASK_TYPES[task.type]
    if not isinstance(answer, dict):
        raise InvalidInput('Parameter is invalid, reason: "answer": Not an object.', "answer")
    checked = read(task_type.Answer(), answer, inside="answer")
    for problem in task_type.check_answer(checked, task.params, window_of(subtask)):
        path = f"answer.{problem.path}"
        raise InvalidInput(f'Parameter is invalid, reason: "{path}" {problem.message}', path)
    return checked


def window_of(subtask: Subtask) -> Window | None:
    start, stop = subtask.window_start, subtask.window_stop
    return None if start is None or stop is None else Window(start, stop)


def active_time(assignment: Assignment, active_seconds: float, now: datetime) -> int:
    """Active seconds as the client counted them: never fewer than before, never more than have passed."""
    passed = max(0, int((now - assignment.claimed_at).total_seconds()))
    return max(assignment.active_seconds, min(int(active_seconds), passed))


# Closing the lease


def _lock_slot(assignment: Assignment) -> Slot | None:
    """The labeler's own slot or, if her answer is late, a free one of the subtask; none while others hold them all.

    The caller has locked the subtask: only who has may wait for several slots, so nobody waits in a circle. All that
    are still to be answered are locked, so that an answer is not kept at the moment at which a slot becomes free.
    Slots first, the assignment after: the order of everybody who locks both.
    """
    pending = select(Slot).where(
        Slot.subtask_id == assignment.subtask_id, Slot.state.in_((SlotState.OPEN, SlotState.LEASED))
    )
    locked = db.session.scalars(
        pending.order_by(Slot.id).with_for_update(key_share=True).execution_options(populate_existing=True)
    ).all()
    own = [slot for slot in locked if slot.labeler_id == assignment.labeler_id]
    return next((slot for slot in [*own, *locked] if slot in own or slot.state is SlotState.OPEN), None)


def _close_lease(assignment: Assignment, slot: Slot | None, now: datetime) -> None:
    if slot is not None:
        slot.state, slot.labeler_id, slot.lease_expires_at = SlotState.DONE, assignment.labeler_id, None
        assignment.slot_id = slot.id
    assignment.state = check_move(ASSIGNMENT_MOVES, assignment.state, AssignmentState.SUBMITTED)
    db.session.flush()
    _count_real(assignment, now)
    standings.count(assignment.labeler_id, assignment.subtask, now)
    enqueue(resolve.resolve_subtask, assignment.subtask_id)
    log.info("answer submitted", extra={"assignment_id": assignment.id, "subtask_id": assignment.subtask_id})


def _count_real(assignment: Assignment, now: datetime) -> None:
    """Gold is due by how many real subtasks were answered since the last one."""
    if assignment.subtask.gold:
        return
    row = {
        "labeler_id": assignment.labeler_id,
        "task_type": assignment.subtask.task.type,
        "alpha": PRIOR_ALPHA,
        "beta": PRIOR_BETA,
        "real_seen": 1,
        "updated_at": now,
    }
    db.session.execute(
        insert(SkillRecord)
        .values(row)
        .on_conflict_do_update(
            index_elements=["labeler_id", "task_type"], set_={"real_seen": SkillRecord.real_seen + 1}
        )
    )
