"""Sending a payout so that it leaves exactly once, whatever breaks in between.

1. `open_attempt`: one transaction sets the money aside and writes down what will be sent, under which key.
2. `step`: claims the attempt (a lease), commits, and only then calls the payment service.
3. The reply decides: confirmed; definitely not executed, so the money is the labeler's again; or unknown, and then the
   same key is tried again while the service still remembers it, after which only looking helps.
No network call happens inside a transaction; a process killed anywhere leaves a row that `due_attempts` finds.
"""

import logging
import secrets
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from payouts import postings, runs
from payouts.errors import InsufficientFunds, PayoutRefused
from payouts.models import Attempt, AttemptState, Item, ItemState, Rail, Run, RunState, new_id
from payouts.rail import Answer, Outcome, PayoutRail, SeenTransfer

log = logging.getLogger(__name__)

Transaction = Callable[[], AbstractContextManager[Session]]

# Stripe forgets a key after 24 h at the earliest; the same key would then make a second transfer.
SAME_KEY_MAX = timedelta(hours=23)
# Longer than a call can take (time-out 20 s, no retries inside), so that a lease that ended means a dead process.
LEASE = timedelta(seconds=120)
BUSY_PAUSE = timedelta(seconds=15)
UNKNOWN_PAUSE = timedelta(seconds=30)
PAUSE_MAX = timedelta(hours=1)
LOOKUP_PAUSE = timedelta(hours=1)
OPEN = (AttemptState.INTENT, AttemptState.SENDING, AttemptState.UNKNOWN)
# Refusals that the labeler must mend: a hold, not a failure.
LABELERS_TO_MEND = {"insufficient_capabilities_for_transfer", "account_invalid", "resource_missing"}
# Codes of our own: sending with this key again can only repeat the same unclear reply.
KEY_BROKEN, KEY_SPENT = "idempotency_key_broken", "error_replayed"


def open_attempt(session: Session, item_id: str, now: datetime) -> Attempt | None:
    """Set an item's money aside and write down what is to be sent; none if the item is not to be sent now."""
    item = runs.lock_item(session, item_id)
    run = item.run
    if run.state is not RunState.APPROVED or not item.in_content or item.state is not ItemState.READY:
        return None
    attempt_id = new_id()
    attempt = Attempt(
        id=attempt_id,
        number=1 + len(item.attempts),
        state=AttemptState.INTENT,
        idempotency_key=f"att_{attempt_id}",
        params=_params(attempt_id, item) if run.rail is Rail.STRIPE else {},
        created_at=now,
    )
    try:
        postings.reserve_payout(session, attempt, item)
    except InsufficientFunds as error:
        runs.move_item(item, ItemState.FAILED, now)
        item.reason = f"The labeler's available money has changed. {error}"
        session.flush()
        return None
    item.attempts.append(attempt)
    runs.move_item(item, ItemState.SENDING if run.rail is Rail.STRIPE else ItemState.MANUAL, now)
    item.reason = None
    session.flush()
    return attempt


def _params(attempt_id: str, item: Item) -> dict[str, Any]:
    """What the service is asked, the same at every try; `transfer_group` finds it again when the key is forgotten."""
    return {
        "amount": item.amount_cents,
        "currency": item.currency.lower(),
        "destination": item.destination,
        "transfer_group": item.id,
        "metadata": {"attempt": attempt_id, "item": item.id, "run": item.run_id},
    }


def due_attempts(session: Session, now: datetime, limit: int) -> Sequence[str]:
    """Attempts that wait for a step, oldest first: never sent, or left alone by whoever was sending them."""
    return session.scalars(
        select(Attempt.id)
        .join(Item)
        .join(Run)
        .where(
            Run.rail == Rail.STRIPE,
            Attempt.state.in_(OPEN),
            or_(Attempt.lease_until.is_(None), Attempt.lease_until <= now),
        )
        .order_by(Attempt.id)
        .limit(limit)
    ).all()


def step(transaction: Transaction, rail: PayoutRail, attempt_id: str, now: datetime) -> None:
    """Bring one attempt forward: send it, or look for it where sending again could pay twice."""
    with transaction() as session:
        claim = _claim(session, attempt_id, now)
    if claim is None:
        return
    if claim.look_up:
        _look_up(transaction, rail, claim, now)
        return
    outcome = rail.transfer(claim.params, key=claim.key)
    log.info("transfer answered", extra={"attempt_id": attempt_id, "answer": outcome.answer, "code": outcome.code})
    with transaction() as session:
        _apply(session, claim, outcome, now)


@dataclass(frozen=True)
class _Claim:
    """One process's right to work on an attempt; the token fences off whoever comes back after losing it."""

    attempt_id: str
    item_id: str
    token: str
    key: str
    params: dict[str, Any]
    look_up: bool


def _claim(session: Session, attempt_id: str, now: datetime) -> _Claim | None:
    attempt = _lock(session, attempt_id)
    if attempt.state not in OPEN or (attempt.lease_until is not None and attempt.lease_until > now):
        return None
    look_up = not may_send(attempt, now)
    attempt.lease_token, attempt.lease_until = secrets.token_hex(8), now + LEASE
    if not look_up:
        attempt.state = AttemptState.SENDING
        attempt.first_sent_at = attempt.first_sent_at or now
        attempt.sends += 1
    session.flush()
    return _Claim(
        attempt.id, attempt.item_id, attempt.lease_token, attempt.idempotency_key, dict(attempt.params), look_up
    )


def may_send(attempt: Attempt, now: datetime) -> bool:
    """Whether the same key still protects: later, or once the key is spent, only looking is safe."""
    if attempt.error_code in (KEY_BROKEN, KEY_SPENT):
        return False
    return attempt.first_sent_at is None or now - attempt.first_sent_at < SAME_KEY_MAX


def _apply(session: Session, claim: _Claim, outcome: Outcome, now: datetime) -> None:
    attempt = _lock(session, claim.attempt_id)
    if attempt.state not in OPEN:
        return
    if outcome.answer is Answer.CONFIRMED:
        assert outcome.transfer_id is not None
        confirm(session, attempt, outcome.transfer_id, now)
        return
    if attempt.lease_token != claim.token:
        return  # somebody else has taken over since; only a confirmation is true for ever
    attempt.error_code, attempt.error_message = outcome.code, outcome.message
    if outcome.answer is Answer.BROKEN:
        attempt.error_code = KEY_BROKEN
    elif outcome.answer is Answer.UNKNOWN and outcome.replayed:
        attempt.error_code = KEY_SPENT
    attempt.request_id = outcome.request_id
    # Refused at the door says nothing about an earlier call that got in and was never answered.
    unclear_before = attempt.sends > 1 and outcome.not_let_in
    if outcome.answer is Answer.REJECTED and not unclear_before:
        reject(session, attempt, now)
        return
    if outcome.answer is Answer.BUSY:
        attempt.lease_until = now + BUSY_PAUSE
    else:
        _leave_unknown(attempt, now)
    session.flush()


def _leave_unknown(attempt: Attempt, now: datetime) -> None:
    attempt.state = AttemptState.UNKNOWN
    attempt.lease_until = now + min(UNKNOWN_PAUSE * 2 ** min(attempt.sends - 1, 10), PAUSE_MAX)
    if attempt.item.state is ItemState.SENDING:
        runs.move_item(attempt.item, ItemState.UNKNOWN, now)


def confirm(session: Session, attempt: Attempt, transfer_id: str, now: datetime) -> None:
    """The transfer exists. The attempt, the ledger and the item say so together."""
    item = attempt.item
    attempt.state, attempt.resolved_at, attempt.lease_until = AttemptState.CONFIRMED, now, None
    attempt.stripe_transfer_id = item.stripe_transfer_id = transfer_id
    postings.confirm_payout(session, attempt, item, item.run.rail, source_id=transfer_id)
    runs.move_item(item, ItemState.PAID, now)
    item.reason = None
    runs.finish_if_settled(session, item.run, now)
    session.flush()


def reject(session: Session, attempt: Attempt, now: datetime) -> None:
    """The transfer definitely does not exist: the money is the labeler's again, in the same transaction."""
    item = attempt.item
    attempt.state, attempt.resolved_at, attempt.lease_until = AttemptState.REJECTED, now, None
    postings.reject_payout(session, attempt, item)
    runs.move_item(item, ItemState.HELD if attempt.error_code in LABELERS_TO_MEND else ItemState.FAILED, now)
    item.reason = attempt.error_message
    runs.finish_if_settled(session, item.run, now)
    session.flush()


def _look_up(transaction: Transaction, rail: PayoutRail, claim: _Claim, now: datetime) -> None:
    """Ask for the transfers of the item's group: found settles it, not found is a person's decision (`give_up`)."""
    found = rail.find_transfers(claim.item_id)
    with transaction() as session:
        attempt = _lock(session, claim.attempt_id)
        if attempt.state not in OPEN:
            return
        transfer = next((seen for seen in found if seen.attempt_id == attempt.id), None)
        if transfer is not None:
            confirm(session, attempt, transfer.id, now)
            return
        _leave_unknown(attempt, now)
        attempt.lookups += 1
        attempt.looked_up_at, attempt.lease_until = now, now + LOOKUP_PAUSE
        session.flush()


def may_give_up(attempt: Attempt) -> bool:
    """A lookup after the last moment at which the transfer could have been made found nothing."""
    if attempt.state is not AttemptState.UNKNOWN or attempt.first_sent_at is None or attempt.looked_up_at is None:
        return False
    return attempt.looked_up_at >= attempt.first_sent_at + SAME_KEY_MAX


def give_up(session: Session, attempt_id: str, *, by: str, now: datetime) -> None:
    """A person decides that an unknown transfer does not exist; the money is the labeler's again."""
    attempt = _lock(session, attempt_id)
    if not may_give_up(attempt):
        raise PayoutRefused("This payout may still have been made. Wait until a look at Stripe after 23 h finds none.")
    attempt.decided_by = by
    reject(session, attempt, now)


def confirm_seen(session: Session, seen: SeenTransfer, now: datetime) -> Item | None:
    """A transfer that the service told us of: settle its attempt if that is still open. The item that it paid.

    None for a transfer that is not ours, or that contradicts what we hold; the reconciliation shows the latter.
    """
    if seen.attempt_id is None or session.get(Attempt, seen.attempt_id) is None:
        return None
    attempt = _lock(session, seen.attempt_id)
    if attempt.state in OPEN:
        confirm(session, attempt, seen.id, now)
    return attempt.item if attempt.stripe_transfer_id == seen.id else None


# The manual rail: the bank pays, people confirm


def confirm_manual(session: Session, item_id: str, *, by: str, reference: str, now: datetime) -> Item:
    """Finance has seen the money leave the bank, under this reference."""
    attempt = _lock_manual(session, item_id)
    if not reference.strip():
        raise PayoutRefused("Please give the bank's reference.")
    attempt.reference, attempt.decided_by = reference.strip(), by
    attempt.state, attempt.resolved_at = AttemptState.CONFIRMED, now
    postings.confirm_payout(session, attempt, attempt.item, Rail.MANUAL, source_id=None)
    runs.move_item(attempt.item, ItemState.PAID, now)
    runs.finish_if_settled(session, attempt.item.run, now)
    session.flush()
    return attempt.item


def reject_manual(session: Session, item_id: str, *, by: str, reason: str, now: datetime) -> Item:
    """The bank did not pay; the money is the labeler's again."""
    attempt = _lock_manual(session, item_id)
    attempt.decided_by, attempt.error_message = by, reason.strip() or "The bank did not pay."
    reject(session, attempt, now)
    return attempt.item


def _lock_manual(session: Session, item_id: str) -> Attempt:
    item = runs.lock_item(session, item_id)
    if item.state is not ItemState.MANUAL:
        raise PayoutRefused(f"This payout is {item.state}; it does not wait for the bank.")
    return item.attempts[-1]


def _lock(session: Session, attempt_id: str) -> Attempt:
    """The attempt, by the lock on its run."""
    runs.lock_item(session, session.get_one(Attempt, attempt_id).item_id)
    return session.get_one(Attempt, attempt_id, populate_existing=True)
