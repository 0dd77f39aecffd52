"""A payout run's life: built by one person, frozen, approved by another, then sent; items are held and let go."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from payouts import payout_run
from payouts.chart import Kind
from payouts.errors import PayoutRefused
from payouts.models import (
    ITEM_MOVES,
    ITEMS_UNSETTLED,
    RUN_MOVES,
    Item,
    ItemState,
    LedgerAccount,
    PayoutAccount,
    Rail,
    Run,
    RunState,
)

REASON_CHARACTERS_MAX = 500


def build_run(
    session: Session, *, by: str, now: datetime, rail: Rail, minimum_cents: int, currency: str = "USD"
) -> Run:
    """A draft that pays everybody who is due all that is available to them."""
    plan = payout_run.plan(payees(session, currency), rail=rail, minimum_cents=minimum_cents)
    if not plan.due:
        raise PayoutRefused("Nobody is due: no labeler has enough available that is not in an open payout already.")
    run = Run(
        state=RunState.DRAFT,
        rail=rail,
        currency=currency,
        excluded=[asdict(excluded) for excluded in plan.excluded],
        created_by=by,
        created_at=now,
    )
    run.items = [
        Item(
            labeler_id=due.labeler_id,
            amount_cents=due.amount_cents,
            currency=currency,
            destination=due.destination,
            state=ItemState.READY,
            created_at=now,
            updated_at=now,
        )
        for due in plan.due
    ]
    session.add(run)
    session.flush()
    return run


def payees(session: Session, currency: str = "USD") -> list[payout_run.Payee]:
    """Everybody with money available, and what stands in the way of paying it."""
    open_payout = (
        select(Item.id)
        .where(Item.labeler_id == LedgerAccount.owner_id, Item.currency == currency, Item.state.in_(ITEMS_UNSETTLED))
        .exists()
    )
    rows = session.execute(
        select(LedgerAccount.owner_id, LedgerAccount.balance_cents, PayoutAccount, open_payout)
        .outerjoin(PayoutAccount, PayoutAccount.labeler_id == LedgerAccount.owner_id)
        .where(
            LedgerAccount.kind == Kind.LABELER_AVAILABLE.value,
            LedgerAccount.currency == currency,
            LedgerAccount.balance_cents > 0,
        )
    )
    return [
        payout_run.Payee(
            labeler_id=labeler_id,
            available_cents=cents or 0,
            account_id=account.stripe_account_id if account else None,
            can_receive=bool(account and account.transfers_active and account.payouts_enabled),
            has_open_payout=has_open,
        )
        for labeler_id, cents, account, has_open in rows
    ]


def lock_run(session: Session, run_id: str) -> Run:
    """The run, locked until the transaction ends: its state and its items change one step at a time."""
    run = session.get_one(Run, run_id, with_for_update=True, populate_existing=True)
    session.scalars(select(Item).where(Item.run_id == run_id).execution_options(populate_existing=True)).all()
    assert run.items is not None, "loaded here, so that no later step flushes half of a change by loading them"
    return run


def freeze(session: Session, run_id: str, *, by: str, now: datetime) -> Run:
    """Fix what the run pays; held items stay behind. `by` vouches for it and cannot approve it."""
    run = lock_run(session, run_id)
    for item in run.items:
        item.in_content = item.state is ItemState.READY
    if not any(item.in_content for item in run.items):
        raise PayoutRefused("Every payout of this run is held; there is nothing to freeze.")
    _move_run(run, RunState.FROZEN)
    run.frozen_by, run.frozen_at, run.content_hash = by, now, current_hash(run)
    session.flush()
    return run


def current_hash(run: Run) -> str:
    contents = [
        payout_run.Content(item.id, item.labeler_id, item.amount_cents, item.currency, item.destination)
        for item in run.items
        if item.in_content
    ]
    return payout_run.content_hash(run.id, contents)


def approve(session: Session, run_id: str, *, by: str, content_hash: str, now: datetime) -> Run:
    """A second person approves the content that was shown; anything else than that content is refused."""
    run = lock_run(session, run_id)
    if by in (run.created_by, run.frozen_by):
        raise PayoutRefused("Whoever built or froze a run cannot approve it. Another person must.")
    if run.state is not RunState.FROZEN or run.content_hash != content_hash or current_hash(run) != content_hash:
        raise PayoutRefused("The run has changed since you looked at it. Look at it again.")
    _move_run(run, RunState.APPROVED)
    run.approved_by, run.approved_at, run.approved_hash = by, now, content_hash
    session.flush()
    return run


def cancel(session: Session, run_id: str, *, by: str, reason: str, now: datetime) -> Run:
    """Give up a run that was not approved; its labelers are due again."""
    run = lock_run(session, run_id)
    for item in run.items:
        decide(item, ItemState.CANCELED, by=by, reason=_checked(reason), now=now)
    _move_run(run, RunState.CANCELED)
    run.finished_at = now
    session.flush()
    return run


def hold_item(session: Session, item_id: str, *, by: str, reason: str, now: datetime) -> Item:
    """Stop one payout that has not left. Before the approval this makes the run a draft again."""
    item = lock_item(session, item_id)
    if item.state is not ItemState.READY:
        raise PayoutRefused(f"This payout is {item.state}; only one that has not left can be held.")
    decide(item, ItemState.HELD, by=by, reason=_checked(reason), now=now)
    _void_freeze(item.run)
    session.flush()
    return item


def release_item(session: Session, item_id: str, *, by: str, reason: str, now: datetime) -> Item:
    """Let a held payout go.

    In a run not yet approved it joins the run, which becomes a draft again. In an approved run it leaves if the
    approval covered it; otherwise it is canceled there, and the labeler is due in the next run.
    """
    item = lock_item(session, item_id)
    if item.state is not ItemState.HELD:
        raise PayoutRefused(f"This payout is {item.state}, not held.")
    covered = item.run.state in (RunState.DRAFT, RunState.FROZEN) or item.in_content
    decide(item, ItemState.READY if covered else ItemState.CANCELED, by=by, reason=_checked(reason), now=now)
    _void_freeze(item.run)
    _reopen(item.run)
    session.flush()
    return item


def send_again(session: Session, item_id: str, *, by: str, now: datetime) -> Item:
    """Let a refused payout be tried again, by a new attempt with a new key."""
    item = lock_item(session, item_id)
    if item.state is not ItemState.FAILED:
        raise PayoutRefused(f"This payout is {item.state}, not failed.")
    decide(item, ItemState.READY, by=by, reason="sent again", now=now)
    _reopen(item.run)
    session.flush()
    return item


def cancel_item(session: Session, item_id: str, *, by: str, reason: str, now: datetime) -> Item:
    """Take a held or refused payout out of its run; the labeler is due again in the next one."""
    item = lock_item(session, item_id)
    if item.state not in (ItemState.HELD, ItemState.FAILED):
        raise PayoutRefused(f"This payout is {item.state}; hold it first.")
    decide(item, ItemState.CANCELED, by=by, reason=_checked(reason), now=now)
    _void_freeze(item.run)
    finish_if_settled(session, item.run, now)
    session.flush()
    return item


def to_send(session: Session, run_id: str) -> Sequence[Item]:
    """The items of an approved run that have not left; refused if the run is no longer what was approved."""
    run = lock_run(session, run_id)
    if run.state is not RunState.APPROVED:
        return []
    if current_hash(run) != run.approved_hash:
        raise PayoutRefused(f"run {run.id} differs from what was approved")
    return [item for item in run.items if item.in_content and item.state is ItemState.READY]


def finish_if_settled(session: Session, run: Run, now: datetime) -> None:
    """An approved run is done when none of its payouts is waiting for anything."""
    if run.state is not RunState.APPROVED:
        return
    session.flush()
    waiting = [state for state in ITEMS_UNSETTLED if state is not ItemState.FAILED]
    if session.scalar(select(Item.id).where(Item.run_id == run.id, Item.state.in_(waiting)).limit(1)) is None:
        _move_run(run, RunState.DONE)
        run.finished_at = now


def _reopen(run: Run) -> None:
    if run.state is RunState.DONE:
        _move_run(run, RunState.APPROVED)
        run.finished_at = None


def _void_freeze(run: Run) -> None:
    if run.state is RunState.FROZEN:
        _move_run(run, RunState.DRAFT)
        run.content_hash = None


def lock_item(session: Session, item_id: str) -> Item:
    """The item, by the lock on its run: whoever changes an item holds that. A run has thousands; only this is read."""
    run_id = session.get_one(Item, item_id).run_id
    session.get_one(Run, run_id, with_for_update=True, populate_existing=True)
    return session.get_one(Item, item_id, populate_existing=True)


def decide(item: Item, state: ItemState, *, by: str, reason: str, now: datetime) -> None:
    """Move an item by somebody's decision, with the reason."""
    if item.state is state:
        return
    move_item(item, state, now)
    item.reason, item.decided_by, item.decided_at = reason, by, now


def move_item(item: Item, state: ItemState, now: datetime) -> None:
    if state not in ITEM_MOVES.get(item.state, set()):
        raise PayoutRefused(f"A payout that is {item.state} cannot become {state}.")
    item.state, item.updated_at = state, now


def _move_run(run: Run, state: RunState) -> None:
    if state not in RUN_MOVES.get(run.state, set()):
        raise PayoutRefused(f"A run that is {run.state} cannot become {state}.")
    run.state = state


def _checked(reason: str) -> str:
    reason = reason.strip()
    if not reason:
        raise PayoutRefused("Please give a reason; the labeler sees it.")
    if len(reason) > REASON_CHARACTERS_MAX:
        raise PayoutRefused(f"Please say it in at most {REASON_CHARACTERS_MAX} characters.")
    return reason
