"""Small worlds of money that the tests of payouts begin with."""

from datetime import UTC, datetime, timedelta

from sqlalchemy.orm import Session

from payouts import accounts, attempts, ledger, postings, reconcile, runs
from payouts.attempts import Transaction
from payouts.chart import Kind
from payouts.models import Item, Rail, Run, RunState
from payouts.stripe_gateway import StripeGateway
from tests.fake_stripe.client import Fake

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
MAKER, CHECKER = "maker", "checker"


def earned(session: Session, labeler_id: str, cents: int, *, name: str = "1") -> None:
    """The labeler has this much available."""
    postings.earn_gold(session, labeler_id, f"{labeler_id}.{name}", cents, NOW - timedelta(hours=1))
    postings.release_hold(session, f"{labeler_id}.{name}", NOW)


def onboarded(transaction: Transaction, gateway: StripeGateway, fake: Fake, *labeler_ids: str) -> list[str]:
    """The labelers have accounts at Stripe that can receive, and we know it."""
    account_ids = []
    for labeler_id in labeler_ids:
        opened = gateway.open_account(labeler_id, country="US", email=f"{labeler_id}@example.org")
        fake.activate(opened.account_id)
        status = gateway.read_account(opened.account_id)
        with transaction() as session:
            accounts.link_account(session, labeler_id, status, NOW)
        account_ids.append(opened.account_id)
    return account_ids


def topped_up(transaction: Transaction, fake: Fake, cents: int) -> None:
    """Our balance at Stripe holds this much, there and in the ledger."""
    fake.command("top_up", id="tu_1", amount=cents)
    with transaction() as session:
        postings.top_up_stripe(session, cents, "tu_1")


def approved_run(transaction: Transaction, rail: Rail = Rail.STRIPE, minimum_cents: int = 1) -> str:
    with transaction() as session:
        run = runs.build_run(session, by=MAKER, now=NOW, rail=rail, minimum_cents=minimum_cents)
        runs.freeze(session, run.id, by=MAKER, now=NOW)
        assert run.content_hash is not None
        runs.approve(session, run.id, by=CHECKER, content_hash=run.content_hash, now=NOW)
        assert run.state is RunState.APPROVED
        return run.id


def opened(transaction: Transaction, run_id: str) -> list[str]:
    """Attempts for every item of the run that is to be sent."""
    with transaction() as session:
        items = [item.id for item in runs.to_send(session, run_id)]
    found = []
    for item_id in items:
        with transaction() as session:
            attempt = attempts.open_attempt(session, item_id, NOW)
            assert attempt is not None
            found.append(attempt.id)
    return found


def only_item(session: Session, run_id: str) -> Item:
    (item,) = session.get_one(Run, run_id).items
    return item


def available(session: Session, labeler_id: str) -> int:
    return ledger.balance(session, Kind.LABELER_AVAILABLE, labeler_id)


def assert_sound(session: Session) -> None:
    assert [check for check in reconcile.invariants(session) if not check.ok] == []
