"""sweep: rows are the truth, so whatever a lost job should have done is found in them and enqueued again."""

from datetime import timedelta
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, or_, select

from marketplace.clock import utc_now
from marketplace.db import db, transaction
from marketplace.models import (
    Assignment,
    AssignmentState,
    Batch,
    BatchStatus,
    Slot,
    SlotState,
    Subtask,
    SubtaskState,
    Task,
    TaskStage,
)
from marketplace.pipeline import assemble, deliver, ingest, resolve, settle, split
from marketplace.queue import Job, enqueue_once

# A row that has stood still for so long is taken for forgotten. A job that is only slow is not hurt: each looks at the
# state first, and one that waits in its queue or runs is not enqueued again.
STILL = timedelta(seconds=30)
LOOKED_AT = 2_000  # rows that one look at a stage goes through; the next look goes on behind them

_last_seen: dict[str, str] = {}


def enqueue_forgotten() -> None:
    """Enqueue the next step of everything that stands still though nothing holds it."""
    _enqueue(ingest.ingest_task, _at_stage(TaskStage.RECEIVED))
    _enqueue(split.split_task, _at_stage(TaskStage.INGESTED).outerjoin(Batch).where(_is_worked_on()))
    _sweep(assemble.assemble_task, Task.id, _labeling(), _every_subtask_is_closed())
    _sweep(resolve.resolve_subtask, Subtask.id, _answered(), _no_answer_is_awaited())
    deliver.enqueue_due()
    settle.resume_payouts()


def _enqueue(function: Job, ids: Select[Any]) -> None:
    with transaction():
        found = db.session.scalars(ids.limit(LOOKED_AT)).all()
    for one in found:
        enqueue_once(function, one)


def _sweep(function: Job, key: Any, candidates: Select[Any], is_forgotten: ColumnElement[bool]) -> None:
    """Look at the next candidates in the order of their keys, and begin again at the end: a bounded look each time."""
    name = function.__name__
    with transaction():
        looked_at = candidates.where(key > _last_seen.get(name, "")).order_by(key).limit(LOOKED_AT).subquery()
        ids = db.session.scalars(select(looked_at.c.id).order_by(looked_at.c.id)).all()
        forgotten = db.session.scalars(select(key).where(key.in_(ids), is_forgotten)).all() if ids else []
    _last_seen[name] = ids[-1] if len(ids) == LOOKED_AT else ""
    for one in forgotten:
        enqueue_once(function, one)


def _at_stage(stage: TaskStage) -> Select[Any]:
    return select(Task.id).where(Task.stage == stage, Task.updated_at < utc_now() - STILL).order_by(Task.updated_at)


def _is_worked_on() -> ColumnElement[bool]:
    """A staging batch's tasks wait until it is finalized."""
    return or_(Task.batch_id.is_(None), Batch.status != BatchStatus.STAGING)


def _labeling() -> Select[Any]:
    return select(Task.id).where(Task.stage == TaskStage.LABELING, Task.updated_at < utc_now() - STILL)


def _every_subtask_is_closed() -> ColumnElement[bool]:
    unresolved = select(Subtask.id).where(Subtask.task_id == Task.id, Subtask.state != SubtaskState.RESOLVED)
    return and_(~unresolved.exists(), select(Subtask.id).where(Subtask.task_id == Task.id).exists())


def _answered() -> Select[Any]:
    """Open subtasks with an answer that nobody has judged for a while."""
    return (
        select(Subtask.id)
        .join(Assignment)
        .where(
            Assignment.state == AssignmentState.SUBMITTED,
            Assignment.submitted_at < utc_now() - STILL,
            Subtask.state == SubtaskState.OPEN,
        )
        .distinct()
    )


def _no_answer_is_awaited() -> ColumnElement[bool]:
    """Gold is graded answer by answer; any other subtask when no slot of it waits for an answer."""
    awaited = select(Slot.id).where(Slot.subtask_id == Subtask.id, Slot.state.in_((SlotState.OPEN, SlotState.LEASED)))
    return or_(Subtask.gold, ~awaited.exists())
