"""Payouts as finance staff see them: what waits, runs, and items with everything that happened to them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import and_, func, literal, or_, select

from marketplace.db import db
from marketplace.errors import NotFound
from marketplace.models import Labeler, User
from marketplace.reports.listing import Found, Wish, fetch, find_row
from payouts import payout_run, runs
from payouts.chart import Code, Kind
from payouts.models import (
    Attempt,
    Earning,
    Item,
    ItemState,
    LedgerAccount,
    LedgerEntry,
    LedgerTransfer,
    Rail,
    Run,
    RunState,
)

# States in which an item does nothing until a person does something.
WAITS_FOR_PEOPLE = (ItemState.HELD, ItemState.MANUAL, ItemState.FAILED, ItemState.UNKNOWN)
# States in which the money has left the labeler's available money for good or for now.
GONE = (ItemState.SENDING, ItemState.UNKNOWN, ItemState.MANUAL, ItemState.PAID, ItemState.REVERSED)


def names_of(ids: Iterable[str | None]) -> dict[str, str]:
    """Names of users and labelers by their ids."""
    wanted = {one for one in ids if one}
    users = db.session.execute(select(User.id, User.name).where(User.id.in_(wanted)))
    labelers = db.session.execute(select(Labeler.id, Labeler.name).where(Labeler.id.in_(wanted)))
    return {one.id: one.name for one in (*users, *labelers)}


# What waits


@dataclass(frozen=True)
class DueRow:
    labeler_id: str
    name: str
    amount_cents: int
    reason: str | None  # why not this time; none for whoever is due


@dataclass(frozen=True)
class Queue:
    """Everything that waits for somebody of finance."""

    due: list[DueRow]
    excluded: list[DueRow]
    runs: list["RunRow"]
    items: list["ItemRow"]
    oldest_at: datetime | None

    @property
    def due_cents(self) -> int:
        return sum(row.amount_cents for row in self.due)

    @property
    def count(self) -> int:
        return len(self.due) + sum(row.payouts for row in self.open_runs) + len(self.items)

    @property
    def cents(self) -> int:
        return self.due_cents + sum(r.cents for r in self.open_runs) + sum(r.item.amount_cents for r in self.items)

    @property
    def open_runs(self) -> list["RunRow"]:
        return [row for row in self.runs if row.run.state in (RunState.DRAFT, RunState.FROZEN)]


def queue(rail: Rail, minimum_cents: int) -> Queue:
    session = db.session()
    plan = payout_run.plan(runs.payees(session), rail=rail, minimum_cents=minimum_cents)
    names = names_of([due.labeler_id for due in plan.due] + [one.labeler_id for one in plan.excluded])
    waiting_runs = _run_rows(Run.state.in_((RunState.DRAFT, RunState.FROZEN, RunState.APPROVED)))
    unfinished = Run.state.in_((RunState.APPROVED, RunState.DONE))
    items = [
        _item_row(row)
        for row in db.session.execute(
            _items().where(Item.state.in_(WAITS_FOR_PEOPLE), unfinished).order_by(Item.updated_at).limit(200)
        )
    ]
    due = [DueRow(one.labeler_id, names.get(one.labeler_id, "?"), one.amount_cents, None) for one in plan.due]
    excluded = [
        DueRow(one.labeler_id, names.get(one.labeler_id, "?"), one.amount_cents, one.reason.value)
        for one in plan.excluded
        if one.reason is not payout_run.Exclusion.PAYOUT_OPEN
    ]
    oldest = [_oldest_available() if due else None, *(row.run.created_at for row in waiting_runs)]
    oldest += [row.item.updated_at for row in items]
    return Queue(due, excluded, waiting_runs, items, min((at for at in oldest if at), default=None))


def _oldest_available() -> datetime | None:
    """Since when the oldest available money waits: what was released after the labeler's last payout."""
    last_payout = (
        select(func.max(Item.created_at))
        .where(Item.labeler_id == Earning.labeler_id, Item.state.in_((ItemState.PAID, *GONE)))
        .scalar_subquery()
    )
    return db.session.scalar(
        select(func.min(Earning.released_at))
        .join(LedgerAccount, LedgerAccount.owner_id == Earning.labeler_id)
        .where(
            LedgerAccount.kind == Kind.LABELER_AVAILABLE.value,
            LedgerAccount.balance_cents > 0,
            Earning.released_at > func.coalesce(last_payout, literal(datetime(1970, 1, 1, tzinfo=UTC))),
        )
    )


# Runs


@dataclass(frozen=True)
class RunRow:
    run: Run
    payouts: int
    cents: int
    paid: int
    maker: str

    def waits_for(self, user_id: str) -> str:
        """What has to be done next, as this person should read it."""
        if self.run.state is RunState.DRAFT:
            return "to be frozen"
        if self.run.state is RunState.FROZEN:
            is_maker = user_id in (self.run.created_by, self.run.frozen_by)
            return "another person's approval" if is_maker else "your approval"
        if self.run.state is RunState.APPROVED:
            return f"{self.payouts - self.paid} to be settled"
        return ""


def _counted() -> Any:
    counts = Item.state != ItemState.CANCELED
    return (
        select(
            Item.run_id,
            func.count().filter(counts).label("payouts"),
            func.coalesce(func.sum(Item.amount_cents).filter(counts), 0).label("cents"),
            func.count().filter(Item.state.in_((ItemState.PAID, ItemState.REVERSED))).label("paid"),
        )
        .group_by(Item.run_id)
        .subquery()
    )


def _runs(counted: Any) -> Any:
    return (
        select(Run, counted.c.payouts, counted.c.cents, counted.c.paid, User.name)
        .join(counted, counted.c.run_id == Run.id)
        .outerjoin(User, User.id == Run.created_by)
    )


def _run_row(row: Any) -> RunRow:
    return RunRow(row[0], row[1], int(row[2]), row[3], row[4] or row[0].created_by)


def _run_rows(where: Any) -> list[RunRow]:
    return [_run_row(row) for row in db.session.execute(_runs(_counted()).where(where).order_by(Run.id))]


def run_list(wish: Wish, state: RunState | None) -> Found[RunRow]:
    counted = _counted()
    statement = _runs(counted)
    if state is not None:
        statement = statement.where(Run.state == state)
    columns = {"created": Run.created_at, "payouts": counted.c.payouts, "amount": counted.c.cents, "state": Run.state}
    return fetch(statement, wish, columns=columns, default="-created", tie=Run.id, convert=_run_row)


def find_run(run_id: str) -> Run:
    run = db.session.get(Run, run_id)
    if run is None:
        raise NotFound("There is no payout run with this id.")
    return run


# Items


@dataclass(frozen=True)
class ItemRow:
    item: Item
    run: Run
    labeler: str
    email: str


def _items() -> Any:
    return (
        select(Item, Run, Labeler.name, Labeler.email)
        .join(Run, Run.id == Item.run_id)
        .outerjoin(Labeler, Labeler.id == Item.labeler_id)
    )


def _item_row(row: Any) -> ItemRow:
    return ItemRow(row[0], row[1], row[2] or row[0].labeler_id, row[3] or "")


ITEM_COLUMNS = {
    "labeler": func.lower(Labeler.name),
    "amount": Item.amount_cents,
    "state": Item.state,
    "created": Item.created_at,
    "updated": Item.updated_at,
}


def item_list(wish: Wish, *, state: ItemState | None, run_id: str | None = None, words: str = "") -> Found[ItemRow]:
    statement = _items()
    if state is not None:
        statement = statement.where(Item.state == state)
    if run_id is not None:
        statement = statement.where(Item.run_id == run_id)
    if words:
        like = f"%{words.replace('%', '')}%"
        exact = (Item.id, Item.labeler_id, Item.stripe_transfer_id)
        statement = statement.where(
            or_(Labeler.name.ilike(like), Labeler.email.ilike(like), *(column == words for column in exact))
        )
    return fetch(statement, wish, columns=ITEM_COLUMNS, default="-created", tie=Item.id, convert=_item_row)


def items_of(run_id: str) -> Sequence[ItemRow]:
    """All payouts of a run: a bank's file must be whole."""
    return [_item_row(row) for row in db.session.execute(_items().where(Item.run_id == run_id).order_by(Item.id))]


def items_of_labeler(labeler_id: str, limit: int = 50) -> Sequence[ItemRow]:
    rows = db.session.execute(
        _items().where(Item.labeler_id == labeler_id).order_by(Item.created_at.desc()).limit(limit)
    )
    return [_item_row(row) for row in rows]


def find_item(item_id: str) -> ItemRow:
    return _item_row(find_row(_items().where(Item.id == item_id), "There is no payout with this id."))


@dataclass(frozen=True)
class UnknownRow:
    """An attempt that Stripe did not answer clearly, with the evidence there is."""

    attempt: Attempt
    item: Item
    labeler: str


def unknown_attempts() -> list[UnknownRow]:
    rows = db.session.execute(
        select(Attempt, Item, Labeler.name)
        .join(Item, Item.id == Attempt.item_id)
        .outerjoin(Labeler, Labeler.id == Item.labeler_id)
        .where(Item.state == ItemState.UNKNOWN, Attempt.state.in_(("unknown", "sending")))
        .order_by(Attempt.first_sent_at)
        .limit(200)
    )
    return [UnknownRow(attempt, item, name or item.labeler_id) for attempt, item, name in rows]


def transfers_of(item_id: str) -> Sequence[LedgerTransfer]:
    """Every movement of the item's money on the ledger, oldest first."""
    of_item = LedgerTransfer.details["item_id"].astext == item_id
    in_transit = (
        select(LedgerEntry.transfer_id)
        .join(LedgerAccount, LedgerAccount.id == LedgerEntry.account_id)
        .where(LedgerAccount.kind == Kind.PAYOUT_IN_TRANSIT.value, LedgerAccount.owner_id == item_id)
    )
    reversals = and_(LedgerTransfer.code == Code.PAYOUT_REVERSE.value, of_item)
    return db.session.scalars(
        select(LedgerTransfer).where(or_(LedgerTransfer.id.in_(in_transit), reversals)).order_by(LedgerTransfer.id)
    ).all()
