"""Stripe's webhooks: kept first, then applied by fetching the object they hint at, in whatever order they come."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from payouts import accounts, attempts, postings, runs
from payouts.attempts import Transaction
from payouts.models import Arrival, Item, ItemState, PayoutAccount, WebhookEvent
from payouts.rail import AccountStatus, BankPayout, Event, NotThere, PayoutRail, SeenTransfer

TRANSFER = ("transfer.created", "transfer.updated", "transfer.reversed")
BANK_PAYOUT = ("payout.created", "payout.updated", "payout.paid", "payout.failed", "payout.canceled")
ACCOUNT = (
    "account.updated",
    "capability.updated",
    "account.external_account.created",
    "account.external_account.updated",
    "account.external_account.deleted",
)
# As long as Stripe itself would send an event again; what it tells of is in the reconciliation after that.
TRIED_FOR = timedelta(days=3)


def keep(session: Session, event: Event, now: datetime) -> bool:
    """Store a verified event; false for one that came before."""
    kept = session.execute(
        insert(WebhookEvent)
        .values(
            id=event.id,
            type=event.type,
            account=event.account,
            object_id=event.object_id,
            payload=event.payload,
            received_at=now,
        )
        .on_conflict_do_nothing()
        .returning(WebhookEvent.id)
    )
    return kept.one_or_none() is not None


def open_events(session: Session, now: datetime, limit: int) -> Sequence[str]:
    """Events not applied yet, oldest first; one that could not be applied for days is left to people."""
    waiting = select(WebhookEvent.id).where(
        WebhookEvent.applied_at.is_(None), WebhookEvent.received_at > now - TRIED_FOR
    )
    return session.scalars(waiting.order_by(WebhookEvent.received_at).limit(limit)).all()


def apply(transaction: Transaction, rail: PayoutRail, event_id: str, now: datetime) -> str:
    """Fetch what the event is about and bring our rows up to it; says what came of it. Applying twice is harmless."""
    with transaction() as session:
        event = session.get_one(WebhookEvent, event_id)
        if event.applied_at is not None:
            return event.outcome or ""
        type_, object_id, account_id = event.type, event.object_id, event.account
    try:
        change = _fetch(rail, type_, object_id, account_id)
    except NotThere:
        change = _unchanged("not at Stripe any more")
    with transaction() as session:
        return _done(session, event_id, change(session, now), now)


Change = Callable[[Session, datetime], str]


def _fetch(rail: PayoutRail, type_: str, object_id: str, account_id: str | None) -> Change:
    """What there is to change, from the object as it is now: the event itself may be old, or come out of order."""
    if type_ in TRANSFER:
        seen = rail.read_transfer(object_id)
        return lambda session, now: _apply_transfer(session, seen, now)
    if type_ in BANK_PAYOUT and account_id is not None:
        payout = rail.read_bank_payout(object_id, account_id)
        return lambda session, now: _apply_bank_payout(session, payout, now)
    if type_ in ACCOUNT:
        status = rail.read_account(account_id or object_id)
        return lambda session, now: _apply_account(session, status, now)
    return _unchanged("not used")


def _unchanged(why: str) -> Change:
    return lambda _session, _now: why


def _apply_account(session: Session, status: AccountStatus, now: datetime) -> str:
    account = session.scalar(
        select(PayoutAccount).where(PayoutAccount.stripe_account_id == status.account_id).with_for_update()
    )
    if account is None:
        return "not ours"
    accounts.apply_status(account, status, now)
    return "account updated"


def _done(session: Session, event_id: str, outcome: str, now: datetime) -> str:
    event = session.get_one(WebhookEvent, event_id)
    event.applied_at, event.outcome = now, outcome
    return outcome


def _apply_transfer(session: Session, seen: SeenTransfer, now: datetime) -> str:
    item = attempts.confirm_seen(session, seen, now)
    if item is None:
        return "not ours"
    for reversal in seen.reversals:
        posted = postings.reverse_payout(session, item, reversal.id, reversal.amount_cents)
        if posted.created:
            item.reversed_cents += reversal.amount_cents
    if item.state is ItemState.PAID and item.reversed_cents >= item.amount_cents:
        runs.move_item(item, ItemState.REVERSED, now)
        item.reason = "Stripe gave the transfer back."
    session.flush()
    return f"payout {item.state}"


def _apply_bank_payout(session: Session, payout: BankPayout, now: datetime) -> str:
    """Followed, not posted: the money left us with the transfer, and a failed one returns to the labeler's account."""
    known = session.get(Arrival, payout.id, with_for_update=True)
    if known is None:
        known = Arrival(stripe_payout_id=payout.id, stripe_account_id=payout.account_id)
        session.add(known)
    known.amount_cents, known.currency = payout.amount_cents, payout.currency
    known.status, known.failure_code = payout.status, payout.failure_code
    known.arrives_at, known.updated_at = payout.arrives_at, now
    session.flush()
    return f"bank payout {payout.status}"


def arrivals(session: Session, item: Item) -> Sequence[Arrival]:
    """What has gone from the labeler's account at Stripe to the bank since the item was paid."""
    if item.destination is None:
        return []
    rows = select(Arrival).where(Arrival.stripe_account_id == item.destination, Arrival.updated_at >= item.updated_at)
    return session.scalars(rows.order_by(Arrival.updated_at)).all()
