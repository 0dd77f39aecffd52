"""Every movement of money by name. Each is posted once per business fact; posting it again does nothing."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from payouts import ledger
from payouts.chart import Code, Kind
from payouts.errors import InsufficientFunds, KeyConflict, PayoutRefused
from payouts.ledger import Leg, Posted, credit, debit
from payouts.models import Attempt, Earning, Item, Rail

EMPTY_ATTEMPTS = 5

# Customers and their tasks


def fund_customer(session: Session, customer_id: str, amount_cents: int, key: str, currency: str = "USD") -> Posted:
    """Credit a customer's funds with money that reached our bank; `key` names the payment, a wire's reference say."""
    return ledger.post(
        session,
        f"fund:{key}",
        Code.FUND,
        [
            debit(Kind.BANK, amount_cents, currency=currency),
            credit(Kind.CUSTOMER_FUNDS, amount_cents, customer_id, currency),
        ],
        details={"customer_id": customer_id},
    )


def reserve(session: Session, customer_id: str, task_id: str, amount_cents: int, currency: str = "USD") -> Posted:
    """Keep a task's quote out of the customer's funds; raises InsufficientFunds."""
    return ledger.post(
        session,
        f"reserve:{task_id}",
        Code.RESERVE,
        [
            debit(Kind.CUSTOMER_FUNDS, amount_cents, customer_id, currency),
            credit(Kind.TASK_RESERVE, amount_cents, task_id, currency),
        ],
        details={"customer_id": customer_id, "task_id": task_id},
    )


def release_reserve(session: Session, task_id: str, customer_id: str, currency: str = "USD") -> Posted | None:
    """Give back what is left of a task's reserve, when the task is canceled or ends in error."""
    rest_to = credit(Kind.CUSTOMER_FUNDS, 0, customer_id, currency)
    details = {"customer_id": customer_id, "task_id": task_id}
    return _empty_reserve(session, f"refund:{task_id}", Code.REFUND_RESERVE, task_id, rest_to, details)


def recognize_revenue(session: Session, task_id: str, currency: str = "USD") -> Posted | None:
    """What is left of a finished task's reserve is our fee."""
    rest_to = credit(Kind.FEE_REVENUE, 0, currency=currency)
    return _empty_reserve(session, f"revenue:{task_id}", Code.REVENUE, task_id, rest_to, {"task_id": task_id})


def _empty_reserve(
    session: Session, key: str, code: Code, task_id: str, rest_to: Leg, details: dict[str, str]
) -> Posted | None:
    """Move all of a task's reserve, once; an earning posted between the look and the move asks for another look."""
    for _ in range(EMPTY_ATTEMPTS):
        known = ledger.find(session, key)
        if known is not None:
            return Posted(known.id, created=False)
        left = ledger.balance(session, Kind.TASK_RESERVE, task_id, rest_to.currency)
        if left == 0:
            return None
        legs = [debit(Kind.TASK_RESERVE, left, task_id, rest_to.currency), replace(rest_to, amount_cents=-left)]
        try:
            return ledger.post(session, key, code, legs, details=details)
        except (InsufficientFunds, KeyConflict):
            continue
    raise PayoutRefused(f"the reserve of task {task_id} changes too fast to be emptied")


# Labelers' earnings


def earn(
    session: Session,
    task_id: str,
    labeler_id: str,
    assignment_id: str,
    amount_cents: int,
    hold_until: datetime,
    currency: str = "USD",
) -> Posted:
    """Pay an accepted answer out of its task's reserve; held until `hold_until`."""
    posted = ledger.post(
        session,
        f"earn:{assignment_id}",
        Code.EARN,
        [
            debit(Kind.TASK_RESERVE, amount_cents, task_id, currency),
            credit(Kind.LABELER_HELD, amount_cents, labeler_id, currency),
        ],
        details={"task_id": task_id, "labeler_id": labeler_id, "assignment_id": assignment_id},
    )
    _hold(session, assignment_id, labeler_id, task_id, amount_cents, hold_until, currency)
    return posted


def earn_gold(
    session: Session,
    labeler_id: str,
    assignment_id: str,
    amount_cents: int,
    hold_until: datetime,
    currency: str = "USD",
) -> Posted:
    """Pay work that the platform ordered itself; held until `hold_until`."""
    posted = ledger.post(
        session,
        f"earn:{assignment_id}",
        Code.EARN_GOLD,
        [
            debit(Kind.GOLD_EXPENSE, amount_cents, currency=currency),
            credit(Kind.LABELER_HELD, amount_cents, labeler_id, currency),
        ],
        details={"labeler_id": labeler_id, "assignment_id": assignment_id},
    )
    _hold(session, assignment_id, labeler_id, None, amount_cents, hold_until, currency)
    return posted


def _hold(
    session: Session,
    assignment_id: str,
    labeler_id: str,
    task_id: str | None,
    amount_cents: int,
    hold_until: datetime,
    currency: str,
) -> None:
    session.execute(
        insert(Earning)
        .values(
            assignment_id=assignment_id,
            labeler_id=labeler_id,
            task_id=task_id,
            amount_cents=amount_cents,
            currency=currency,
            earned_at=datetime.now(UTC),
            hold_until=hold_until,
        )
        .on_conflict_do_nothing()
    )


def release_hold(session: Session, assignment_id: str, now: datetime) -> Posted | None:
    """Let an earning go out with the next run, once its hold has ended; earlier, or twice, it does nothing."""
    earning = session.get(Earning, assignment_id, with_for_update=True, populate_existing=True)
    if earning is None or earning.released_at is not None or now < earning.hold_until:
        return None
    posted = ledger.post(
        session,
        f"release:{assignment_id}",
        Code.RELEASE,
        [
            debit(Kind.LABELER_HELD, earning.amount_cents, earning.labeler_id, earning.currency),
            credit(Kind.LABELER_AVAILABLE, earning.amount_cents, earning.labeler_id, earning.currency),
        ],
        details={"assignment_id": assignment_id, "labeler_id": earning.labeler_id},
    )
    earning.released_at = now
    session.flush()
    return posted


def due_holds(session: Session, now: datetime, limit: int) -> Sequence[str]:
    """Assignments whose earnings' hold has ended, in the order of their labelers: the order in which to lock them."""
    due = select(Earning.assignment_id, Earning.labeler_id).where(
        Earning.released_at.is_(None), Earning.hold_until <= now
    )
    oldest = due.order_by(Earning.hold_until).limit(limit).subquery()
    return session.scalars(select(oldest.c.assignment_id).order_by(oldest.c.labeler_id, oldest.c.assignment_id)).all()


# Payouts


def reserve_payout(session: Session, attempt: Attempt, item: Item) -> Posted:
    """Set an attempt's money aside; raises InsufficientFunds if the labeler no longer has it."""
    return ledger.post(
        session,
        f"attempt:{attempt.id}:reserve",
        Code.PAYOUT_RESERVE,
        [
            debit(Kind.LABELER_AVAILABLE, item.amount_cents, item.labeler_id, item.currency),
            credit(Kind.PAYOUT_IN_TRANSIT, item.amount_cents, item.id, item.currency),
        ],
        details=_of(attempt, item),
    )


def confirm_payout(session: Session, attempt: Attempt, item: Item, rail: Rail, source_id: str | None) -> Posted:
    """The money has left, from our balance at Stripe or from our bank."""
    left_from = Kind.STRIPE_AVAILABLE if rail is Rail.STRIPE else Kind.BANK
    return ledger.post(
        session,
        f"attempt:{attempt.id}:confirm",
        Code.PAYOUT_CONFIRM,
        [
            debit(Kind.PAYOUT_IN_TRANSIT, item.amount_cents, item.id, item.currency),
            credit(left_from, item.amount_cents, currency=item.currency),
        ],
        details=_of(attempt, item),
        source_id=source_id,
    )


def reject_payout(session: Session, attempt: Attempt, item: Item) -> Posted:
    """The money definitely did not leave: it is the labeler's again."""
    return ledger.post(
        session,
        f"attempt:{attempt.id}:reject",
        Code.PAYOUT_REJECT,
        [
            debit(Kind.PAYOUT_IN_TRANSIT, item.amount_cents, item.id, item.currency),
            credit(Kind.LABELER_AVAILABLE, item.amount_cents, item.labeler_id, item.currency),
        ],
        details=_of(attempt, item),
    )


def reverse_payout(session: Session, item: Item, reversal_id: str, amount_cents: int) -> Posted:
    """Stripe gave a transfer, or part of it, back to us."""
    return ledger.post(
        session,
        f"reversal:{reversal_id}",
        Code.PAYOUT_REVERSE,
        [
            debit(Kind.STRIPE_AVAILABLE, amount_cents, currency=item.currency),
            credit(Kind.LABELER_AVAILABLE, amount_cents, item.labeler_id, item.currency),
        ],
        details={"item_id": item.id, "run_id": item.run_id, "labeler_id": item.labeler_id},
        source_id=reversal_id,
    )


def _of(attempt: Attempt, item: Item) -> dict[str, str]:
    return {"attempt_id": attempt.id, "item_id": item.id, "run_id": item.run_id, "labeler_id": item.labeler_id}


def top_up_stripe(session: Session, amount_cents: int, key: str, currency: str = "USD") -> Posted:
    """Money moved from our bank to our balance at Stripe, so that payouts find it there."""
    return ledger.post(
        session,
        f"top_up:{key}",
        Code.TOP_UP,
        [
            debit(Kind.STRIPE_AVAILABLE, amount_cents, currency=currency),
            credit(Kind.BANK, amount_cents, currency=currency),
        ],
        source_id=key,
    )
