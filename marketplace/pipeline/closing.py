"""How a task ends: completed with a deliverable, in error, or canceled; money and callbacks with it."""

import logging
from typing import Any, cast

from sqlalchemy import select, update

from marketplace import slots
from marketplace.clock import utc_now
from marketplace.db import db
from marketplace.deliverables import Stored, next_version, plan, response_of
from marketplace.models import (
    Assignment,
    AssignmentState,
    Batch,
    BatchStatus,
    Deliverable,
    Subtask,
    SubtaskState,
    Task,
    TaskStage,
    TaskStatus,
)
from marketplace.models.columns import check_move
from marketplace.models.task import STAGE_MOVES, TASK_MOVES
from marketplace.pipeline import deliver
from payouts import postings

log = logging.getLogger(__name__)

# FOR NO KEY UPDATE: rows that refer to a locked one may come meanwhile. With FOR UPDATE two last tasks of a batch would
# wait for each other, since each has touched its own row twice and so holds the batch's key.
LOCK = {"key_share": True}


def lock_task(task_id: str) -> Task | None:
    """The task as it is now, kept from all other stages until the transaction ends."""
    return db.session.get(Task, task_id, with_for_update=LOCK, populate_existing=True)


def complete(task: Task, answer: dict[str, Any], report: dict[str, Any], *, stored: Stored | None = None) -> None:
    """Deliver a whole task's answer; `stored` says where its files lie, if the caller has written them already.

    Whoever has a large deliverable writes its files before the transaction, since a store may be far away.
    """
    if stored is None or stored.version != next_version(task):
        stored = plan(task).write(answer)
    db.session.add(
        Deliverable(
            task_id=task.id,
            version=stored.version,
            answer_key=stored.answer_key,
            response_key=stored.response_key,
            report=report,
        )
    )
    _close(task, TaskStatus.COMPLETED)
    task.completed_at = utc_now()
    db.session.flush()
    task.response = response_of(task, answer)
    if task.quote_cents:
        postings.recognize_revenue(cast(Any, db.session), task.id, task.currency)
    deliver.announce(task, "completed")
    _close_batch(task)
    log.info("task completed", extra={"task_id": task.id, "version": stored.version})


def fail(task: Task, response: dict[str, Any]) -> None:
    """End a task in error; `response` says what was wrong in the contract's shape."""
    _close(task, TaskStatus.ERROR)
    task.response = response
    if task.clear_unique_id_on_error:
        task.unique_id = None
    _cancel_work(task)
    _release(task)
    deliver.announce(task, "error")
    _close_batch(task)
    log.info("task failed", extra={"task_id": task.id, "error": response.get("error")})


def cancel(task: Task) -> None:
    """Withdraw a task for its customer, who asked for it and so is not called back."""
    _close(task, TaskStatus.CANCELED)
    _cancel_work(task)
    _release(task)
    _close_batch(task)
    log.info("task canceled", extra={"task_id": task.id})


def _close(task: Task, status: TaskStatus) -> None:
    db.session.flush()  # a test task ends in the request that made it
    task.status = check_move(TASK_MOVES, task.status, status)
    task.stage = check_move(STAGE_MOVES, task.stage, TaskStage.CLOSED)


def _cancel_work(task: Task) -> None:
    slots.cancel_slots(task.id)
    of_task = select(Subtask.id).where(Subtask.task_id == task.id)
    unfinished = (AssignmentState.CLAIMED, AssignmentState.EXPIRED, AssignmentState.SUBMITTED)
    db.session.execute(
        update(Assignment)
        .where(Assignment.subtask_id.in_(of_task), Assignment.state.in_(unfinished))
        .values(state=AssignmentState.CANCELED)
    )
    db.session.execute(
        update(Subtask)
        .where(Subtask.task_id == task.id, Subtask.state.in_((SubtaskState.OPEN, SubtaskState.IN_REVIEW)))
        .values(state=SubtaskState.CANCELED)
    )


def _release(task: Task) -> None:
    if task.quote_cents:
        postings.release_reserve(cast(Any, db.session), task.id, task.customer_id, task.currency)


def _close_batch(task: Task) -> None:
    """Complete a task's batch with its last task. The lock makes the later of two last tasks see the other."""
    if task.batch_id is None:
        return
    db.session.flush()
    batch = db.session.get(Batch, task.batch_id, with_for_update=LOCK, populate_existing=True)
    if batch is None or batch.status is not BatchStatus.IN_PROGRESS:
        return
    pending = select(Task.id).where(Task.batch_id == batch.id, Task.status == TaskStatus.PENDING).limit(1)
    if db.session.scalar(pending) is None:
        batch.status = BatchStatus.COMPLETED
        batch.completed_at = utc_now()
        deliver.announce_batch(batch)
