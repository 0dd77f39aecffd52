"""assemble_task: rejoin the answers of a task's subtasks once the last of them is resolved."""

from typing import Any

from sqlalchemy import select

from marketplace import deliverables
from marketplace.db import db, transaction
from marketplace.models import Subtask, SubtaskState, Task, TaskStage
from marketplace.pipeline import closing
from marketplace.queue import job
from routing.task_types import TASK_TYPES
from routing.types import Answer, Piece, Window


@job(queue="work", timeout_seconds=1800)
def assemble_task(task_id: str) -> None:
    """Load, join and write, then complete the task: no transaction stays open over the work or waits for the store."""
    with transaction():
        task = db.session.get(Task, task_id, populate_existing=True)
        pieces = _resolved_pieces(task) if task else None
        if task is None or pieces is None:
            return
        seen = _verdicts(task_id)
        task_type, plan = TASK_TYPES[task.type], deliverables.plan(task)
    assembled = task_type.assemble(pieces, task_id)
    stored = plan.write(assembled.answer)
    with transaction():
        task = closing.lock_task(task_id)
        # Else another run of this job was faster, or a verdict has been overturned meanwhile.
        if task is not None and task.stage is TaskStage.LABELING and _verdicts(task_id) == seen:
            closing.complete(task, assembled.answer, assembled.report, stored=stored)


def _verdicts(task_id: str) -> list[tuple[Any, ...]]:
    """What tells whether a verdict has changed. Who overturns one holds the task's row, as who completes it does."""
    found = select(Subtask.id, Subtask.state, Subtask.resolved_at).where(Subtask.task_id == task_id)
    return [tuple(row) for row in db.session.execute(found.order_by(Subtask.id))]


def _resolved_pieces(task: Task) -> list[tuple[Piece, Answer]] | None:
    """The answers that count, in the task's order; None while one is missing."""
    if task.stage is not TaskStage.LABELING:
        return None
    subtasks = db.session.scalars(select(Subtask).filter_by(task_id=task.id).order_by(Subtask.position)).all()
    if not subtasks or any(s.state is not SubtaskState.RESOLVED or s.verdict is None for s in subtasks):
        return None
    return [(_piece(s), s.verdict) for s in subtasks if s.verdict is not None]


def _piece(subtask: Subtask) -> Piece:
    start, stop = subtask.window_start, subtask.window_stop
    window = None if start is None or stop is None else Window(start, stop)
    return Piece(subtask.position, window, subtask.effort_seconds)
