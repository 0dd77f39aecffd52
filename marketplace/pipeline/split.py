"""split_task: cut an ingested task into subtasks, each with its pay frozen and a slot for each answer to begin with."""

import logging
from typing import Any

from marketplace import gold_items, lanes, slots
from marketplace.auth import settings
from marketplace.db import db, transaction
from marketplace.models import BatchStatus, Subtask, Task, TaskStage
from marketplace.models.columns import check_move
from marketplace.models.task import STAGE_MOVES
from marketplace.queue import job
from payouts import pricing
from routing import overlap
from routing.task_types import TASK_TYPES, categorization
from routing.types import Piece

log = logging.getLogger(__name__)


@job(queue="work")
def split_task(task_id: str) -> None:
    """Open a task's work to the labelers; a task of a staged batch waits until the batch is finalized."""
    with transaction():
        task = db.session.get(Task, task_id, with_for_update=True, populate_existing=True)
        if task is None or task.stage is not TaskStage.INGESTED:
            return
        if task.batch is not None and task.batch.status is BatchStatus.STAGING:
            return
        pieces = TASK_TYPES[task.type].split(task.params, task.frames_total or None)
        lane_id = _lane_id(task)
        subtasks = [_subtask(task, piece, lane_id) for piece in pieces]
        db.session.add_all(subtasks)
        db.session.flush()  # slots refer to them
        for subtask in subtasks:
            if not subtask.gold:
                slots.open_slots(subtask, _opening(task, subtask))
        task.stage = check_move(STAGE_MOVES, task.stage, TaskStage.LABELING)
        log.info("task split", extra={"task_id": task.id, "subtasks": len(pieces)})


def _opening(task: Task, subtask: Subtask) -> int:
    return overlap.opening(task.project.answers_min if task.project else None, subtask.answers_wanted)


def _lane_id(task: Task) -> int:
    """The lane of the task's project and type; the first task of a project makes it."""
    assert task.project_id is not None, "intake gives every task a project"
    return lanes.lane_of(task.project_id, task.type, _choices(task)).id


def _choices(task: Task) -> int | None:
    """Of how many classes an answer is one; none where it is drawn, or a list, and can go wrong in many ways."""
    return len(TASK_TYPES[task.type].classes(task.params)) or None if task.type == categorization.NAME else None


def _subtask(task: Task, piece: Piece, lane_id: int) -> Subtask:
    task_type = TASK_TYPES[task.type]
    rate = task.project.hourly_rate_cents if task.project else settings().hourly_rate_cents
    window = piece.window
    return Subtask(
        task=task,
        lane_id=lane_id,
        position=piece.index,
        window_start=window.start if window else None,
        window_stop=window.stop if window else None,
        answers_wanted=task_type.answers_wanted(task.params),
        effort_seconds=piece.effort_seconds,
        pay_cents=pricing.pay_cents(piece.effort_seconds, rate),
        **_gold(task, piece),
    )


def _gold(task: Task, piece: Piece) -> dict[str, Any]:
    """A task with a known answer measures labelers: dispatch slips its subtasks in, so they have no slots."""
    if task.expected_answer is None:
        return {"gold": False}
    truth = TASK_TYPES[task.type].within(task.expected_answer, piece.window)
    return {"gold": True, "truth": truth, "gold_classes": gold_items.classes_of(task.type, truth)}
