"""The ledger on a database of its own: sessions as the application's role, and one as the owner."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime, timedelta

import psycopg
import pytest
from sqlalchemy import Engine, create_engine
from sqlalchemy.orm import Session

Transaction = Callable[[], AbstractContextManager[Session]]


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


NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
SOON = NOW + timedelta(minutes=10)
