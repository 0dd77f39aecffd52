"""The operators' view of the yard: lanes, and what needs a person."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Select, exists, func, select

from marketplace.clock import utc_now
from marketplace.db import db
from marketplace.models import (
    Assignment,
    AssignmentState,
    Customer,
    KeyMode,
    Labeler,
    Lane,
    Project,
    Review,
    Slot,
    SlotState,
    Subtask,
    SubtaskState,
    Task,
    TaskStage,
    TaskStatus,
)
from marketplace.reports.labelers import restriction_holds
from marketplace.reports.listing import Found, Wish, fetch

STUCK_AFTER = timedelta(hours=1)
CLAIM_TO_SUBMIT_MAX = timedelta(days=2)


@dataclass(frozen=True)
class LaneRow:
    lane: Lane
    project: str
    customer: str
    simulated: bool
    open: int
    leased: int
    done: int
    in_review: int
    oldest_at: datetime | None  # when the longest waiting open slot's subtask was made


def lanes() -> list[LaneRow]:
    """One pass over the slots: exact, and quick enough for a page that few people look at."""
    counts = (
        select(
            Slot.lane_id,
            *(
                func.count().filter(Slot.state == state).label(state.value)
                for state in (SlotState.OPEN, SlotState.LEASED, SlotState.DONE)
            ),
            func.min(Slot.id).filter(Slot.state == SlotState.OPEN).label("oldest"),
        )
        .group_by(Slot.lane_id)
        .subquery()
    )
    reviews = (
        select(Subtask.lane_id, func.count().label("waiting"))
        .where(Subtask.state == SubtaskState.IN_REVIEW)
        .group_by(Subtask.lane_id)
        .subquery()
    )
    oldest_at = (
        select(Subtask.created_at)
        .join(Slot, Slot.subtask_id == Subtask.id)
        .where(Slot.id == counts.c.oldest)
        .scalar_subquery()
    )
    zero = 0
    rows = db.session.execute(
        select(
            Lane,
            Project.name,
            Customer.name,
            Project.simulated,
            func.coalesce(counts.c.open, zero),
            func.coalesce(counts.c.leased, zero),
            func.coalesce(counts.c.done, zero),
            func.coalesce(reviews.c.waiting, zero),
            oldest_at,
        )
        .join(Project, Project.id == Lane.project_id)
        .join(Customer, Customer.id == Project.customer_id)
        .outerjoin(counts, counts.c.lane_id == Lane.id)
        .outerjoin(reviews, reviews.c.lane_id == Lane.id)
        .where(Project.mode == KeyMode.LIVE)
        .order_by(func.coalesce(counts.c.open, zero).desc(), Lane.id)
    )
    return [LaneRow(*row) for row in rows]


@dataclass(frozen=True)
class PieceRow:
    """A subtask of a lane; `answers` are submitted or accepted."""

    subtask: Subtask
    answers: int


def pieces_of(lane_id: int, wish: Wish, state: SubtaskState | None) -> Found[PieceRow]:
    """A lane's subtasks, the newest first unless the wish says otherwise."""
    answered = (
        select(func.count())
        .where(
            Assignment.subtask_id == Subtask.id,
            Assignment.state.in_([AssignmentState.SUBMITTED, AssignmentState.ACCEPTED]),
        )
        .scalar_subquery()
    )
    statement = select(Subtask, answered).where(Subtask.lane_id == lane_id)
    if state is not None:
        statement = statement.where(Subtask.state == state)
    columns = {
        "created": Subtask.created_at,
        "resolved": Subtask.resolved_at,
        "confidence": Subtask.confidence,
        "state": Subtask.state,
    }
    return fetch(
        statement, wish, columns=columns, default="-created", tie=Subtask.id, convert=lambda row: PieceRow(*row)
    )


@dataclass(frozen=True)
class TaskInTrouble:
    id: str
    customer: str
    project: str | None
    type: str
    status: str
    stage: str
    updated_at: datetime
    error: str


def tasks_in_trouble(now: datetime, limit: int = 20) -> list[TaskInTrouble]:
    """Errors of the last day, and tasks that have stood before a stage for too long."""
    waiting = Task.stage.in_([TaskStage.RECEIVED, TaskStage.INGESTED]) & (Task.updated_at < now - STUCK_AFTER)
    failed = (Task.status == TaskStatus.ERROR) & (Task.completed_at > now - timedelta(days=1))
    rows = db.session.execute(
        select(Task, Customer.name, Project.name)
        .join(Customer, Customer.id == Task.customer_id)
        .outerjoin(Project, Project.id == Task.project_id)
        .where(waiting | failed, Task.mode == KeyMode.LIVE)
        .order_by(Task.updated_at.desc())
        .limit(limit)
    )
    return [
        TaskInTrouble(
            task.id,
            customer,
            project,
            task.type,
            task.status.value,
            task.stage.value,
            task.updated_at,
            str((task.response or {}).get("error", "")),
        )
        for task, customer, project in rows
    ]


@dataclass(frozen=True)
class Attention:
    """What waits for a person, and who is at work."""

    reviews: int
    appeals: int
    labelers: int
    restricted: int
    at_work: int


def attention() -> Attention:
    decided = exists().where(Review.assignment_id == Assignment.id, Review.created_at > Assignment.appealed_at)
    labelers, restricted = db.session.execute(
        select(func.count(), func.count().filter(restriction_holds(utc_now()))).select_from(Labeler)
    ).one()
    return Attention(
        reviews=_count(select(func.count()).where(Subtask.state == SubtaskState.IN_REVIEW)),
        appeals=_count(
            select(func.count()).where(
                Assignment.appealed_at.is_not(None), Assignment.state == AssignmentState.REJECTED, ~decided
            )
        ),
        labelers=labelers,
        restricted=restricted,
        at_work=_count(select(func.count(func.distinct(Slot.labeler_id))).where(Slot.state == SlotState.LEASED)),
    )


def first_id_of(moment: datetime) -> str:
    """Ids begin with the millisecond of their making: the primary key finds what is young without another index."""
    return f"{int(moment.timestamp() * 1000):012x}"


def _count(statement: Select[Any]) -> int:
    return int(db.session.scalar(statement) or 0)


@dataclass(frozen=True)
class Hour:
    start: datetime
    submitted: int
    accepted: int


def answers_by_hour(now: datetime, hours: int = 24) -> list[Hour]:
    """Answers of the last hours, oldest first, empty hours included."""
    end = now.replace(minute=0, second=0, microsecond=0)
    starts = [end - timedelta(hours=n) for n in range(hours - 1, -1, -1)]
    bucket = func.date_trunc("hour", Assignment.submitted_at, "UTC")
    rows = db.session.execute(
        select(bucket, func.count(), func.count().filter(Assignment.state == AssignmentState.ACCEPTED))
        .where(Assignment.submitted_at >= starts[0], Assignment.id >= first_id_of(starts[0] - CLAIM_TO_SUBMIT_MAX))
        .group_by(bucket)
    )
    found = {start: (submitted, accepted) for start, submitted, accepted in rows}
    return [Hour(start, *found.get(start, (0, 0))) for start in starts]
