"""What a labeler has in hand and has done."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Select, and_, func, or_, select

from marketplace.db import db
from marketplace.models import (
    Assignment,
    AssignmentState,
    Lane,
    Project,
    Qualification,
    Review,
    Slot,
    SlotState,
    Subtask,
    SubtaskState,
)
from marketplace.reports.listing import Found, Wish, fetch, find_row


@dataclass(frozen=True)
class Work:
    """An assignment with where it belongs."""

    assignment: Assignment
    subtask: Subtask
    task_type: str
    project: str
    simulated: bool

    @property
    def window(self) -> tuple[int, int] | None:
        """The first and the last frame."""
        if self.subtask.window_start is None or self.subtask.window_stop is None:
            return None
        return self.subtask.window_start, self.subtask.window_stop - 1


def _work() -> Select[Any]:
    columns: list[Any] = [Assignment, Subtask, Lane.task_type, Project.name, Project.simulated]
    return (
        select(*columns)
        .join(Subtask, Assignment.subtask_id == Subtask.id)
        .join(Lane, Subtask.lane_id == Lane.id)
        .join(Project, Lane.project_id == Project.id)
    )


def open_work(labeler_id: str) -> list[Work]:
    """What she holds, and what she lost by time but may still finish, since nobody else has taken it."""
    still_wanted = or_(Assignment.slot_id.is_(None), Slot.state == SlotState.OPEN)
    lost = and_(Assignment.state == AssignmentState.EXPIRED, Subtask.state == SubtaskState.OPEN, still_wanted)
    rows = db.session.execute(
        _work()
        .outerjoin(Slot, Slot.id == Assignment.slot_id)
        .where(Assignment.labeler_id == labeler_id, or_(Assignment.state == AssignmentState.CLAIMED, lost))
        .order_by(Assignment.lease_expires_at.desc())
        .limit(20)
    )
    return [Work(*row) for row in rows]


HISTORY_SORTS = {
    "claimed": Assignment.claimed_at,
    "submitted": Assignment.submitted_at,
    "pay": Assignment.pay_cents,
    "time": Assignment.active_seconds,
    "project": Project.name,
}


def history(labeler_id: str, wish: Wish, state: AssignmentState | None) -> Found[Work]:
    statement = _work().where(Assignment.labeler_id == labeler_id)
    if state is not None:
        statement = statement.where(Assignment.state == state)
    return fetch(
        statement,
        wish,
        columns=HISTORY_SORTS,
        default="-claimed",
        tie=Assignment.id,
        convert=lambda row: Work(*row),
    )


def own_work(labeler_id: str, assignment_id: str) -> Work:
    """Raises NotFound for somebody else's assignment."""
    one = _work().where(Assignment.id == assignment_id, Assignment.labeler_id == labeler_id)
    return Work(*find_row(one, "You have no assignment with this id."))


def reviews_of(assignment_id: str) -> list[Review]:
    return list(
        db.session.scalars(select(Review).where(Review.assignment_id == assignment_id).order_by(Review.created_at))
    )


@dataclass(frozen=True)
class Totals:
    submitted: int
    accepted: int
    active_seconds: int
    accepted_cents: int
    last_submitted_at: datetime | None


def totals_of(labeler_id: str) -> Totals:
    accepted = Assignment.state == AssignmentState.ACCEPTED
    row = db.session.execute(
        select(
            func.count(Assignment.submitted_at),
            func.count().filter(accepted),
            func.coalesce(func.sum(Assignment.active_seconds).filter(accepted), 0),
            func.coalesce(func.sum(Assignment.pay_cents).filter(accepted), 0),
            func.max(Assignment.submitted_at),
        ).where(Assignment.labeler_id == labeler_id)
    ).one()
    return Totals(*row)


def qualified_types(labeler_id: str) -> set[str]:
    return set(db.session.scalars(select(Qualification.task_type).where(Qualification.labeler_id == labeler_id)))
