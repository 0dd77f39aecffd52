"""A customer's projects: what is done, what is left, and where the money stands."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import and_, func, select

from marketplace.db import db
from marketplace.errors import NotFound
from marketplace.models import (
    Assignment,
    AssignmentState,
    Batch,
    Customer,
    KeyMode,
    Project,
    Slot,
    SlotState,
    Subtask,
    Task,
    TaskStatus,
)
from marketplace.reports.listing import Found, Wish, fetch, find_own
from payouts import ledger
from payouts.chart import Kind
from payouts.models import LedgerAccount

# Up to this span answers are counted by the hour, beyond it by the day.
HOURLY_SPAN = timedelta(days=3)
BUCKETS_MIN = 12


@dataclass(frozen=True)
class Counts:
    total: int
    completed: int
    pending: int
    error: int
    canceled: int


@dataclass(frozen=True)
class ProjectRow:
    project: Project
    counts: Counts
    reserve_cents: int
    last_task_at: datetime | None


@dataclass(frozen=True)
class Money:
    funds_cents: int
    reserve_cents: int


def _status_counts() -> list[Any]:
    return [
        func.count(Task.id),
        *(
            func.count(Task.id).filter(Task.status == status)
            for status in (TaskStatus.COMPLETED, TaskStatus.PENDING, TaskStatus.ERROR, TaskStatus.CANCELED)
        ),
    ]


def _reserve_of_task() -> Any:
    return and_(LedgerAccount.owner_id == Task.id, LedgerAccount.kind == Kind.TASK_RESERVE.value)


def projects_of(customer: Customer, mode: KeyMode, wish: Wish) -> Found[ProjectRow]:
    total, completed, pending, error, canceled = _status_counts()
    reserve, last = func.coalesce(func.sum(LedgerAccount.balance_cents), 0), func.max(Task.created_at)
    statement = (
        select(Project, total, completed, pending, error, canceled, reserve, last)
        .outerjoin(Task, and_(Task.project_id == Project.id, Task.expected_answer.is_(None)))
        .outerjoin(LedgerAccount, _reserve_of_task())
        .where(Project.customer_id == customer.id, Project.mode == mode, Project.archived_at.is_(None))
        .group_by(Project.id)
    )
    columns = {
        "name": func.lower(Project.name),
        "created": Project.created_at,
        "tasks": total,
        "completed": completed,
        "pending": pending,
        "error": error,
        "reserve": reserve,
        "last": last,
    }
    return fetch(
        statement,
        wish,
        columns=columns,
        default="-created",
        tie=Project.id,
        convert=lambda row: ProjectRow(row[0], Counts(*row[1:6]), int(row[6]), row[7]),
    )


def money_of(customer: Customer, mode: KeyMode) -> Money:
    session = db.session()
    reserve = session.scalar(
        select(func.coalesce(func.sum(LedgerAccount.balance_cents), 0))
        .join(Task, _reserve_of_task())
        .where(Task.customer_id == customer.id, Task.mode == mode)
    )
    return Money(ledger.balance(session, Kind.CUSTOMER_FUNDS, customer.id), int(reserve or 0))


def own_project(customer: Customer, mode: KeyMode, word: str) -> Project:
    """By id or by name; raises NotFound for a foreign one."""
    project: Project | None = find_own(Project, Project.name, customer, mode, word)
    if project is None:
        raise NotFound(f'You have no project "{word}".')
    return project


@dataclass(frozen=True)
class Progress:
    counts: Counts
    answers_done: int
    answers_wanted: int
    answers_last_hour: int
    frames: int
    reserve_cents: int
    quoted_cents: int  # of everything that was not canceled or given back


def progress_of(project: Project, now: datetime) -> Progress:
    ours = and_(Task.project_id == project.id, Task.expected_answer.is_(None))
    *counts, frames, quoted, reserve = db.session.execute(
        select(
            *_status_counts(),
            func.coalesce(func.sum(Task.frames_total), 0),
            func.coalesce(
                func.sum(Task.quote_cents).filter(Task.status.in_([TaskStatus.COMPLETED, TaskStatus.PENDING])), 0
            ),
            func.coalesce(func.sum(LedgerAccount.balance_cents), 0),
        )
        .outerjoin(LedgerAccount, _reserve_of_task())
        .where(ours)
    ).one()
    done, wanted = db.session.execute(
        select(
            func.count().filter(Slot.state == SlotState.DONE),
            func.count().filter(Slot.state != SlotState.CANCELED),
        )
        .join(Subtask, Subtask.id == Slot.subtask_id)
        .join(Task, Task.id == Subtask.task_id)
        .where(ours)
    ).one()
    recent = db.session.scalar(
        select(func.count())
        .select_from(Assignment)
        .join(Subtask, Subtask.id == Assignment.subtask_id)
        .join(Task, Task.id == Subtask.task_id)
        .where(ours, Assignment.submitted_at > now - timedelta(hours=1))
    )
    return Progress(Counts(*counts), done, wanted, int(recent or 0), int(frames), int(reserve), int(quoted))


@dataclass(frozen=True)
class AnswersOverTime:
    """Accepted answers per bucket, oldest first, empty buckets included."""

    starts: list[datetime]
    counts: list[int]
    unit: str  # hour or day


def answers_over_time(project: Project, now: datetime) -> AnswersOverTime | None:
    """From the first accepted answer to now, some buckets at least; none while there is no answer."""
    accepted = (
        select(Assignment.closed_at)
        .join(Subtask, Subtask.id == Assignment.subtask_id)
        .join(Task, Task.id == Subtask.task_id)
        .where(
            Task.project_id == project.id,
            Task.expected_answer.is_(None),
            Assignment.state == AssignmentState.ACCEPTED,
            Assignment.closed_at.is_not(None),
        )
        .subquery()
    )
    first = db.session.scalar(select(func.min(accepted.c.closed_at)))
    if first is None:
        return None
    unit = "hour" if now - first <= HOURLY_SPAN else "day"
    start = func.date_trunc(unit, accepted.c.closed_at, "UTC")
    found: dict[datetime, int] = dict(db.session.execute(select(start, func.count()).group_by(start)).tuples().all())
    step = timedelta(hours=1) if unit == "hour" else timedelta(days=1)
    end = (
        now.replace(minute=0, second=0, microsecond=0)
        if unit == "hour"
        else now.replace(hour=0, minute=0, second=0, microsecond=0)
    )
    begin = min(min(found), end - step * (BUCKETS_MIN - 1))
    starts = [begin + step * n for n in range(int((max(end, max(found)) - begin) / step) + 1)]
    return AnswersOverTime(starts, [found.get(moment, 0) for moment in starts], unit)


@dataclass(frozen=True)
class BatchRow:
    batch: Batch
    counts: Counts


def batches_of(project: Project, limit: int = 50) -> list[BatchRow]:
    rows = db.session.execute(
        select(Batch, *_status_counts())
        .outerjoin(Task, Task.batch_id == Batch.id)
        .where(Batch.project_id == project.id)
        .group_by(Batch.id)
        .order_by(Batch.id.desc())
        .limit(limit)
    )
    return [BatchRow(row[0], Counts(*row[1:])) for row in rows]
