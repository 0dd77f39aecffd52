"""What finance staff decide about payouts and money, each decision with its line in the audit trail."""

from datetime import datetime
from typing import Any

from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from marketplace import decisions
from marketplace.db import db
from marketplace.errors import InvalidInput, NotFound
from marketplace.models import Customer, User
from marketplace.pipeline import settle
from marketplace.queue import enqueue
from payouts import attempts, ledger, postings, runs
from payouts.chart import Code
from payouts.errors import KeyConflict, PayoutRefused
from payouts.ledger import Posted
from payouts.models import Item, ItemState, LedgerTransfer, Run
from payouts.rail import BalanceTransaction

REFERENCE_CHARACTERS_MAX = 100
CORRECTABLE = {Code.FUND.value, Code.TOP_UP.value}


def _session() -> Session:
    return db.session()


def _record(by: User, action: str, subject_id: str, **details: Any) -> None:
    decisions.record(by, f"payout.{action}", subject_id, **details)


# Runs


def build_run(by: User, minimum_cents: int, now: datetime) -> Run:
    try:
        run = runs.build_run(_session(), by=by.id, now=now, rail=settle.rail(), minimum_cents=minimum_cents)
    except IntegrityError as error:  # a labeler is in one open payout at a time; the database decides who was first
        raise PayoutRefused(
            "Somebody else built a run with the same labelers at this moment. Look at theirs."
        ) from error
    _record(by, "build", run.id, payouts=len(run.items), cents=sum(item.amount_cents for item in run.items))
    return run


def freeze(by: User, run_id: str, now: datetime) -> Run:
    run = runs.freeze(_session(), run_id, by=by.id, now=now)
    _record(by, "freeze", run.id, content_hash=run.content_hash)
    return run


def approve(by: User, run_id: str, content_hash: str, now: datetime) -> Run:
    """From here on the payouts leave by themselves."""
    run = runs.approve(_session(), run_id, by=by.id, content_hash=content_hash, now=now)
    _record(by, "approve", run.id, content_hash=content_hash)
    enqueue(settle.send_run, run.id)
    return run


def cancel(by: User, run_id: str, reason: str, now: datetime) -> Run:
    run = runs.cancel(_session(), run_id, by=by.id, reason=reason, now=now)
    _record(by, "cancel", run.id, reason=reason)
    return run


# Single payouts


def hold(by: User, item_id: str, reason: str, now: datetime) -> Item:
    item = runs.hold_item(_session(), item_id, by=by.id, reason=reason, now=now)
    _record(by, "hold", item.id, reason=reason)
    return item


def release(by: User, item_id: str, reason: str, now: datetime) -> Item:
    item = runs.release_item(_session(), item_id, by=by.id, reason=reason, now=now)
    _record(by, "release", item.id, reason=reason)
    enqueue(settle.send_run, item.run_id)
    return item


def drop(by: User, item_id: str, reason: str, now: datetime) -> Item:
    """Take a payout out of its run; the labeler is due again."""
    item = runs.cancel_item(_session(), item_id, by=by.id, reason=reason, now=now)
    _record(by, "drop", item.id, reason=reason)
    return item


def send_again(by: User, item_id: str, now: datetime) -> Item:
    item = runs.send_again(_session(), item_id, by=by.id, now=now)
    _record(by, "send again", item.id)
    enqueue(settle.send_run, item.run_id)
    return item


def mark_paid(by: User, item_id: str, reference: str, now: datetime) -> Item:
    """The bank has paid it, under this reference."""
    if len(reference) > REFERENCE_CHARACTERS_MAX:
        raise PayoutRefused(f"A reference has at most {REFERENCE_CHARACTERS_MAX} characters.")
    item = attempts.confirm_manual(_session(), item_id, by=by.id, reference=reference, now=now)
    _record(by, "mark paid", item.id, reference=reference)
    return item


def mark_refused(by: User, item_id: str, reason: str, now: datetime) -> Item:
    """The bank has not paid it; the money is the labeler's again."""
    item = attempts.reject_manual(_session(), item_id, by=by.id, reason=reason, now=now)
    _record(by, "mark refused", item.id, reason=reason)
    return item


def give_up(by: User, item_id: str, now: datetime) -> Item:
    """Decide that an unknown transfer does not exist."""
    item = _session().get_one(Item, item_id)
    if item.state is not ItemState.UNKNOWN:
        raise PayoutRefused(f"This payout is {item.state}, not unknown.")
    attempts.give_up(_session(), item.attempts[-1].id, by=by.id, now=now)
    _record(by, "give up", item.id, attempt_id=item.attempts[-1].id)
    return item


# Money that comes in


def fund(by: User, customer: Customer, cents: int, reference: str) -> bool:
    """Credit a wire that has reached our bank; false if this reference was credited before."""
    reference = reference.strip()
    if not 0 < len(reference) <= REFERENCE_CHARACTERS_MAX:
        raise InvalidInput(
            f"Please give the wire's reference, at most {REFERENCE_CHARACTERS_MAX} characters.", "reference"
        )
    try:
        posted = postings.fund_customer(_session(), customer.id, cents, key=f"wire:{reference}")
    except KeyConflict as error:
        raise InvalidInput(
            "This reference was credited before, with another amount or customer.", "reference"
        ) from error
    if posted.created:
        decisions.record(by, "customer.fund", customer.id, cents=cents, reference=reference)
    return posted.created


def correct(by: User, transfer_id: int, reason: str) -> Posted:
    """Post the reverse of a credit that was a mistake; where it was done before, what was posted then.

    Raises InvalidInput for any other transfer: a task or a payout stands for it, and would no longer agree with the
    ledger. Raises InsufficientFunds where the money is spent or reserved by now.
    """
    if not reason.strip() or len(reason) > decisions.REASON_CHARACTERS_MAX:
        raise InvalidInput(f"Please say why, in at most {decisions.REASON_CHARACTERS_MAX} characters.", "reason")
    transfer = _session().get(LedgerTransfer, transfer_id)
    if transfer is None:
        raise NotFound(f"There is no transfer {transfer_id}.")
    if transfer.code not in CORRECTABLE:
        which = " and ".join(sorted(CORRECTABLE))
        raise InvalidInput(
            f"Transfer {transfer_id} is {transfer.code}; by hand only {which} are corrected.", "transfer"
        )
    posted = ledger.correct(_session(), transfer_id, reason=reason.strip(), by=by.id)
    if posted.created:
        decisions.record(by, "ledger.correct", str(transfer_id), reason=reason.strip())
    return posted


def record_top_up(by: User, seen: BalanceTransaction) -> bool:
    """Book a top-up that Stripe shows and the ledger does not know yet."""
    posted = postings.top_up_stripe(_session(), seen.net_cents, seen.source_id, seen.currency)
    if posted.created:
        _record(by, "top up", seen.source_id, cents=seen.net_cents)
    return posted.created
