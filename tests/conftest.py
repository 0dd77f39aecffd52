"""Fixtures for all tests: one real PostgreSQL and Redis, shared by the processes of a test run."""

import fcntl
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest
from flask import Flask
from flask.testing import FlaskClient

from marketplace import embedded, migrate, queue
from marketplace.app import create_app
from marketplace.config import Settings

ROOT = Path(__file__).resolve().parent.parent
SERVERS_FOLDER = ROOT / ".cache" / "tests"


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[embedded.Servers]:
    """The embedded servers: the first process starts them empty, others join, the last one stops them.

    The URLs lead to a database that tests do not write to: create one of your own, named after `test_number`.
    """
    attachment = embedded.attach(SERVERS_FOLDER, fresh_for_tests=True)
    yield attachment.servers
    attachment.close()


@pytest.fixture(scope="session")
def test_number(postgres_server: embedded.Servers) -> Iterator[int]:
    """A number of this test process alone, freed by the kernel when the process ends, however it ends."""
    folder = SERVERS_FOLDER / "numbers"
    folder.mkdir(exist_ok=True)
    for number in range(1, 256):
        with (folder / f"{number}.lock").open("ab") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                continue
            yield number
            return
    raise AssertionError("256 test processes at once are too many")


@pytest.fixture(scope="session")
def redis_url(postgres_server: embedded.Servers, test_number: int) -> str:
    """A Redis database of this test process alone; empty it where a test needs it empty."""
    return postgres_server.redis_url.replace("db=0", f"db={test_number}")


# The application


@pytest.fixture(scope="session")
def database_urls(postgres_server: embedded.Servers, test_number: int) -> dict[str, str]:
    """A fresh, migrated database of this test process alone: `app` (the restricted role) and `owner`."""
    name = f"test_{test_number}"
    with psycopg.connect(libpq(postgres_server.migrations_database_url), autocommit=True) as connection:
        connection.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
        connection.execute(f"CREATE DATABASE {name}")
    urls = {
        "app": postgres_server.database_url.replace("/labelyard?", f"/{name}?"),
        "owner": postgres_server.migrations_database_url.replace("/labelyard?", f"/{name}?"),
    }
    migrate.upgrade(urls["owner"])
    return urls


def libpq(sqlalchemy_url: str) -> str:
    return sqlalchemy_url.replace("postgresql+psycopg://", "postgresql://")


@pytest.fixture(scope="session")
def test_settings(database_urls: dict[str, str], redis_url: str, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    data_dir = tmp_path_factory.mktemp("data")
    return Settings(
        database_url=database_urls["app"],
        migrations_database_url=database_urls["owner"],
        redis_url=redis_url,
        secret_key="tests only",
        data_dir=data_dir,
        storage_url=f"file://{data_dir / 'storage'}",
        base_url="http://127.0.0.1:8000",
        callback_allow_private=True,
        rate_limit_api="100000 per minute",
        rate_limit_signin="100000 per minute",
        rate_limit_account="100000 per minute",
        hold_hours=0,
    )


@pytest.fixture(scope="session")
def shared_app(test_settings: Settings) -> Flask:
    app = create_app(test_settings)
    app.config["TESTING"] = True
    return app


@pytest.fixture
def app(shared_app: Flask, database_urls: dict[str, str]) -> Iterator[Flask]:
    """The application over empty tables, with its context pushed: `db.session` works in the test itself."""
    empty_tables(database_urls["owner"])
    shared_app.extensions["redis"].flushdb()
    with shared_app.app_context():
        yield shared_app


# What the migrations fill: the chart of accounts.
FILLED_TABLES = ("alembic_version", "ledger_kind", "ledger_code")


def empty_tables(owner_url: str) -> None:
    """Delete all rows, the ledger's too: as superuser without triggers, which no role of the program can do."""
    with psycopg.connect(libpq(owner_url), autocommit=True) as connection:
        rows = connection.execute(
            "SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename <> ALL(%s)",
            [list(FILLED_TABLES)],
        ).fetchall()
        statements = "".join(f'DELETE FROM "{name}";' for (name,) in rows)
        connection.execute(f"SET session_replication_role = replica; {statements}".encode())


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()


@pytest.fixture
def run_jobs(app: Flask) -> Callable[[], None]:
    """Work off all queues, in a context of its own as a worker has, until they are empty."""

    def run() -> None:
        with app.app_context():
            queue.worker(burst=True)

    return run
