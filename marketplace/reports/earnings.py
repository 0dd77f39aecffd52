"""A labeler's money: where it stands, when it moves on, and the statement of every movement."""

from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any

from sqlalchemy import func, select

from marketplace.db import db
from marketplace.models import Assignment, Lane, Project, Subtask
from marketplace.reports.listing import Found, Wish, fetch
from payouts import ledger
from payouts.chart import Kind
from payouts.models import (
    Earning,
    Item,
    ItemState,
    LedgerAccount,
    LedgerEntry,
    LedgerTransfer,
    PayoutAccount,
)

WORDS = {
    "earn": "Answer accepted",
    "earn_gold": "Answer accepted",
    "release": "Hold ended",
    "payout_reserve": "Sent with a payout run",
    "payout_confirm": "Paid",
    "payout_reject": "Payout refused, money is yours again",
    "payout_reverse": "Payout came back, money is yours again",
    "correct": "Correction",
}


@dataclass(frozen=True)
class Standing:
    held_cents: int
    available_cents: int
    in_transit_cents: int
    paid_cents: int
    next_release_at: datetime | None


@dataclass(frozen=True)
class Movement:
    """One transfer as it touched the labeler: what it did to the held and to the available money."""

    transfer_id: int
    at: datetime
    code: str
    held_cents: int
    available_cents: int
    assignment_id: str | None
    about: str = ""  # the project, and the frames if it has any

    @property
    def words(self) -> str:
        return WORDS.get(self.code, self.code)


@dataclass(frozen=True)
class PayoutRow:
    created_at: datetime
    updated_at: datetime
    amount_cents: int
    currency: str
    state: str
    reason: str | None


def standing(labeler_id: str) -> Standing:
    session = db.session()
    paid, in_transit = session.execute(
        select(
            func.coalesce(func.sum(Item.amount_cents - Item.reversed_cents).filter(Item.state == ItemState.PAID), 0),
            func.coalesce(func.sum(LedgerAccount.balance_cents), 0),
        )
        .outerjoin(
            LedgerAccount,
            (LedgerAccount.owner_id == Item.id) & (LedgerAccount.kind == Kind.PAYOUT_IN_TRANSIT.value),
        )
        .where(Item.labeler_id == labeler_id)
    ).one()
    next_release = session.scalar(
        select(func.min(Earning.hold_until)).where(Earning.labeler_id == labeler_id, Earning.released_at.is_(None))
    )
    return Standing(
        held_cents=ledger.balance(session, Kind.LABELER_HELD, labeler_id),
        available_cents=ledger.balance(session, Kind.LABELER_AVAILABLE, labeler_id),
        in_transit_cents=int(in_transit or 0),
        paid_cents=int(paid or 0),
        next_release_at=next_release,
    )


def statement(labeler_id: str, wish: Wish) -> Found[Movement]:
    """Every transfer that touched the labeler's accounts; the columns sum to the balances."""

    def gained(kind: Kind) -> Any:
        # On these accounts a credit, which is stored negative, is the labeler's gain.
        return func.coalesce(-func.sum(LedgerEntry.amount_cents).filter(LedgerAccount.kind == kind.value), 0)

    held, available = gained(Kind.LABELER_HELD), gained(Kind.LABELER_AVAILABLE)
    rows = (
        select(
            LedgerTransfer.id,
            LedgerTransfer.effective_at,
            LedgerTransfer.code,
            held.label("held"),
            available.label("available"),
            LedgerTransfer.details["assignment_id"].astext,
        )
        .join(LedgerEntry, LedgerEntry.transfer_id == LedgerTransfer.id)
        .join(LedgerAccount, LedgerAccount.id == LedgerEntry.account_id)
        .where(
            LedgerAccount.owner_id == labeler_id,
            LedgerAccount.kind.in_([Kind.LABELER_HELD.value, Kind.LABELER_AVAILABLE.value]),
        )
        .group_by(LedgerTransfer.id)
    )
    found = fetch(
        rows,
        wish,
        columns={"at": LedgerTransfer.effective_at, "held": held, "available": available},
        default="-at",
        tie=LedgerTransfer.id,
        convert=lambda row: Movement(row[0], row[1], row[2], int(row[3]), int(row[4]), row[5]),
    )
    about = _about([row.assignment_id for row in found.rows if row.assignment_id])
    described = [replace(row, about=about.get(row.assignment_id or "", "")) for row in found.rows]
    return Found(described, found.page, found.has_more)


def _about(assignment_ids: list[str]) -> dict[str, str]:
    rows = db.session.execute(
        select(Assignment.id, Project.name, Subtask.window_start, Subtask.window_stop)
        .join(Subtask, Subtask.id == Assignment.subtask_id)
        .join(Lane, Lane.id == Subtask.lane_id)
        .join(Project, Project.id == Lane.project_id)
        .where(Assignment.id.in_(assignment_ids))
    )
    return {
        found: name if start is None or stop is None else f"{name}, frames {start} to {stop - 1}"
        for found, name, start, stop in rows
    }


@dataclass(frozen=True)
class Release:
    """What becomes available on one day."""

    day: date
    answers: int
    amount_cents: int


def releases(labeler_id: str, limit: int = 30) -> list[Release]:
    day = func.date(func.timezone("UTC", Earning.hold_until))
    rows = db.session.execute(
        select(day, func.count(), func.sum(Earning.amount_cents))
        .where(Earning.labeler_id == labeler_id, Earning.released_at.is_(None))
        .group_by(day)
        .order_by(day)
        .limit(limit)
    )
    return [Release(found, answers, int(cents)) for found, answers, cents in rows]


def payouts_of(labeler_id: str, limit: int = 20) -> list[PayoutRow]:
    items = db.session.scalars(
        select(Item).where(Item.labeler_id == labeler_id).order_by(Item.created_at.desc()).limit(limit)
    )
    return [PayoutRow(i.created_at, i.updated_at, i.amount_cents, i.currency, i.state.value, i.reason) for i in items]


def stripe_account_of(labeler_id: str) -> PayoutAccount | None:
    return db.session.get(PayoutAccount, labeler_id)
