"""settle: earnings whose hold has ended, approved payout runs, and what Stripe tells us; the money leaves here."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

from flask import current_app
from sqlalchemy import select
from sqlalchemy.orm import Session

from marketplace.auth import settings
from marketplace.clock import utc_now
from marketplace.db import db, transaction
from marketplace.queue import enqueue, enqueue_once, job
from payouts import attempts, postings, runs, webhooks
from payouts.errors import PayoutRefused, PayoutsError
from payouts.models import Item, ItemState, Rail, Run, RunState
from payouts.rail import BalanceTransaction, RailDown
from payouts.reconcile import Reconciliation, reconcile
from payouts.stripe_gateway import StripeGateway

log = logging.getLogger(__name__)

HOLDS_AT_ONCE = 200
HOLD_BATCHES_MAX = 50
HINTS_MAX = 500  # attempts, events and runs that one look enqueues
# Before Labelyard there was nothing to compare.
BEGINNING = datetime(2020, 1, 1, tzinfo=UTC)


def gateway() -> StripeGateway | None:
    """Stripe, where its key is set; without one, payouts are paid by hand."""
    known = settings()
    if not known.stripe_api_key:
        return None
    if "stripe" not in current_app.extensions:
        current_app.extensions["stripe"] = StripeGateway(
            known.stripe_api_key, webhook_secret=known.stripe_webhook_secret, api_base=known.stripe_api_base
        )
    made: StripeGateway = current_app.extensions["stripe"]
    return made


def rail() -> Rail:
    """The way on which the next run's money leaves."""
    return Rail.STRIPE if settings().stripe_api_key else Rail.MANUAL


@contextmanager
def _session() -> Iterator[Session]:
    with transaction():
        yield db.session()


# Holds


def release_due_holds() -> None:
    """Make earnings whose hold has ended available, some hundreds in one transaction."""
    for _ in range(HOLD_BATCHES_MAX):
        with _session() as session:
            due = postings.due_holds(session, utc_now(), HOLDS_AT_ONCE)
            released = sum(_release(session, assignment_id) for assignment_id in due)
        if released < HOLDS_AT_ONCE:
            return


def _release(session: Session, assignment_id: str) -> bool:
    try:
        with session.begin_nested():
            return postings.release_hold(session, assignment_id, utc_now()) is not None
    except PayoutsError:  # one row that cannot go must not keep all others
        log.exception("an earning cannot be released", extra={"assignment_id": assignment_id})
        return False


# Runs and their payouts


def resume_payouts() -> None:
    """Find what waits for a step, in the rows: payouts of approved runs, attempts left open, events not applied."""
    now = utc_now()
    with _session() as session:
        waiting_runs = session.scalars(
            select(Run.id)
            .join(Item)
            .where(Run.state == RunState.APPROVED, Item.in_content, Item.state == ItemState.READY)
            .distinct()
            .limit(HINTS_MAX)
        ).all()
        due = attempts.due_attempts(session, now, HINTS_MAX) if gateway() else []
        events = webhooks.open_events(session, now, HINTS_MAX) if gateway() else []
    for run_id in waiting_runs:
        enqueue_once(send_run, run_id)
    for attempt_id in due:
        enqueue_once(step_attempt, attempt_id)
    for event_id in events:
        enqueue_once(apply_event, event_id)


@job(queue="money", timeout_seconds=900)
def send_run(run_id: str) -> None:
    """Open an attempt for each payout of an approved run that has not left; one that died midway goes on here."""
    with _session() as session:
        try:
            items = [item.id for item in runs.to_send(session, run_id)]
        except PayoutRefused as error:  # the invariants page shows it; a person must look
            log.error("run not sent", extra={"run_id": run_id, "error": str(error)})
            return
    for item_id in items:
        with _session() as session:
            attempt = attempts.open_attempt(session, item_id, utc_now())
            if attempt is not None and attempt.item.run.rail is Rail.STRIPE:
                enqueue(step_attempt, attempt.id)


@job(queue="money", timeout_seconds=180)
def step_attempt(attempt_id: str) -> None:
    """Send one payout, or look for it; Stripe out of reach leaves it to the next `resume_payouts`."""
    stripe = gateway()
    if stripe is None:
        return
    try:
        attempts.step(_session, stripe, attempt_id, utc_now())
    except RailDown as error:
        log.warning("stripe is away", extra={"attempt_id": attempt_id, "error": str(error)})


# What Stripe tells us


def keep_event(body: bytes, signature: str) -> bool:
    """Store a webhook that Stripe signed, to be applied by a job; false without Stripe. Raises BadSignature."""
    stripe = gateway()
    if stripe is None:
        return False
    event = stripe.verify(body, signature)
    webhooks.keep(db.session(), event, utc_now())
    enqueue(apply_event, event.id)
    return True


@job(queue="money", timeout_seconds=180)
def apply_event(event_id: str) -> None:
    stripe = gateway()
    if stripe is None:
        return
    try:
        outcome = webhooks.apply(_session, stripe, event_id, utc_now())
        log.info("stripe event applied", extra={"event_id": event_id, "outcome": outcome})
    except RailDown as error:
        log.warning("stripe is away", extra={"event_id": event_id, "error": str(error)})


# Reconciliation


def compare_with_stripe() -> Reconciliation | None:
    """Our balance at Stripe, movement by movement, against the ledger; none without Stripe. Raises RailDown."""
    stripe = gateway()
    if stripe is None:
        return None
    seen = list(stripe.balance_transactions(BEGINNING))
    with _session() as session:
        return reconcile(session, seen)


def find_top_up(source_id: str) -> BalanceTransaction | None:
    """Money that was moved to our balance at Stripe, as Stripe shows it. Raises RailDown."""
    stripe = gateway()
    if stripe is None:
        return None
    seen = (one for one in stripe.balance_transactions(BEGINNING) if one.type == "topup")
    return next((one for one in seen if one.source_id == source_id), None)
