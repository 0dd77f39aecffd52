"""The tables of the ledger (written by `ledger.post` alone) and of payouts; owners are opaque ids, no key leads out."""

import secrets
import time
from datetime import datetime
from enum import StrEnum
from typing import Any, ClassVar

from sqlalchemy import BigInteger, DateTime, Enum, ForeignKey, Identity, MetaData, Text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship


class Base(DeclarativeBase):
    metadata = MetaData()
    type_annotation_map: ClassVar = {
        str: Text,
        datetime: DateTime(timezone=True),
        dict[str, Any]: JSONB,
        list[Any]: JSONB,
    }


def new_id() -> str:
    """24 hexadecimal digits in order of creation, as everywhere in the product."""
    return f"{time.time_ns() // 1_000_000:012x}{secrets.token_hex(6)}"


def _words(kind: type[StrEnum]) -> Enum:
    return Enum(kind, native_enum=False, create_constraint=False, values_callable=lambda enum: [e.value for e in enum])


# The ledger: read only here, and in the database for the application's role


class LedgerAccount(Base):
    __tablename__ = "ledger_account"

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    kind: Mapped[str]
    owner_id: Mapped[str]
    currency: Mapped[str]
    guarded: Mapped[bool]
    balance_cents: Mapped[int | None] = mapped_column(BigInteger)
    created_at: Mapped[datetime]


class LedgerTransfer(Base):
    __tablename__ = "ledger_transfer"

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    key: Mapped[str]
    params_hash: Mapped[str]
    code: Mapped[str]
    effective_at: Mapped[datetime]
    created_at: Mapped[datetime]
    details: Mapped[dict[str, Any]]
    source_id: Mapped[str | None]  # Stripe's id of the same movement, for the reconciliation
    reverses_id: Mapped[int | None] = mapped_column(ForeignKey("ledger_transfer.id"))

    entries: Mapped[list["LedgerEntry"]] = relationship(viewonly=True, order_by="LedgerEntry.id")


class LedgerEntry(Base):
    __tablename__ = "ledger_entry"

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    transfer_id: Mapped[int] = mapped_column(ForeignKey("ledger_transfer.id"))
    account_id: Mapped[int] = mapped_column(ForeignKey("ledger_account.id"))
    amount_cents: Mapped[int] = mapped_column(BigInteger)  # debit positive, credit negative
    balance_after_cents: Mapped[int | None] = mapped_column(BigInteger)

    account: Mapped[LedgerAccount] = relationship(viewonly=True, lazy="joined")
    transfer: Mapped[LedgerTransfer] = relationship(viewonly=True)


# Payouts


class Earning(Base):
    """One accepted answer's money and how long it is held."""

    __tablename__ = "payout_earning"

    assignment_id: Mapped[str] = mapped_column(primary_key=True)
    labeler_id: Mapped[str]
    task_id: Mapped[str | None]
    amount_cents: Mapped[int] = mapped_column(BigInteger)
    currency: Mapped[str]
    earned_at: Mapped[datetime]
    hold_until: Mapped[datetime]
    released_at: Mapped[datetime | None]


class PayoutAccount(Base):
    """A labeler's account at Stripe: money can be sent when both flags are up."""

    __tablename__ = "payout_account"

    labeler_id: Mapped[str] = mapped_column(primary_key=True)
    stripe_account_id: Mapped[str] = mapped_column(unique=True)
    transfers_active: Mapped[bool] = mapped_column(default=False)
    payouts_enabled: Mapped[bool] = mapped_column(default=False)
    currently_due: Mapped[list[Any]] = mapped_column(default=list)
    disabled_reason: Mapped[str | None]
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]


class Rail(StrEnum):
    STRIPE = "stripe"
    MANUAL = "manual"  # exported as CSV, paid by the bank, confirmed by finance


class RunState(StrEnum):
    DRAFT = "draft"
    FROZEN = "frozen"  # its content is hashed; a change makes it a draft again
    APPROVED = "approved"  # by another person, for exactly that hash
    DONE = "done"
    CANCELED = "canceled"


RUN_MOVES: dict[RunState, set[RunState]] = {
    RunState.DRAFT: {RunState.FROZEN, RunState.CANCELED},
    RunState.FROZEN: {RunState.DRAFT, RunState.APPROVED, RunState.CANCELED},
    RunState.APPROVED: {RunState.DONE},
    RunState.DONE: {RunState.APPROVED},  # a failed payout is sent again
}


class Run(Base):
    __tablename__ = "payout_run"

    id: Mapped[str] = mapped_column(primary_key=True, default=new_id)
    state: Mapped[RunState] = mapped_column(_words(RunState))
    rail: Mapped[Rail] = mapped_column(_words(Rail))
    currency: Mapped[str]
    excluded: Mapped[list[Any]]  # [{labeler_id, amount_cents, reason}]: who was not due, and why
    created_by: Mapped[str]
    created_at: Mapped[datetime]
    frozen_by: Mapped[str | None]
    frozen_at: Mapped[datetime | None]
    content_hash: Mapped[str | None]
    approved_by: Mapped[str | None]
    approved_at: Mapped[datetime | None]
    approved_hash: Mapped[str | None]
    finished_at: Mapped[datetime | None]

    items: Mapped[list["Item"]] = relationship(back_populates="run", order_by="Item.labeler_id")


class ItemState(StrEnum):
    READY = "ready"
    HELD = "held"
    SENDING = "sending"
    UNKNOWN = "unknown"  # Stripe did not answer clearly: neither paid nor not paid until it does
    MANUAL = "manual"  # exported; waits for finance to confirm it
    PAID = "paid"
    FAILED = "failed"  # refused; the money is back with the labeler and may be sent again
    REVERSED = "reversed"
    CANCELED = "canceled"


ITEM_MOVES: dict[ItemState, set[ItemState]] = {
    ItemState.READY: {ItemState.HELD, ItemState.SENDING, ItemState.MANUAL, ItemState.FAILED, ItemState.CANCELED},
    ItemState.HELD: {ItemState.READY, ItemState.CANCELED},
    ItemState.SENDING: {ItemState.UNKNOWN, ItemState.PAID, ItemState.FAILED, ItemState.HELD, ItemState.REVERSED},
    ItemState.UNKNOWN: {ItemState.SENDING, ItemState.PAID, ItemState.FAILED, ItemState.HELD, ItemState.REVERSED},
    ItemState.MANUAL: {ItemState.PAID, ItemState.FAILED},
    ItemState.PAID: {ItemState.REVERSED},
    ItemState.FAILED: {ItemState.READY, ItemState.CANCELED},
}
ITEMS_UNSETTLED = (
    ItemState.READY,
    ItemState.HELD,
    ItemState.SENDING,
    ItemState.UNKNOWN,
    ItemState.MANUAL,
    ItemState.FAILED,
)


class Item(Base):
    """One labeler's payout in a run."""

    __tablename__ = "payout_item"

    id: Mapped[str] = mapped_column(primary_key=True, default=new_id)
    run_id: Mapped[str] = mapped_column(ForeignKey("payout_run.id"))
    labeler_id: Mapped[str]
    amount_cents: Mapped[int] = mapped_column(BigInteger)
    currency: Mapped[str]
    destination: Mapped[str | None]
    state: Mapped[ItemState] = mapped_column(_words(ItemState))
    in_content: Mapped[bool] = mapped_column(default=False)
    reason: Mapped[str | None]
    decided_by: Mapped[str | None]
    decided_at: Mapped[datetime | None]
    stripe_transfer_id: Mapped[str | None] = mapped_column(unique=True)
    reversed_cents: Mapped[int] = mapped_column(BigInteger, default=0)
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]

    run: Mapped[Run] = relationship(back_populates="items")
    attempts: Mapped[list["Attempt"]] = relationship(back_populates="item", order_by="Attempt.number")


class AttemptState(StrEnum):
    INTENT = "intent"  # the money is set aside; nothing has been sent
    SENDING = "sending"
    UNKNOWN = "unknown"
    CONFIRMED = "confirmed"
    REJECTED = "rejected"


class Attempt(Base):
    """One try to send an item's money: its own key at Stripe, its own reservation in the ledger, frozen parameters."""

    __tablename__ = "payout_attempt"

    id: Mapped[str] = mapped_column(primary_key=True, default=new_id)
    item_id: Mapped[str] = mapped_column(ForeignKey("payout_item.id"))
    number: Mapped[int]
    state: Mapped[AttemptState] = mapped_column(_words(AttemptState))
    idempotency_key: Mapped[str] = mapped_column(unique=True)
    params: Mapped[dict[str, Any]]
    created_at: Mapped[datetime]
    first_sent_at: Mapped[datetime | None]
    sends: Mapped[int] = mapped_column(default=0)
    lease_token: Mapped[str | None]
    lease_until: Mapped[datetime | None]
    lookups: Mapped[int] = mapped_column(default=0)
    looked_up_at: Mapped[datetime | None]
    stripe_transfer_id: Mapped[str | None] = mapped_column(unique=True)
    reference: Mapped[str | None]
    decided_by: Mapped[str | None]
    error_code: Mapped[str | None]
    error_message: Mapped[str | None]
    request_id: Mapped[str | None]
    resolved_at: Mapped[datetime | None]

    item: Mapped[Item] = relationship(back_populates="attempts")


class Arrival(Base):
    """A payout from a labeler's account at Stripe to the bank; even `paid` may still become `failed`."""

    __tablename__ = "payout_arrival"

    stripe_payout_id: Mapped[str] = mapped_column(primary_key=True)
    stripe_account_id: Mapped[str]
    amount_cents: Mapped[int] = mapped_column(BigInteger)
    currency: Mapped[str]
    status: Mapped[str]
    failure_code: Mapped[str | None]
    arrives_at: Mapped[datetime | None]
    updated_at: Mapped[datetime]


class WebhookEvent(Base):
    """What Stripe told us, kept before anything is done about it."""

    __tablename__ = "webhook_event"

    id: Mapped[str] = mapped_column(primary_key=True)
    type: Mapped[str]
    account: Mapped[str | None]
    object_id: Mapped[str]
    payload: Mapped[dict[str, Any]]
    received_at: Mapped[datetime]
    applied_at: Mapped[datetime | None]
    outcome: Mapped[str | None]
