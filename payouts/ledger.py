"""The ledger: `post` is its only writer; `balance` and `entries_of` read it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import bindparam, func, select, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Session

from payouts.chart import CHART, CREDIT, DEBIT, PLATFORM, Code, Kind
from payouts.errors import InsufficientFunds, KeyConflict
from payouts.models import LedgerAccount, LedgerEntry, LedgerTransfer

_POST = text(
    "SELECT * FROM ledger_post(:key, :code, :entries, :effective_at, :details, :source_id, :reverses_id)"
).bindparams(bindparam("entries", type_=JSONB), bindparam("details", type_=JSONB))


@dataclass(frozen=True)
class Leg:
    """One side of a transfer; the amount is signed: debit positive, credit negative."""

    kind: Kind
    owner_id: str
    amount_cents: int
    currency: str = "USD"


@dataclass(frozen=True)
class Posted:
    transfer_id: int
    created: bool  # false: the key was posted before, with the same entries


def debit(kind: Kind, amount_cents: int, owner_id: str = PLATFORM, currency: str = "USD") -> Leg:
    return Leg(kind, owner_id, DEBIT * amount_cents, currency)


def credit(kind: Kind, amount_cents: int, owner_id: str = PLATFORM, currency: str = "USD") -> Leg:
    return Leg(kind, owner_id, CREDIT * amount_cents, currency)


def post(
    session: Session,
    key: str,
    code: Code,
    entries: Sequence[Leg],
    *,
    effective_at: datetime | None = None,
    details: Mapping[str, Any] | None = None,
    source_id: str | None = None,
    reverses_id: int | None = None,
) -> Posted:
    """Write a transfer with all its entries, once per business key.

    Raises InsufficientFunds if a guarded account would fall below zero, KeyConflict if the key stands for something
    else; after either the session's transaction can go on. Guarded accounts stay locked until it ends.
    """
    assert sum(leg.amount_cents for leg in entries) == 0 or len({leg.currency for leg in entries}) > 1, (
        "a transfer must balance"
    )
    session.flush()
    answer = session.execute(
        _POST,
        {
            "key": key,
            "code": code.value,
            "entries": [
                {
                    "kind": leg.kind.value,
                    "owner_id": leg.owner_id,
                    "currency": leg.currency,
                    "amount_cents": leg.amount_cents,
                }
                for leg in entries
            ],
            "effective_at": effective_at or datetime.now(UTC),
            "details": dict(details or {}),
            "source_id": source_id,
            "reverses_id": reverses_id,
        },
    ).one()
    if answer.status == "insufficient":
        raise InsufficientFunds(answer.available_cents, answer.needed_cents)
    if answer.status == "conflict":
        raise KeyConflict(key)
    return Posted(answer.transfer_id, created=answer.status == "posted")


def correct(session: Session, transfer_id: int, *, reason: str, by: str) -> Posted:
    """Post the reverse of a transfer: how a mistake is put right on a ledger where nothing is changed. Once only."""
    transfer = session.get_one(LedgerTransfer, transfer_id)
    legs = [
        Leg(Kind(e.account.kind), e.account.owner_id, -e.amount_cents, e.account.currency) for e in transfer.entries
    ]
    details = {"reason": reason, "by": by}
    return post(session, f"correct:{transfer_id}", Code.CORRECT, legs, details=details, reverses_id=transfer_id)


def balance(session: Session, kind: Kind, owner_id: str = PLATFORM, currency: str = "USD") -> int:
    """The balance on the account's normal side; zero for an account that nothing has moved yet."""
    account = session.execute(
        select(LedgerAccount.id, LedgerAccount.balance_cents).where(
            LedgerAccount.kind == kind.value, LedgerAccount.owner_id == owner_id, LedgerAccount.currency == currency
        )
    ).one_or_none()
    if account is None:
        return 0
    if account.balance_cents is not None:
        return int(account.balance_cents)
    total = session.scalar(
        select(func.coalesce(func.sum(LedgerEntry.amount_cents), 0)).where(LedgerEntry.account_id == account.id)
    )
    return CHART[kind].normal_side * int(total or 0)


def find(session: Session, key: str) -> LedgerTransfer | None:
    """The transfer of a business key."""
    return session.scalar(select(LedgerTransfer).where(LedgerTransfer.key == key))
