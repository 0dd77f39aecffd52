"""The ledger as finance staff read it: accounts with their balances, transfers with their entries."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, case, cast, func, or_, select

from marketplace.db import db
from marketplace.errors import NotFound
from marketplace.models import Customer, Labeler
from marketplace.reports.listing import Found, Wish, fetch, find_row
from payouts.chart import CHART, Code, Kind
from payouts.models import LedgerAccount, LedgerEntry, LedgerTransfer

KIND_WORDS = {
    Kind.BANK: "Our bank",
    Kind.STRIPE_AVAILABLE: "Our balance at Stripe",
    Kind.CUSTOMER_FUNDS: "Customer's funds",
    Kind.TASK_RESERVE: "Task's reserve",
    Kind.LABELER_HELD: "Labeler, held",
    Kind.LABELER_AVAILABLE: "Labeler, available",
    Kind.PAYOUT_IN_TRANSIT: "Payout in transit",
    Kind.FEE_REVENUE: "Fees earned",
    Kind.GOLD_EXPENSE: "Gold paid by us",
}
CODE_WORDS = {
    Code.FUND: "customer paid in",
    Code.TOP_UP: "moved to Stripe",
    Code.RESERVE: "reserved for a task",
    Code.REFUND_RESERVE: "reserve given back",
    Code.EARN: "answer accepted",
    Code.EARN_GOLD: "gold answer accepted",
    Code.RELEASE: "hold ended",
    Code.REVENUE: "fee earned",
    Code.PAYOUT_RESERVE: "payout set aside",
    Code.PAYOUT_CONFIRM: "payout left",
    Code.PAYOUT_REJECT: "payout refused",
    Code.PAYOUT_REVERSE: "payout came back",
    Code.CORRECT: "correction",
}


@dataclass(frozen=True)
class AccountRow:
    """An account with its balance on its normal side."""

    account: LedgerAccount
    owner: str
    balance_cents: int
    entries: int

    @property
    def words(self) -> str:
        return KIND_WORDS[Kind(self.account.kind)]


def _accounts() -> tuple[Any, dict[str, Any]]:
    totals = (
        select(
            LedgerEntry.account_id,
            func.count().label("entries"),
            cast(func.sum(LedgerEntry.amount_cents), BigInteger).label("cents"),
        )
        .group_by(LedgerEntry.account_id)
        .subquery()
    )
    side = case({kind.value: rule.normal_side for kind, rule in CHART.items()}, value=LedgerAccount.kind)
    balance = func.coalesce(LedgerAccount.balance_cents, totals.c.cents * side, 0)
    owner = func.coalesce(Customer.name, Labeler.name, LedgerAccount.owner_id)
    statement = (
        select(LedgerAccount, owner, balance, func.coalesce(totals.c.entries, 0))
        .outerjoin(totals, totals.c.account_id == LedgerAccount.id)
        .outerjoin(Customer, Customer.id == LedgerAccount.owner_id)
        .outerjoin(Labeler, Labeler.id == LedgerAccount.owner_id)
    )
    columns = {"kind": LedgerAccount.kind, "owner": owner, "balance": balance, "entries": totals.c.entries}
    return statement, columns


def _account_row(row: Any) -> AccountRow:
    return AccountRow(row[0], row[1], int(row[2]), row[3])


def accounts(wish: Wish, *, kind: Kind | None, words: str = "", with_empty: bool = False) -> Found[AccountRow]:
    statement, columns = _accounts()
    if kind is not None:
        statement = statement.where(LedgerAccount.kind == kind.value)
    if not with_empty:
        statement = statement.where(columns["balance"] != 0)
    if words:
        statement = statement.where(
            or_(columns["owner"].ilike(f"%{words.replace('%', '')}%"), LedgerAccount.owner_id == words)
        )
    return fetch(statement, wish, columns=columns, default="kind", tie=LedgerAccount.id, convert=_account_row)


def find_account(account_id: int) -> AccountRow:
    statement, _ = _accounts()
    one = statement.where(LedgerAccount.id == account_id)
    return _account_row(find_row(one, "There is no account with this number."))


@dataclass(frozen=True)
class Total:
    """All accounts of one kind and currency together."""

    kind: Kind
    currency: str
    cents: int
    accounts: int

    @property
    def words(self) -> str:
        return KIND_WORDS[self.kind]

    @property
    def is_debit(self) -> bool:
        return CHART[self.kind].normal_side > 0


def totals() -> list[Total]:
    rows = db.session.execute(
        select(
            LedgerAccount.kind,
            LedgerAccount.currency,
            func.coalesce(func.sum(LedgerEntry.amount_cents), 0),
            func.count(LedgerAccount.id.distinct()),
        )
        .outerjoin(LedgerEntry, LedgerEntry.account_id == LedgerAccount.id)
        .group_by(LedgerAccount.kind, LedgerAccount.currency)
    ).all()
    found = [Total(Kind(kind), currency, int(c) * CHART[Kind(kind)].normal_side, n) for kind, currency, c, n in rows]
    return sorted(found, key=lambda total: (total.currency, list(Kind).index(total.kind)))


# Transfers


@dataclass(frozen=True)
class TransferRow:
    transfer: LedgerTransfer
    cents: int  # the debits: what moved

    @property
    def words(self) -> str:
        return CODE_WORDS[Code(self.transfer.code)]


@dataclass(frozen=True)
class Filter:
    """What transfers to show; nothing is all."""

    code: Code | None = None
    words: str = ""  # an id in the details, a key, or Stripe's id
    since: datetime | None = None
    until: datetime | None = None


def transfers(wish: Wish, wanted: Filter) -> Found[TransferRow]:
    moved = (
        select(func.sum(LedgerEntry.amount_cents))
        .where(LedgerEntry.transfer_id == LedgerTransfer.id, LedgerEntry.amount_cents > 0)
        .scalar_subquery()
    )
    statement = select(LedgerTransfer, moved)
    if wanted.code is not None:
        statement = statement.where(LedgerTransfer.code == wanted.code.value)
    if wanted.since is not None:
        statement = statement.where(LedgerTransfer.effective_at >= wanted.since)
    if wanted.until is not None:
        statement = statement.where(LedgerTransfer.effective_at < wanted.until)
    if wanted.words:
        owned = (
            select(LedgerEntry.transfer_id)
            .join(LedgerAccount, LedgerAccount.id == LedgerEntry.account_id)
            .where(LedgerAccount.owner_id == wanted.words)
        )
        statement = statement.where(
            or_(
                LedgerTransfer.key.endswith(wanted.words, autoescape=True),
                LedgerTransfer.source_id == wanted.words,
                LedgerTransfer.id.in_(owned),
            )
        )
    return fetch(
        statement,
        wish,
        columns={"at": LedgerTransfer.effective_at, "code": LedgerTransfer.code, "amount": moved},
        default="-at",
        tie=LedgerTransfer.id,
        convert=lambda row: TransferRow(row[0], int(row[1] or 0)),
    )


def find_transfer(transfer_id: int) -> LedgerTransfer:
    transfer = db.session.get(LedgerTransfer, transfer_id)
    if transfer is None:
        raise NotFound("There is no transfer with this number.")
    return transfer


@dataclass(frozen=True)
class EntryRow:
    """One entry of an account, as a gain or a loss on its normal side."""

    entry: LedgerEntry
    transfer: LedgerTransfer
    cents: int

    @property
    def words(self) -> str:
        return CODE_WORDS[Code(self.transfer.code)]


def entries_of(account: LedgerAccount, wish: Wish) -> Found[EntryRow]:
    side = CHART[Kind(account.kind)].normal_side
    statement: Any = (
        select(LedgerEntry, LedgerTransfer)
        .join(LedgerTransfer, LedgerTransfer.id == LedgerEntry.transfer_id)
        .where(LedgerEntry.account_id == account.id)
    )
    return fetch(
        statement,
        wish,
        columns={"at": LedgerTransfer.effective_at, "amount": LedgerEntry.amount_cents * side},
        default="-at",
        tie=LedgerEntry.id,
        convert=lambda row: EntryRow(row[0], row[1], row[0].amount_cents * side),
    )


def owners_of(entries: Sequence[LedgerEntry]) -> Mapping[str, str]:
    """Names of the customers and labelers that own the entries' accounts."""
    ids = {entry.account.owner_id for entry in entries}
    customers = db.session.execute(select(Customer.id, Customer.name).where(Customer.id.in_(ids)))
    labelers = db.session.execute(select(Labeler.id, Labeler.name).where(Labeler.id.in_(ids)))
    return {one.id: one.name for one in (*customers, *labelers)}
