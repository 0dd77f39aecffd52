"""Labelers' accounts at Stripe: what we know of them, as last fetched."""

from datetime import datetime

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from payouts.models import PayoutAccount
from payouts.rail import AccountStatus


def link_account(session: Session, labeler_id: str, status: AccountStatus, now: datetime) -> PayoutAccount:
    """Remember the account that was opened for a labeler; linking it again changes nothing but its status."""
    session.execute(
        insert(PayoutAccount)
        .values(
            labeler_id=labeler_id,
            stripe_account_id=status.account_id,
            transfers_active=False,
            payouts_enabled=False,
            currently_due=[],
            created_at=now,
            updated_at=now,
        )
        .on_conflict_do_nothing()
    )
    account = session.get_one(PayoutAccount, labeler_id, populate_existing=True)
    apply_status(account, status, now)
    session.flush()
    return account


def apply_status(account: PayoutAccount, status: AccountStatus, now: datetime) -> None:
    account.transfers_active = status.transfers_active
    account.payouts_enabled = status.payouts_enabled
    account.currently_due = list(status.currently_due)
    account.disabled_reason = status.disabled_reason
    account.updated_at = now
