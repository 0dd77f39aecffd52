"""Gold of our own making, and gold that is doubted: what a reviewer has decided measures the next labelers.

A gold subtask belongs to a task of its own, as the customer's evaluation tasks do: it is not delivered, not listed and
not counted. Its frames are the original's, by reference.
"""

import logging
from collections.abc import Sequence
from datetime import datetime
from itertools import combinations

from sqlalchemy import func, select

from marketplace import gold_items
from marketplace.clock import utc_now
from marketplace.db import db
from marketplace.models import (
    Assignment,
    AssignmentState,
    Frame,
    KeyMode,
    SkillRecord,
    Subtask,
    SubtaskState,
    Task,
    TaskStage,
)
from marketplace.models.columns import check_move
from marketplace.models.subtask import SUBTASK_MOVES
from marketplace.notes import note
from routing import gold
from routing.gold import Graded
from routing.skill import Skill
from routing.task_types import TASK_TYPES
from routing.types import Answer

log = logging.getLogger(__name__)

ENOUGH_IN_A_LANE = 50  # gold subtasks; what each tells falls with every labeler who has seen it
WRONG_BELOW = 0.5  # grades under this are compared with each other: what do they say instead?
COMPARED_MAX = 8


# Making


def keep(subtask: Subtask, truth: Answer) -> Subtask | None:
    """Make gold of what a reviewer has decided, while its lane needs some; whoever answered it is not asked again."""
    if subtask.gold or subtask.task.mode is not KeyMode.LIVE or _count(subtask.lane_id) >= ENOUGH_IN_A_LANE:
        return None
    task = _twin(subtask.task, truth)
    db.session.add(task)
    db.session.flush()
    _share_frames(subtask, task)
    made = Subtask(
        task=task,
        lane_id=subtask.lane_id,
        position=subtask.position,
        window_start=subtask.window_start,
        window_stop=subtask.window_stop,
        answers_wanted=subtask.answers_wanted,
        effort_seconds=subtask.effort_seconds,
        pay_cents=subtask.pay_cents,
        gold=True,
        gold_of=subtask.id,
        truth=truth,
        gold_classes=gold_items.classes_of(subtask.task.type, truth),
    )
    db.session.add(made)
    db.session.flush()
    note("gold_made", made.id, source=subtask.id)
    return made


def _count(lane_id: int) -> int:
    own = select(func.count()).where(Subtask.lane_id == lane_id, Subtask.gold, Subtask.state == SubtaskState.OPEN)
    return int(db.session.scalar(own) or 0)


def _twin(task: Task, truth: Answer) -> Task:
    return Task(
        customer_id=task.customer_id,
        mode=task.mode,
        project_id=task.project_id,
        type=task.type,
        stage=TaskStage.LABELING,
        params=task.params,
        param_version=task.param_version,
        instruction=task.instruction,
        priority=task.priority,
        expected_answer=truth,
        currency=task.currency,
        frames_total=task.frames_total,
        frames_ready=task.frames_ready,
    )


def _share_frames(subtask: Subtask, task: Task) -> None:
    wanted = select(Frame).where(Frame.task_id == subtask.task_id)
    if subtask.window_start is not None:
        wanted = wanted.where(Frame.number >= subtask.window_start, Frame.number < subtask.window_stop)
    for frame in db.session.scalars(wanted):
        db.session.add(
            Frame(
                task_id=task.id,
                number=frame.number,
                points_key=frame.points_key,
                points_count=frame.points_count,
                manifest=frame.manifest,
            )
        )


# Doubting


def doubt(subtask: Subtask) -> bool:
    """Send gold to a reviewer if accurate labelers agree with each other against its truth; it is not given meanwhile.

    What a person has confirmed is not doubted again.
    """
    if subtask.gold_confirmed_at is not None or subtask.state is not SubtaskState.OPEN:
        return False
    answers = graded_answers(subtask.id)
    graded = [Graded(_accuracy(one, subtask.task.type), one.agreement or 0.0) for one in answers]
    mutual = _mutual(subtask.task.type, [one.answer for one in answers if (one.agreement or 0.0) < WRONG_BELOW])
    if not gold.is_suspect(graded, mutual):
        return False
    subtask.state = check_move(SUBTASK_MOVES, subtask.state, SubtaskState.IN_REVIEW)
    suspicion = gold.suspicion(graded, mutual)
    note("gold_doubted", subtask.id, suspicion=suspicion, answers=len(graded), mutual=mutual)
    log.info("gold doubted", extra={"subtask_id": subtask.id, "suspicion": suspicion})
    return True


def graded_answers(subtask_id: str) -> list[Assignment]:
    """In the order of the labelers, as their accounts and skills are locked."""
    wanted = select(Assignment).where(
        Assignment.subtask_id == subtask_id,
        Assignment.state == AssignmentState.ACCEPTED,
        Assignment.answer.is_not(None),
        Assignment.agreement.is_not(None),
    )
    return list(db.session.scalars(wanted.order_by(Assignment.labeler_id).execution_options(populate_existing=True)))


def _accuracy(assignment: Assignment, task_type: str) -> float:
    known = select(SkillRecord).where(
        SkillRecord.labeler_id == assignment.labeler_id, SkillRecord.task_type == task_type
    )
    record = db.session.scalar(known)
    return Skill().mean if record is None else Skill(record.alpha, record.beta, record.updated_at).at(utc_now()).mean


def _mutual(task_type: str, answers: Sequence[Answer | None]) -> float:
    """Mean agreement of the answers with each other; 0 where there are no two."""
    agreement = TASK_TYPES[task_type].agreement
    given = [one for one in answers if one is not None][:COMPARED_MAX]
    pairs = [agreement(one, two) for one, two in combinations(given, 2)]
    return sum(pairs) / len(pairs) if pairs else 0.0


def confirm(subtask: Subtask, now: datetime) -> None:
    """Its truth, as it is now, stands; it is given again."""
    subtask.gold_confirmed_at = now
    subtask.state = check_move(SUBTASK_MOVES, subtask.state, SubtaskState.OPEN)
