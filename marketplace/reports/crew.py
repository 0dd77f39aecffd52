"""Who has worked on a customer's project, by id: what each has done, how it agreed, and whether she is blocked."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import and_, func, select

from marketplace.models import Assignment, AssignmentState, Block, Lane, Project, Subtask
from marketplace.reports.listing import Found, Wish, fetch


@dataclass(frozen=True)
class Member:
    """A labeler as a customer sees her: her name and address are not the customer's business."""

    labeler_id: str
    accepted: int
    rejected: int
    agreement: float | None  # mean with what counts, of the answers that were compared
    last_submitted_at: datetime | None
    blocked_at: datetime | None
    reason: str | None


def crew(project: Project, wish: Wish) -> Found[Member]:
    """Gold is ours: it is left out, and so is who has met nothing else here."""
    accepted = func.count().filter(Assignment.state == AssignmentState.ACCEPTED)
    rejected = func.count().filter(Assignment.state == AssignmentState.REJECTED)
    agreement, last = func.avg(Assignment.agreement), func.max(Assignment.submitted_at)
    columns: list[Any] = [Assignment.labeler_id, accepted, rejected, agreement, last, Block.created_at, Block.reason]
    statement = (
        select(*columns)
        .join(Subtask, Subtask.id == Assignment.subtask_id)
        .join(Lane, Lane.id == Subtask.lane_id)
        .outerjoin(Block, and_(Block.labeler_id == Assignment.labeler_id, Block.customer_id == project.customer_id))
        .where(Lane.project_id == project.id, ~Subtask.gold, Assignment.answer.is_not(None))
        .group_by(Assignment.labeler_id, Block.created_at, Block.reason)
    )
    sorts: dict[str, Any] = {"accepted": accepted, "rejected": rejected, "agreement": agreement, "last": last}
    return fetch(
        statement, wish, columns=sorts, default="-last", tie=Assignment.labeler_id, convert=lambda row: Member(*row)
    )
