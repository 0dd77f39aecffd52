"""Whose money we hold: customers with funds and reserves, labelers with what is held, available and on its way."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, or_, select

from marketplace.errors import NotFound
from marketplace.models import Customer, Labeler, Task
from marketplace.reports.listing import Found, Wish, fetch
from payouts.chart import Kind
from payouts.models import Item, ItemState, LedgerAccount, PayoutAccount


def _balances(kind: Kind) -> Any:
    return (
        select(LedgerAccount.owner_id, LedgerAccount.balance_cents.label("cents"))
        .where(LedgerAccount.kind == kind.value, LedgerAccount.currency == "USD")
        .subquery()
    )


# Customers


@dataclass(frozen=True)
class CustomerRow:
    customer: Customer
    funds_cents: int
    reserved_cents: int
    open_tasks: int


def customers(wish: Wish, words: str = "", customer_id: str | None = None) -> Found[CustomerRow]:
    funds, reserves = _balances(Kind.CUSTOMER_FUNDS), _balances(Kind.TASK_RESERVE)
    reserved = (
        select(
            Task.customer_id,
            func.sum(reserves.c.cents).label("cents"),
            func.count().filter(reserves.c.cents > 0).label("tasks"),
        )
        .join(reserves, reserves.c.owner_id == Task.id)
        .group_by(Task.customer_id)
        .subquery()
    )
    funds_cents, reserved_cents = func.coalesce(funds.c.cents, 0), func.coalesce(reserved.c.cents, 0)
    statement = (
        select(Customer, funds_cents, reserved_cents, func.coalesce(reserved.c.tasks, 0))
        .outerjoin(funds, funds.c.owner_id == Customer.id)
        .outerjoin(reserved, reserved.c.customer_id == Customer.id)
    )
    if customer_id is not None:
        statement = statement.where(Customer.id == customer_id)
    if words:
        like = f"%{words.replace('%', '')}%"
        statement = statement.where(or_(Customer.name.ilike(like), Customer.email.ilike(like), Customer.id == words))
    columns = {"name": func.lower(Customer.name), "funds": funds_cents, "reserved": reserved_cents}
    return fetch(
        statement,
        wish,
        columns=columns,
        default="name",
        tie=Customer.id,
        convert=lambda row: CustomerRow(row[0], int(row[1]), int(row[2]), row[3]),
    )


def find_customer(customer_id: str) -> CustomerRow:
    rows = customers(Wish(), customer_id=customer_id).rows
    if not rows:
        raise NotFound("There is no customer with this id.")
    return rows[0]


# Labelers


@dataclass(frozen=True)
class LabelerMoney:
    labeler: Labeler
    account: PayoutAccount | None
    held_cents: int
    available_cents: int
    in_transit_cents: int
    paid_cents: int


def labelers(wish: Wish, words: str = "", labeler_id: str | None = None) -> Found[LabelerMoney]:
    held, available = _balances(Kind.LABELER_HELD), _balances(Kind.LABELER_AVAILABLE)
    moving = (ItemState.SENDING, ItemState.UNKNOWN, ItemState.MANUAL)
    payouts = (
        select(
            Item.labeler_id,
            func.sum(Item.amount_cents).filter(Item.state.in_(moving)).label("in_transit"),
            func.sum(Item.amount_cents - Item.reversed_cents).filter(Item.state == ItemState.PAID).label("paid"),
        )
        .group_by(Item.labeler_id)
        .subquery()
    )
    columns = {
        "name": func.lower(Labeler.name),
        "held": func.coalesce(held.c.cents, 0),
        "available": func.coalesce(available.c.cents, 0),
        "transit": func.coalesce(payouts.c.in_transit, 0),
        "paid": func.coalesce(payouts.c.paid, 0),
    }
    statement = (
        select(Labeler, PayoutAccount, columns["held"], columns["available"], columns["transit"], columns["paid"])
        .outerjoin(PayoutAccount, PayoutAccount.labeler_id == Labeler.id)
        .outerjoin(held, held.c.owner_id == Labeler.id)
        .outerjoin(available, available.c.owner_id == Labeler.id)
        .outerjoin(payouts, payouts.c.labeler_id == Labeler.id)
    )
    if labeler_id is not None:
        statement = statement.where(Labeler.id == labeler_id)
    if words:
        like = f"%{words.replace('%', '')}%"
        exact = (Labeler.id == words, PayoutAccount.stripe_account_id == words)
        statement = statement.where(or_(Labeler.name.ilike(like), Labeler.email.ilike(like), *exact))
    return fetch(
        statement,
        wish,
        columns=columns,
        default="-available",
        tie=Labeler.id,
        convert=lambda row: LabelerMoney(row[0], row[1], *map(int, row[2:])),
    )


def find_labeler(labeler_id: str) -> LabelerMoney:
    rows = labelers(Wish(), labeler_id=labeler_id).rows
    if not rows:
        raise NotFound("There is no labeler with this id.")
    return rows[0]
