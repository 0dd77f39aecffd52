"""resolve_subtask: grade gold, reach consensus, else ask for another answer or a review; the only place that pays."""

import logging
import math
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, cast

from sqlalchemy import select, update

from marketplace import golds, offers, skills, slots, trials
from marketplace.auth import settings
from marketplace.clock import utc_now
from marketplace.db import db, transaction
from marketplace.errors import InvalidInput
from marketplace.models import (
    Assignment,
    AssignmentState,
    Review,
    ReviewDecision,
    Slot,
    SlotState,
    Subtask,
    SubtaskState,
    Task,
    TaskStage,
)
from marketplace.models.assignment import ASSIGNMENT_MOVES
from marketplace.models.columns import check_move
from marketplace.models.subtask import SUBTASK_MOVES
from marketplace.notes import note
from marketplace.pipeline import assemble, judge
from marketplace.pipeline.judge import Judgement
from marketplace.queue import enqueue, job
from marketplace.schemas.shape import read
from marketplace.skills import Evidence
from payouts import postings
from routing import focus, overlap
from routing.overlap import Focus
from routing.skill import WEIGHTS, Observation, Source
from routing.skill.profile import ACCURACY
from routing.task_types import TASK_TYPES
from routing.types import Answer, Verdict, Window

log = logging.getLogger(__name__)

NOT_NEEDED = "Your answer came after the lease had ended, and the wanted answers were given in time."


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
    answered = answers_in(subtask, [AssignmentState.SUBMITTED])
    grades = {one.id: task_type.grade(one.answer or {}, subtask.truth) for one in answered}
    evidence = [observed(one, subtask.truth, Source.GOLD, WEIGHTS[Source.GOLD]) for one in answered]
    learn(subtask, evidence, now)
    for assignment in answered:
        accept(assignment, agreement=grades[assignment.id], now=now)
        note("gold_graded", assignment.id, grade=grades[assignment.id], weight=WEIGHTS[Source.GOLD])
        trials.settle(assignment.labeler_id, subtask.lane_id, now)
    golds.doubt(subtask)


# Consensus


def _is_awaited(subtask: Subtask) -> bool:
    """Whether an asked answer is still to come."""
    pending = select(Slot.id).where(Slot.subtask_id == subtask.id, Slot.state.in_((SlotState.OPEN, SlotState.LEASED)))
    return db.session.scalar(pending.limit(1)) is not None


def _judge(subtask: Subtask, now: datetime) -> None:
    answered = counted_answers(subtask)
    if not answered:
        return
    found = judge.judge(subtask, answered, now)
    if found.choice.again:
        _ask_again(subtask, found)
    elif found.needs_review:
        _send_to_review(subtask, found)
    else:
        weight = WEIGHTS[Source.AGREEMENT] * found.verdict.confidence
        close(subtask, found.verdict, now, source=Source.AGREEMENT, weight=weight, numbers=found.numbers)


def _ask_again(subtask: Subtask, found: Judgement) -> None:
    """One more answer: to the disputed objects only, where some are settled, and paid in proportion."""
    subtask.confidence = found.verdict.confidence
    set_focus(subtask, found.focus, found.verdict)
    note("asked_again", subtask.id, **found.numbers, focus=_asked(subtask))
    if slots.open_slots(subtask, 1):
        enqueue(resolve_subtask, subtask.id)
    else:
        offers.reserve(subtask, utc_now())


def set_focus(subtask: Subtask, found: Focus | None, verdict: Verdict | None = None) -> None:
    """What the next labeler is asked about; none is the whole subtask."""
    if found is None or verdict is None:
        subtask.focus = subtask.focus_effort_seconds = subtask.focus_pay_cents = None
        return
    subtask.focus = focus.of_verdict(verdict, found)
    subtask.focus_effort_seconds = max(1, math.ceil(subtask.effort_seconds * found.share))
    subtask.focus_pay_cents = max(1, math.ceil(subtask.pay_cents * found.share)) if subtask.pay_cents else 0


def _asked(subtask: Subtask) -> dict[str, Any] | None:
    if subtask.focus is None:
        return None
    asked = {name: subtask.focus[name] for name in ("settled", "disputed")}
    return asked | {"pay_cents": subtask.focus_pay_cents}


def _send_to_review(subtask: Subtask, found: Judgement) -> None:
    subtask.state = check_move(SUBTASK_MOVES, subtask.state, SubtaskState.IN_REVIEW)
    subtask.confidence = found.verdict.confidence
    note("in_review", subtask.id, **found.numbers)
    log.info("subtask in review", extra={"subtask_id": subtask.id, "confidence": found.verdict.confidence})


def close(
    subtask: Subtask,
    verdict: Verdict,
    now: datetime,
    *,
    source: Source,
    weight: float,
    numbers: dict[str, Any],
) -> None:
    """Resolve a subtask: its verdict stands, its answers are accepted and paid, and what they tell is learned.

    `source` and `weight`: whose verdict it is, and what agreement with it counts.
    """
    subtask.state = check_move(SUBTASK_MOVES, subtask.state, SubtaskState.RESOLVED)
    subtask.verdict, subtask.confidence, subtask.resolved_at = verdict.answer, verdict.confidence, now
    set_focus(subtask, None)
    answered = counted_answers(subtask)
    lock_reserve(subtask.task_id)
    new = [one for one in answered if one.state is AssignmentState.SUBMITTED]
    alone = len(answered) == 1 and source is Source.AGREEMENT  # who stood alone agrees with herself
    scores = {} if alone else {one.labeler_id: _agreement(one, verdict) for one in answered}
    evidence = [] if alone else [observed(one, verdict.answer, source, weight) for one in answered]
    learn(subtask, evidence + _rejected(subtask, verdict, source, weight) + _seams(subtask, new), now)
    for assignment in answered:
        if assignment.state is AssignmentState.SUBMITTED:
            accept(assignment, agreement=scores.get(assignment.labeler_id), now=now)
        else:
            assignment.agreement = scores.get(assignment.labeler_id, assignment.agreement)
    _let_go(subtask, now)
    note("verdict", subtask.id, **numbers, source=source.value)
    enqueue(assemble.assemble_task, subtask.task_id)
    log.info("subtask resolved", extra={"subtask_id": subtask.id, "answers": len(answered)})


@job(queue="work")
def reconsider_subtask(subtask_id: str) -> None:
    """Look at a finished subtask again, since the labelers are known better now than when it was judged.

    As long as its task is not assembled it is opened again, changed, or sent to a reviewer. What was accepted stays so,
    and what a person has decided stands.
    """
    with transaction():
        subtask = lock_subtask(subtask_id)
        if subtask is None or subtask.state is not SubtaskState.RESOLVED or _was_reviewed(subtask):
            return
        task = db.session.get_one(Task, subtask.task_id, with_for_update={"key_share": True}, populate_existing=True)
        if task.stage is not TaskStage.LABELING:
            return
        answered = counted_answers(subtask)
        if answered:
            _reconsider(subtask, judge.judge(subtask, answered, utc_now()), answered)


def _reconsider(subtask: Subtask, found: Judgement, answered: Sequence[Assignment]) -> None:
    before = {"confidence_before": subtask.confidence, "changed": found.verdict.answer != subtask.verdict}
    now = {"confidence": found.verdict.confidence, "target": found.terms.target}
    doubtful = overlap.may_reopen(found.verdict.confidence, found.terms)
    if doubtful and found.choice.again:
        _undo(subtask, answered)
        subtask.state = check_move(SUBTASK_MOVES, subtask.state, SubtaskState.OPEN)
        note("reopened", subtask.id, **before, **now)
        _ask_again(subtask, found)
    elif doubtful and found.needs_review:
        _undo(subtask, answered)
        note("reopened", subtask.id, **before, **now)
        _send_to_review(subtask, found)
    elif before["changed"]:
        subtask.verdict, subtask.confidence = found.verdict.answer, found.verdict.confidence
        subtask.resolved_at = utc_now()  # whoever is assembling the task begins anew
        note("verdict", subtask.id, **found.numbers, **before, source=Source.AGREEMENT.value)
        enqueue(assemble.assemble_task, subtask.task_id)


def _was_reviewed(subtask: Subtask) -> bool:
    decided = (
        select(Review.id)
        .join(Assignment, Assignment.id == Review.assignment_id)
        .where(Assignment.subtask_id == subtask.id, Review.decision != ReviewDecision.REJECTED)
    )
    return db.session.scalar(decided.limit(1)) is not None


def _undo(subtask: Subtask, answered: Sequence[Assignment]) -> None:
    """The verdict does not stand, and what agreement with it has told is taken back; the next one tells it anew."""
    verdict, then, sure = subtask.verdict, subtask.resolved_at, subtask.confidence
    subtask.verdict = subtask.resolved_at = None
    if verdict is None or then is None or sure is None or len(answered) < 2:
        return
    weight = -WEIGHTS[Source.AGREEMENT] * sure
    learn(subtask, [observed(one, verdict, Source.AGREEMENT, weight) for one in answered], then)


def counted_answers(subtask: Subtask) -> list[Assignment]:
    """The answers that the verdict is made of; one accepted beyond the asked number has no slot and is not."""
    states = [AssignmentState.SUBMITTED, AssignmentState.ACCEPTED]
    return [one for one in answers_in(subtask, states) if one.slot_id is not None]


def answers_in(subtask: Subtask, states: Sequence[AssignmentState]) -> list[Assignment]:
    """In the order of the labelers: the order in which their accounts are locked."""
    wanted = select(Assignment).where(Assignment.subtask_id == subtask.id, Assignment.state.in_(states))
    return list(db.session.scalars(wanted.order_by(Assignment.labeler_id).execution_options(populate_existing=True)))


def _let_go(subtask: Subtask, now: datetime) -> None:
    """Late answers that were kept, and drafts, of a subtask that has all its answers are no longer wanted."""
    left = update(Assignment).where(Assignment.subtask_id == subtask.id, Assignment.state == AssignmentState.EXPIRED)
    quietly = {"synchronize_session": False}
    db.session.execute(left.where(Assignment.answer.is_not(None)).values(reason=NOT_NEEDED), execution_options=quietly)
    db.session.execute(left.values(closed_at=now), execution_options=quietly)


def checked_answer(subtask: Subtask, answer: Answer | None) -> Answer:
    """A reviewer's own answer, held to the same rules as a labeler's; raises InvalidInput that names the path."""
    if answer is None:
        raise InvalidInput("The right answer is missing.", "answer")
    task_type, task = TASK_TYPES[subtask.task.type], subtask.task
    checked = read(task_type.Answer(), answer, inside="answer")
    start, stop = subtask.window_start, subtask.window_stop
    window = None if start is None or stop is None else Window(start, stop)
    for problem in task_type.check_answer(checked, task.params, window):
        raise InvalidInput(f"answer.{problem.path} {problem.message}", f"answer.{problem.path}")
    return checked


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


def observed(assignment: Assignment, truth: Answer, source: Source, weight: float) -> Evidence:
    """What an answer shows of its author, if `truth` is right."""
    task_type = TASK_TYPES[assignment.subtask.task.type]
    answer = _given(assignment)
    if assignment.focus is not None:  # she was asked about a part only
        answer = focus.disputed_part(task_type, answer, assignment.focus)
        truth = focus.disputed_part(task_type, truth, assignment.focus)
    return Evidence(assignment.labeler_id, source, task_type.observations(answer, truth), weight)


def learn(subtask: Subtask, evidence: Sequence[Evidence], now: datetime) -> None:
    task = subtask.task
    assert task.project_id is not None, "a task that is worked on has a project"
    skills.learn(task.type, task.project_id, evidence, now)


def _agreement(assignment: Assignment, verdict: Verdict) -> float | None:
    """With the verdict, on what the labeler was asked about."""
    if assignment.focus is None:
        return verdict.scores.get(assignment.labeler_id)
    task_type = TASK_TYPES[assignment.subtask.task.type]
    parts = [focus.disputed_part(task_type, one, assignment.focus) for one in (_given(assignment), verdict.answer)]
    return task_type.agreement(*parts)


def _rejected(subtask: Subtask, verdict: Verdict, source: Source, weight: float) -> list[Evidence]:
    """What was rejected is compared with the verdict, too; once, if the subtask is resolved again."""
    rejected = [one for one in answers_in(subtask, [AssignmentState.REJECTED]) if one.agreement is None]
    agreement = TASK_TYPES[subtask.task.type].agreement
    for one in rejected:
        one.agreement = agreement(one.answer or {}, verdict.answer)
    return [observed(one, verdict.answer, source, weight) for one in rejected]


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
                evidence += [_seam(one.labeler_id, score), _seam(labeler_id, score)]
    return evidence


def _seam(labeler_id: str, score: float) -> Evidence:
    return Evidence(labeler_id, Source.SEAM, [Observation(ACCURACY, score)], WEIGHTS[Source.SEAM])


def _given(assignment: Assignment) -> Answer:
    assert assignment.answer is not None, "an answered assignment has an answer"
    return assignment.answer
