"""What a payment service must do for us, in our words: the one place where Stripe could be exchanged for another."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Protocol


class Answer(StrEnum):
    """What the service's reply to a transfer means for the money."""

    CONFIRMED = "confirmed"
    REJECTED = "rejected"  # definitely not executed
    BUSY = "busy"  # not executed yet: ask again later with the same key
    UNKNOWN = "unknown"  # no clear reply: executed or not
    BROKEN = "broken"  # the key stands for something else; a person must look


@dataclass(frozen=True)
class Outcome:
    answer: Answer
    transfer_id: str | None = None
    code: str | None = None
    message: str | None = None
    request_id: str | None = None
    replayed: bool = False  # the reply to an earlier call with this key
    not_let_in: bool = False  # 401 or 403: refused at the door, which says nothing about an earlier call


@dataclass(frozen=True)
class Reversal:
    id: str
    amount_cents: int


@dataclass(frozen=True)
class SeenTransfer:
    """A transfer as the service has it now."""

    id: str
    amount_cents: int
    currency: str
    destination: str
    group: str | None
    attempt_id: str | None
    reversals: tuple[Reversal, ...]


@dataclass(frozen=True)
class AccountStatus:
    """Whether a labeler's account can receive, and reach a bank."""

    account_id: str
    transfers_active: bool
    payouts_enabled: bool
    currently_due: tuple[str, ...]
    disabled_reason: str | None


@dataclass(frozen=True)
class BankPayout:
    id: str
    account_id: str
    amount_cents: int
    currency: str
    status: str
    failure_code: str | None
    arrives_at: datetime | None


@dataclass(frozen=True)
class BalanceTransaction:
    id: str
    source_id: str
    type: str
    net_cents: int
    currency: str
    created_at: datetime


@dataclass(frozen=True)
class Event:
    """A verified webhook: a hint which object to look at, never a fact."""

    id: str
    type: str
    account: str | None
    object_id: str
    payload: dict[str, Any]


class PayoutRail(Protocol):
    def transfer(self, params: Mapping[str, Any], *, key: str) -> Outcome: ...
    def find_transfers(self, group: str) -> list[SeenTransfer]: ...
    def read_transfer(self, transfer_id: str) -> SeenTransfer: ...
    def read_account(self, account_id: str) -> AccountStatus: ...
    def read_bank_payout(self, payout_id: str, account_id: str) -> BankPayout: ...
    def open_account(self, labeler_id: str, *, country: str, email: str) -> AccountStatus: ...
    def onboarding_url(self, account_id: str, *, return_url: str, refresh_url: str) -> str: ...
    def available_cents(self, currency: str) -> int: ...
    def balance_transactions(self, since: datetime) -> Iterator[BalanceTransaction]: ...
    def verify(self, body: bytes, signature: str) -> Event: ...


class RailDown(Exception):
    """The service could not be asked; nothing was changed there that we know of."""


class NotThere(RailDown):
    """The service answered that it has no such thing; asking again will not help."""
