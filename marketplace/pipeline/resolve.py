"""resolve_subtask: grade gold, reach consensus, else ask for another answer or a review; the only place that pays."""

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, cast

from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert

from marketplace import slots
from marketplace.auth import settings
from marketplace.clock import utc_now
from marketplace.db import db, transaction
from marketplace.models import (
    Assignment,
    AssignmentState,
    SkillRecord,
    Slot,
    SlotState,
    Subtask,
    SubtaskState,
    Task,
)
from marketplace.models.assignment import ASSIGNMENT_MOVES
from marketplace.models.columns import check_move
from marketplace.models.subtask import SUBTASK_MOVES
from marketplace.pipeline import assemble
from marketplace.queue import enqueue, job
from payouts import postings
from routing import overlap
from routing.skill import PRIOR_ALPHA, PRIOR_BETA, WEIGHTS, Skill, Source
from routing.task_types import TASK_TYPES
from routing.types import Answer, Verdict, Vote, Window

log = logging.getLogger(__name__)

NOT_NEEDED = "Your answer came after the lease had ended, and the wanted answers were given in time."


@dataclass(frozen=True)
class Evidence:
    """How right a labeler was once, 0 to 1, and how much that says."""

    labeler_id: str
    score: float
    weight: float
    is_gold: bool = False


@job(queue="work")
def resolve_subtask(subtask_id: str) -> None:
    """Judge what has been answered, if it can be judged now."""
    with transaction():
        subtask = lock_subtask(subtask_id)
        if subtask is None or subtask.state is not SubtaskState.OPEN:
            return
        if subtask.gold:
            _grade_gold(subtask, utc_now())
        elif not _is_awaited(subtask):
            _judge(subtask, utc_now())


def lock_subtask(subtask_id: str) -> Subtask | None:
    """The subtask as it is now, kept from other judges; who only refers to it, as a new assignment does, may go on."""
    return db.session.get(Subtask, subtask_id, with_for_update={"key_share": True}, populate_existing=True)


# Gold


def _grade_gold(subtask: Subtask, now: datetime) -> None:
    """Gold is graded answer by answer, at once, and paid whatever its grade: it was work."""
    task_type = TASK_TYPES[subtask.task.type]
    assert subtask.truth is not None, "gold has a truth"
    answered = _answers(subtask, [AssignmentState.SUBMITTED])
    grades = {one.id: task_type.grade(one.answer or {}, subtask.truth) for one in answered}
    learn(subtask.task.type, [Evidence(a.labeler_id, grades[a.id], WEIGHTS[Source.GOLD], True) for a in answered], now)
    for assignment in answered:
        accept(assignment, agreement=grades[assignment.id], now=now)


# Consensus


def _is_awaited(subtask: Subtask) -> bool:
    """Whether an asked answer is still to come."""
    pending = select(Slot.id).where(Slot.subtask_id == subtask.id, Slot.state.in_((SlotState.OPEN, SlotState.LEASED)))
    return db.session.scalar(pending.limit(1)) is not None


def _judge(subtask: Subtask, now: datetime) -> None:
    answered = counted_answers(subtask)
    if not answered:
        return
    task_type = TASK_TYPES[subtask.task.type]
    known = skills_of(subtask.task.type, [one.labeler_id for one in answered])
    votes = [Vote(a.labeler_id, a.answer or {}, known.get(a.labeler_id, Skill()).at(now).mean) for a in answered]
    verdict = task_type.merge(votes)
    if overlap.another_answer(verdict, asked=len(votes), maximum=subtask.answers_wanted):
        subtask.confidence = verdict.confidence
        if slots.open_slots(subtask, 1):
            enqueue(resolve_subtask, subtask.id)
    elif verdict.confidence < overlap.CONFIDENCE_WANTED:
        subtask.state = check_move(SUBTASK_MOVES, subtask.state, SubtaskState.IN_REVIEW)
        subtask.confidence = verdict.confidence
        log.info("subtask in review", extra={"subtask_id": subtask.id, "confidence": verdict.confidence})
    else:
        close(subtask, verdict, now)


def close(subtask: Subtask, verdict: Verdict, now: datetime) -> None:
    """Resolve a subtask: its verdict stands, its answers are accepted and paid, and what they tell is learned."""
    subtask.state = check_move(SUBTASK_MOVES, subtask.state, SubtaskState.RESOLVED)
    subtask.verdict, subtask.confidence, subtask.resolved_at = verdict.answer, verdict.confidence, now
    answered = counted_answers(subtask)
    lock_reserve(subtask.task_id)
    scores = verdict.scores if len(answered) > 1 else {}  # who stood alone agrees with herself
    learn(subtask.task.type, _agreements(subtask, verdict, answered) + _seams(subtask, answered), now)
    for assignment in answered:
        if assignment.state is AssignmentState.SUBMITTED:
            accept(assignment, agreement=scores.get(assignment.labeler_id), now=now)
    _let_go(subtask, now)
    enqueue(assemble.assemble_task, subtask.task_id)
    log.info("subtask resolved", extra={"subtask_id": subtask.id, "answers": len(answered)})


def counted_answers(subtask: Subtask) -> list[Assignment]:
    """The answers that the verdict is made of; one accepted beyond the asked number has no slot and is not."""
    states = [AssignmentState.SUBMITTED, AssignmentState.ACCEPTED]
    return [one for one in _answers(subtask, states) if one.slot_id is not None]


def _answers(subtask: Subtask, states: Sequence[AssignmentState]) -> list[Assignment]:
    """In the order of the labelers: the order in which their accounts are locked."""
    wanted = select(Assignment).where(Assignment.subtask_id == subtask.id, Assignment.state.in_(states))
    return list(db.session.scalars(wanted.order_by(Assignment.labeler_id).execution_options(populate_existing=True)))


def _let_go(subtask: Subtask, now: datetime) -> None:
    """Late answers that were kept, and drafts, of a subtask that has all its answers are no longer wanted."""
    left = update(Assignment).where(Assignment.subtask_id == subtask.id, Assignment.state == AssignmentState.EXPIRED)
    quietly = {"synchronize_session": False}
    db.session.execute(left.where(Assignment.answer.is_not(None)).values(reason=NOT_NEEDED), execution_options=quietly)
    db.session.execute(left.values(closed_at=now), execution_options=quietly)


# Accepting and paying


def accept(assignment: Assignment, *, agreement: float | None, now: datetime) -> None:
    """Accept an answer and pay it, once. The caller has locked the reserve, and goes by the order of the labelers.

    The platform, not the customer, pays for gold and for what was accepted beyond the asked number.
    """
    assignment.state = check_move(ASSIGNMENT_MOVES, assignment.state, AssignmentState.ACCEPTED)
    assignment.closed_at = now
    if agreement is not None:
        assignment.agreement = agreement
    session, task = cast(Any, db.session), assignment.subtask.task
    hold_until = now + timedelta(hours=settings().hold_hours)
    labeler_id, cents = assignment.labeler_id, assignment.pay_cents
    if cents == 0:
        return
    if assignment.slot_id is None:
        postings.earn_gold(session, labeler_id, assignment.id, cents, hold_until, task.currency)
    else:
        postings.earn(session, task.id, labeler_id, assignment.id, cents, hold_until, task.currency)


def lock_reserve(task_id: str) -> None:
    """One payer of a task at a time: two that pay several labelers out of one reserve could wait in a circle."""
    db.session.execute(select(Task.id).where(Task.id == task_id).with_for_update(key_share=True))


# What is learned about the labelers


def skills_of(task_type: str, labeler_ids: Iterable[str]) -> dict[str, Skill]:
    records = db.session.scalars(
        select(SkillRecord)
        .where(SkillRecord.task_type == task_type, SkillRecord.labeler_id.in_(list(labeler_ids)))
        .execution_options(populate_existing=True)
    )
    return {one.labeler_id: Skill(one.alpha, one.beta, one.updated_at) for one in records}


def learn(task_type: str, evidence: Sequence[Evidence], now: datetime) -> None:
    """Add evidence to the labelers' skills, their rows locked in one order."""
    labeler_ids = sorted({one.labeler_id for one in evidence})
    if not labeler_ids:
        return
    fresh = {"task_type": task_type, "alpha": PRIOR_ALPHA, "beta": PRIOR_BETA, "updated_at": now}
    rows = [fresh | {"labeler_id": labeler_id} for labeler_id in labeler_ids]
    db.session.execute(insert(SkillRecord).on_conflict_do_nothing(), rows)
    records = db.session.scalars(
        select(SkillRecord)
        .where(SkillRecord.task_type == task_type, SkillRecord.labeler_id.in_(labeler_ids))
        .order_by(SkillRecord.labeler_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    for record in records:
        for one in evidence:
            if one.labeler_id == record.labeler_id:
                _observe(record, one, now)


def _observe(record: SkillRecord, one: Evidence, now: datetime) -> None:
    skill = Skill(record.alpha, record.beta, record.updated_at).observe(one.score, one.weight, now)
    record.alpha, record.beta, record.updated_at = skill.alpha, skill.beta, now
    if one.is_gold:
        record.gold_seen += 1
        record.real_seen = 0


def _agreements(subtask: Subtask, verdict: Verdict, answered: Sequence[Assignment]) -> list[Evidence]:
    """Agreement with the verdict; an answer that stood alone agrees with itself, which tells nothing."""
    rejected = _answers(subtask, [AssignmentState.REJECTED])
    agreement = TASK_TYPES[subtask.task.type].agreement
    for one in rejected:
        one.agreement = agreement(one.answer or {}, verdict.answer)
    evidence = [Evidence(one.labeler_id, one.agreement or 0.0, WEIGHTS[Source.AGREEMENT]) for one in rejected]
    if len(answered) > 1:
        evidence += [
            Evidence(one.labeler_id, verdict.scores[one.labeler_id], WEIGHTS[Source.AGREEMENT])
            for one in answered
            if one.labeler_id in verdict.scores
        ]
    return evidence


def _seams(subtask: Subtask, answered: Sequence[Assignment]) -> list[Evidence]:
    """Agreement with the answers of other labelers to neighbouring windows, on the frames that both saw."""
    start, stop = subtask.window_start, subtask.window_stop
    if start is None or stop is None:
        return []
    neighbours = db.session.execute(
        select(Assignment.labeler_id, Assignment.answer, Subtask.window_start, Subtask.window_stop)
        .join(Subtask, Subtask.id == Assignment.subtask_id)
        .where(
            Subtask.task_id == subtask.task_id,
            Subtask.id != subtask.id,
            Subtask.state == SubtaskState.RESOLVED,
            Subtask.window_start < stop,
            Subtask.window_stop > start,
            Assignment.state == AssignmentState.ACCEPTED,
        )
    ).all()
    seam = TASK_TYPES[subtask.task.type].seam_agreement
    evidence = []
    for one in answered:
        for labeler_id, answer, other_start, other_stop in neighbours:
            if labeler_id == one.labeler_id:
                continue  # to agree with oneself tells nothing
            score = seam(_given(one), Window(start, stop), answer, Window(other_start, other_stop))
            if score is not None:
                evidence += [
                    Evidence(one.labeler_id, score, WEIGHTS[Source.SEAM]),
                    Evidence(labeler_id, score, WEIGHTS[Source.SEAM]),
                ]
    return evidence


def _given(assignment: Assignment) -> Answer:
    assert assignment.answer is not None, "an answered assignment has an answer"
    return assignment.answer
