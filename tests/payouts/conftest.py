"""The ledger on a database of its own: sessions as the application's role, and one as the owner."""

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
import pytest
from sqlalchemy import Engine, create_engine
from sqlalchemy.orm import Session

from payouts.attempts import Transaction
from payouts.stripe_gateway import StripeGateway
from tests.fake_stripe import client as fake_stripe


@pytest.fixture(scope="session")
def app_engine(database_urls: dict[str, str]) -> Iterator[Engine]:
    engine = create_engine(database_urls["app"], pool_size=16, max_overflow=16)
    yield engine
    engine.dispose()


@pytest.fixture(scope="session")
def owner_engine(database_urls: dict[str, str]) -> Iterator[Engine]:
    engine = create_engine(database_urls["owner"])
    yield engine
    engine.dispose()


def empty_money_tables(owner_url: str) -> None:
    """Without triggers, as only the superuser can: the ledger itself never lets go of a row."""
    with psycopg.connect(owner_url.replace("postgresql+psycopg://", "postgresql://"), autocommit=True) as connection:
        connection.execute("""
            SET session_replication_role = replica;
            DELETE FROM ledger_entry; DELETE FROM ledger_transfer; DELETE FROM ledger_account;
            DELETE FROM payout_earning; DELETE FROM payout_account; DELETE FROM payout_attempt;
            DELETE FROM payout_item; DELETE FROM payout_run; DELETE FROM payout_arrival; DELETE FROM webhook_event;
        """)


@pytest.fixture
def transaction(app_engine: Engine, database_urls: dict[str, str]) -> Transaction:
    """Opens a committed unit of work as the application's role, over empty money tables."""
    empty_money_tables(database_urls["owner"])

    @contextmanager
    def begin() -> Iterator[Session]:
        with Session(app_engine) as session, session.begin():
            yield session

    return begin


@pytest.fixture
def session(transaction: Transaction, app_engine: Engine) -> Iterator[Session]:
    """A session as the application's role; what it did is committed at the end, so that deferred checks run."""
    with Session(app_engine) as session:
        yield session
        session.commit()


@pytest.fixture(scope="session")
def fake_process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[fake_stripe.Fake]:
    with fake_stripe.running(tmp_path_factory.mktemp("stripe") / "state.json") as fake:
        yield fake


@pytest.fixture
def fake(fake_process: fake_stripe.Fake) -> fake_stripe.Fake:
    """The fake Stripe with nothing in it."""
    fake_process.command("reset")
    return fake_process


@pytest.fixture
def gateway(fake: fake_stripe.Fake) -> StripeGateway:
    return StripeGateway(fake_stripe.KEY, webhook_secret=fake_stripe.WEBHOOK_SECRET, api_base=fake.base)
