"""What a payout pays for: the accepted subtasks whose earnings it is made of."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, select

from marketplace.db import db
from marketplace.models import Assignment, Subtask, Task
from marketplace.reports.payouts import GONE
from payouts.chart import Code, Kind
from payouts.models import Item, LedgerAccount, LedgerEntry, LedgerTransfer

BEHIND_MAX = 500


@dataclass(frozen=True)
class Behind:
    """One earning behind a payout, with the accepted subtask that it pays; `share_cents` of it is in this payout."""

    transfer_id: int
    released_at: datetime
    code: str
    cents: int
    share_cents: int
    assignment_id: str | None
    subtask_id: str | None
    task_id: str | None
    task_type: str | None
    position: int | None


def behind(item: Item) -> list[Behind]:
    """The money that the payout is made of: what became available first went out first."""
    before = db.session.scalar(
        select(func.coalesce(func.sum(Item.amount_cents), 0)).where(
            Item.labeler_id == item.labeler_id,
            Item.currency == item.currency,
            Item.state.in_(GONE),
            Item.id < item.id,
        )
    )
    start = int(before or 0)
    stop = start + item.amount_cents
    cents = -LedgerEntry.amount_cents  # a credit, which is stored negative, is the labeler's gain
    gains = (
        select(
            LedgerEntry.transfer_id,
            cents.label("cents"),
            func.sum(cents).over(order_by=LedgerEntry.id).label("until"),
        )
        .join(LedgerAccount, LedgerAccount.id == LedgerEntry.account_id)
        .join(LedgerTransfer, LedgerTransfer.id == LedgerEntry.transfer_id)
        .where(
            LedgerAccount.kind == Kind.LABELER_AVAILABLE.value,
            LedgerAccount.owner_id == item.labeler_id,
            LedgerAccount.currency == item.currency,
            LedgerEntry.amount_cents < 0,
            LedgerTransfer.code != Code.PAYOUT_REJECT.value,
        )
        .subquery()
    )
    assignment_id = LedgerTransfer.details["assignment_id"].astext
    rows = db.session.execute(
        select(gains, LedgerTransfer, Assignment.id, Subtask, Task)
        .join(LedgerTransfer, LedgerTransfer.id == gains.c.transfer_id)
        .outerjoin(Assignment, Assignment.id == assignment_id)
        .outerjoin(Subtask, Subtask.id == Assignment.subtask_id)
        .outerjoin(Task, Task.id == Subtask.task_id)
        .where(gains.c.until > start, gains.c.until - gains.c.cents < stop)
        .order_by(gains.c.until)
        .limit(BEHIND_MAX)
    )
    return [_behind(row, start, stop) for row in rows]


def _behind(row: Any, start: int, stop: int) -> Behind:
    transfer_id, cents, until, transfer, assignment_id, subtask, task = row
    share = min(until, stop) - max(until - cents, start)
    return Behind(
        transfer_id=transfer_id,
        released_at=transfer.effective_at,
        code=transfer.code,
        cents=int(cents),
        share_cents=int(share),
        assignment_id=assignment_id or transfer.details.get("assignment_id"),
        subtask_id=subtask.id if subtask else None,
        task_id=task.id if task else None,
        task_type=task.type if task else None,
        position=subtask.position if subtask else None,
    )
