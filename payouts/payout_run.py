"""Who is due and how much: pure over balances."""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from payouts.models import Rail


class Exclusion(StrEnum):
    """Why a labeler with money is not paid this time; the money waits for the next run."""

    BELOW_MINIMUM = "below the minimum"
    PAYOUT_OPEN = "another payout is not settled yet"
    NO_ACCOUNT = "no account at Stripe yet"
    CANNOT_RECEIVE = "Stripe needs more details before it can receive money"


@dataclass(frozen=True)
class Payee:
    """A labeler with money available, and where it can go."""

    labeler_id: str
    available_cents: int
    account_id: str | None
    can_receive: bool
    has_open_payout: bool


@dataclass(frozen=True)
class Due:
    labeler_id: str
    amount_cents: int
    destination: str | None


@dataclass(frozen=True)
class Excluded:
    labeler_id: str
    amount_cents: int
    reason: Exclusion


@dataclass(frozen=True)
class Plan:
    due: tuple[Due, ...]
    excluded: tuple[Excluded, ...]


def plan(payees: Iterable[Payee], *, rail: Rail, minimum_cents: int) -> Plan:
    """Everybody with money is either due, with all of it, or excluded with the first reason that applies."""
    due, excluded = [], []
    for payee in sorted(payees, key=lambda payee: payee.labeler_id):
        reason = _exclusion(payee, rail, minimum_cents)
        if reason is None:
            destination = payee.account_id if rail is Rail.STRIPE else None
            due.append(Due(payee.labeler_id, payee.available_cents, destination))
        elif payee.available_cents > 0:
            excluded.append(Excluded(payee.labeler_id, payee.available_cents, reason))
    return Plan(tuple(due), tuple(excluded))


def _exclusion(payee: Payee, rail: Rail, minimum_cents: int) -> Exclusion | None:
    if payee.available_cents < max(minimum_cents, 1):
        return Exclusion.BELOW_MINIMUM
    if payee.has_open_payout:
        return Exclusion.PAYOUT_OPEN
    if rail is Rail.STRIPE and payee.account_id is None:
        return Exclusion.NO_ACCOUNT
    if rail is Rail.STRIPE and not payee.can_receive:
        return Exclusion.CANNOT_RECEIVE
    return None


@dataclass(frozen=True)
class Content:
    """What one item of a run pays, as it is hashed when the run is frozen."""

    item_id: str
    labeler_id: str
    amount_cents: int
    currency: str
    destination: str | None


def content_hash(run_id: str, contents: Iterable[Content]) -> str:
    """The fingerprint of a run's payments: whoever approves it approves exactly these."""
    rows = sorted((c.item_id, c.labeler_id, c.amount_cents, c.currency, c.destination) for c in contents)
    return hashlib.sha256(json.dumps([run_id, rows]).encode()).hexdigest()
