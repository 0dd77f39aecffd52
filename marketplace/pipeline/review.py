"""review: a person decides where answers disagree, with a reason; appeals are decided by another person."""

import logging
from datetime import datetime
from typing import Any

from sqlalchemy import select

from marketplace import golds, slots
from marketplace.clock import utc_now
from marketplace.db import db
from marketplace.errors import Conflict, Forbidden, InvalidInput, NotFound, WrongState
from marketplace.models import (
    Assignment,
    AssignmentState,
    AuditEvent,
    Labeler,
    Review,
    ReviewDecision,
    Slot,
    SlotState,
    Subtask,
    SubtaskState,
    User,
)
from marketplace.models.assignment import ASSIGNMENT_MOVES
from marketplace.models.columns import check_move
from marketplace.models.subtask import SUBTASK_MOVES
from marketplace.pipeline import resolve
from marketplace.queue import enqueue
from routing.skill import WEIGHTS, Source
from routing.task_types import TASK_TYPES
from routing.types import Answer, Verdict

log = logging.getLogger(__name__)

REASON_CHARACTERS_MAX = 500
APPEAL_CHARACTERS_MAX = 5_000


def waiting(limit: int) -> list[Subtask]:
    """Subtasks whose answers disagree too much, the oldest first."""
    in_review = select(Subtask).where(Subtask.state == SubtaskState.IN_REVIEW)
    return list(db.session.scalars(in_review.order_by(Subtask.created_at, Subtask.id).limit(limit)))


def decide(
    user: User,
    subtask_id: str,
    decision: ReviewDecision,
    *,
    assignment_id: str,
    reason: str,
    answer: Answer | None = None,
) -> None:
    """Accept an answer as the one that counts, fix it (`answer` then counts), or reject it, which asks for another.

    Whoever answered is paid unless rejected: the others' work was asked for, too.
    """
    reason = _checked_reason(reason)
    subtask = resolve.lock_subtask(subtask_id)
    if subtask is None:
        raise NotFound("There is no subtask with this id.")
    if subtask.state is not SubtaskState.IN_REVIEW or subtask.gold:
        raise WrongState("This subtask is not in review any more.")
    judged = _find(subtask, assignment_id, decision)
    if user.labeler_id is not None and user.labeler_id in {a.labeler_id for a in resolve.counted_answers(subtask)}:
        raise Forbidden("You have answered this subtask yourself; somebody else must review it.")
    now = utc_now()
    _record(user, judged, decision, reason)
    if decision is ReviewDecision.REJECTED:
        _reject(subtask, judged, reason, now)
    else:
        counts = judged.answer if decision is ReviewDecision.ACCEPTED else resolve.checked_answer(subtask, answer)
        numbers = {"decision": decision.value, "confidence": 1.0, "reviewer": user.id}
        weight = WEIGHTS[Source.REVIEW]
        verdict = _verdict(subtask, counts or {})
        resolve.close(subtask, verdict, now, source=Source.REVIEW, weight=weight, numbers=numbers)
        golds.keep(subtask, verdict.answer)
    log.info("subtask reviewed", extra={"subtask_id": subtask.id, "decision": decision})


def _find(subtask: Subtask, assignment_id: str, decision: ReviewDecision) -> Assignment:
    """Of a subtask that was resolved before, answers are accepted already: they may count, but not be rejected."""
    judged = db.session.get(Assignment, assignment_id, populate_existing=True)
    if judged is None or judged.subtask_id != subtask.id:
        raise InvalidInput("Please choose one of the answers of this subtask.", "assignment_id")
    may_count = decision is not ReviewDecision.REJECTED and judged.state is AssignmentState.ACCEPTED
    if judged.state is not AssignmentState.SUBMITTED and not may_count:
        raise WrongState(f"This answer is {judged.state} already.", "assignment_id")
    return judged


def _verdict(subtask: Subtask, answer: Answer) -> Verdict:
    """A person's decision is certain; how far each answer agrees with it is measured as ever."""
    agreement = TASK_TYPES[subtask.task.type].agreement
    scores = {a.labeler_id: agreement(a.answer or {}, answer) for a in resolve.counted_answers(subtask)}
    return Verdict(answer, 1.0, scores)


def _reject(subtask: Subtask, judged: Assignment, reason: str, now: datetime) -> None:
    judged.state = check_move(ASSIGNMENT_MOVES, judged.state, AssignmentState.REJECTED)
    judged.reason, judged.closed_at = reason, now
    if judged.slot_id is not None:
        db.session.get_one(Slot, judged.slot_id, with_for_update=True).state = SlotState.CANCELED
    subtask.state = check_move(SUBTASK_MOVES, subtask.state, SubtaskState.OPEN)
    resolve.set_focus(subtask, None)
    if slots.open_slots(subtask, 1):
        enqueue(resolve.resolve_subtask, subtask.id)


# Appeals


def appeal(labeler: Labeler, assignment_id: str, text: str) -> Assignment:
    """Object to a rejection, once."""
    text = text.strip()
    if not text or len(text) > APPEAL_CHARACTERS_MAX:
        raise InvalidInput(
            f"Please say why your answer was right, in at most {APPEAL_CHARACTERS_MAX} characters.", "text"
        )
    own = select(Assignment).where(Assignment.id == assignment_id, Assignment.labeler_id == labeler.id)
    assignment = db.session.scalar(own.with_for_update(key_share=True).execution_options(populate_existing=True))
    if assignment is None:
        raise NotFound("You have no assignment with this id.")
    if assignment.state is not AssignmentState.REJECTED:
        raise WrongState("Only a rejected answer can be appealed.")
    if assignment.appeal is not None:
        raise Conflict("You have appealed this rejection already.")
    assignment.appeal, assignment.appealed_at = text, utc_now()
    db.session.flush()
    return assignment


def appeals(limit: int) -> list[Assignment]:
    """Appeals that nobody has decided, the oldest first."""
    undecided = select(Assignment).where(
        Assignment.state == AssignmentState.REJECTED, Assignment.appealed_at.is_not(None), ~_decided_after_appeal()
    )
    return list(db.session.scalars(undecided.order_by(Assignment.appealed_at).limit(limit)))


def _decided_after_appeal() -> Any:
    later = select(Review.id).where(Review.assignment_id == Assignment.id, Review.created_at > Assignment.appealed_at)
    return later.exists()


def decide_appeal(user: User, assignment_id: str, accept: bool, reason: str) -> None:
    """Decide an appeal; raises Forbidden for the person who rejected, and for the labeler herself."""
    reason = _checked_reason(reason)
    found = db.session.get(Assignment, assignment_id)
    if found is None:
        raise NotFound("There is no assignment with this id.")
    subtask = resolve.lock_subtask(found.subtask_id)
    assert subtask is not None, "an assignment has a subtask"
    assignment = db.session.get_one(Assignment, assignment_id, populate_existing=True)
    _check_appealed(assignment)
    rejected_by = select(Review.reviewer_id).where(
        Review.assignment_id == assignment.id, Review.decision == ReviewDecision.REJECTED
    )
    if user.id in db.session.scalars(rejected_by).all() or user.labeler_id == assignment.labeler_id:
        raise Forbidden("Whoever rejected an answer does not decide its appeal; somebody else must.")
    _record(user, assignment, ReviewDecision.ACCEPTED if accept else ReviewDecision.REJECTED, reason, is_appeal=True)
    if accept:
        _accept_after_all(subtask, assignment, utc_now())


def _check_appealed(assignment: Assignment) -> None:
    if assignment.state is not AssignmentState.REJECTED or assignment.appealed_at is None:
        raise WrongState("There is no open appeal for this answer.")
    decided = select(Review.id).where(Review.assignment_id == assignment.id, Review.created_at > assignment.appealed_at)
    if db.session.scalar(decided.limit(1)) is not None:
        raise WrongState("This appeal is decided already.")


def _accept_after_all(subtask: Subtask, assignment: Assignment, now: datetime) -> None:
    """Pay the answer. While its replacement is still unclaimed it takes that slot back; else it is paid by us.

    So the customer never pays for more than the asked number, and the labeler gets what she earned in any case.
    """
    free = select(Slot).where(Slot.subtask_id == subtask.id, Slot.state == SlotState.OPEN).order_by(Slot.id).limit(1)
    slot = None
    if subtask.state is SubtaskState.OPEN:
        slot = db.session.scalar(free.with_for_update(skip_locked=True, key_share=True))
    if slot is not None:
        slot.state, slot.labeler_id = SlotState.DONE, assignment.labeler_id
    assignment.slot_id = slot.id if slot else None
    db.session.flush()
    resolve.lock_reserve(subtask.task_id)
    resolve.accept(assignment, agreement=None, now=now)
    if slot is not None:
        enqueue(resolve.resolve_subtask, subtask.id)


def _checked_reason(text: str) -> str:
    reason = text.strip()
    if not reason or len(reason) > REASON_CHARACTERS_MAX:
        message = f"Please say why, in at most {REASON_CHARACTERS_MAX} characters; the labeler reads it."
        raise InvalidInput(message, "reason")
    return reason


def _record(
    user: User, assignment: Assignment, decision: ReviewDecision, reason: str, *, is_appeal: bool = False
) -> None:
    db.session.add(Review(assignment_id=assignment.id, reviewer_id=user.id, decision=decision, reason=reason))
    action = f"appeal.{decision}" if is_appeal else f"review.{decision}"
    details = {"reason": reason, "subtask_id": assignment.subtask_id}
    db.session.add(AuditEvent(actor_id=user.id, action=action, subject_id=assignment.id, details=details))
