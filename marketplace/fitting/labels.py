"""All answers of a project of classes as arrays: 32 bytes a label, however many there are."""

from array import array
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import case, func, select

from marketplace.db import db
from marketplace.models import Assignment, AssignmentState, Lane, Project, Review, ReviewDecision, Subtask, SubtaskState
from routing.consensus.labels import Labels

ROWS_AT_ONCE = 10_000
COUNTED = (AssignmentState.SUBMITTED, AssignmentState.ACCEPTED)


@dataclass(frozen=True)
class Answered:
    """Labels with their ages in days (n,), and the tasks' ids where they are still worth a second look."""

    labels: Labels
    age_days: NDArray[np.float64]


def load(project: Project, now: datetime) -> Answered:
    """The labels of what is judged, by task; truths of gold and of reviews are the labels' gold."""
    workers: dict[str, int] = {}
    classes: dict[str, int] = {}
    task, worker, label, age = array("i"), array("i"), array("i"), array("f")
    gold = array("i")
    previous = None
    for subtask_id, labeler_id, given, truth, seconds in _rows(project, now):
        if subtask_id != previous:
            gold.append(-1 if truth is None else classes.setdefault(truth, len(classes)))
            previous = subtask_id
        task.append(len(gold) - 1)
        worker.append(workers.setdefault(labeler_id, len(workers)))
        label.append(classes.setdefault(given, len(classes)))
        age.append(seconds / 86_400)
    labels = Labels(
        _integers(task),
        _integers(worker),
        _integers(label),
        len(gold),
        len(workers),
        len(classes),
        _integers(gold),
        (),
        tuple(workers),
        tuple(classes),
    )
    return Answered(labels, np.frombuffer(age, np.float32).astype(float) if len(age) else np.empty(0))


def _integers(values: "array[int]") -> NDArray[np.int64]:
    return np.frombuffer(values, np.int32).astype(np.int64) if len(values) else np.empty(0, np.int64)


def reviewed() -> Any:
    """Whether a person has decided a subtask."""
    decided = select(Review.id).join(Assignment, Assignment.id == Review.assignment_id)
    return decided.where(Assignment.subtask_id == Subtask.id, Review.decision != ReviewDecision.REJECTED).exists()


def _rows(project: Project, now: datetime) -> Iterator[Any]:
    """(subtask, labeler, given, truth, age in seconds), subtask by subtask, read as they are used."""
    truth = case((Subtask.gold, Subtask.truth), (reviewed(), Subtask.verdict))
    of_project = (
        select(
            Assignment.subtask_id,
            Assignment.labeler_id,
            Assignment.answer["category"].astext,
            truth["category"].astext,
            func.extract("epoch", now - func.coalesce(Assignment.submitted_at, now)),
        )
        .join(Subtask, Subtask.id == Assignment.subtask_id)
        .join(Lane, Lane.id == Subtask.lane_id)
        .where(
            Lane.project_id == project.id,
            Assignment.state.in_(COUNTED),
            Subtask.gold | (Subtask.state == SubtaskState.RESOLVED),
            func.jsonb_typeof(Assignment.answer["category"]) == "string",
        )
        .order_by(Assignment.subtask_id)
    )
    yield from db.session.execute(of_project, execution_options={"yield_per": ROWS_AT_ONCE})
