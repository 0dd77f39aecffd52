"""`flask migrate`: a database elsewhere gets its tables, and the program works there in its own role."""

import psycopg
import pytest
from alembic import command
from flask import Flask

from marketplace import embedded
from marketplace.migrate import alembic_config
from routing.skill import Skill
from tests.conftest import libpq


def test_an_empty_database_gets_its_tables_and_a_second_time_changes_nothing(
    app: Flask, postgres_server: embedded.Servers, test_number: int
) -> None:
    name = f"migrate_{test_number}"
    with psycopg.connect(libpq(postgres_server.migrations_database_url), autocommit=True) as server:
        server.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
        server.execute(f"CREATE DATABASE {name}")
        urls = {
            "DATABASE_URL": postgres_server.database_url.replace("/labelyard?", f"/{name}?"),
            "MIGRATIONS_DATABASE_URL": postgres_server.migrations_database_url.replace("/labelyard?", f"/{name}?"),
        }
        environment = {**urls, "REDIS_URL": "unix:///nowhere", "SECRET_KEY": "tests only"}
        for _ in range(2):
            done = app.test_cli_runner().invoke(args=["migrate"], env=environment)
            assert done.exit_code == 0, done.output
        with psycopg.connect(libpq(urls["DATABASE_URL"])) as connection:
            assert connection.execute("SELECT count(*) FROM task").fetchone() == (0,)
        server.execute(f"DROP DATABASE {name} WITH (FORCE)")


def test_measured_accuracy_that_is_there_gets_its_bound(postgres_server: embedded.Servers, test_number: int) -> None:
    name = f"backfill_{test_number}"
    owner = postgres_server.migrations_database_url.replace("/labelyard?", f"/{name}?")
    with psycopg.connect(libpq(postgres_server.migrations_database_url), autocommit=True) as server:
        server.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
        server.execute(f"CREATE DATABASE {name}")
        command.upgrade(alembic_config(owner), "0003")
        with psycopg.connect(libpq(owner), autocommit=True) as database:
            database.execute(
                "INSERT INTO labeler (id, name, email, country, reviewer, state, created_at) "
                "VALUES ('ana', 'Ana', 'ana@example.org', 'US', false, 'active', now())"
            )
            database.execute(
                "INSERT INTO skill (id, labeler_id, task_type, alpha, beta, gold_seen, real_seen, updated_at) "
                "VALUES ('s', 'ana', 'categorization', 14.5, 2.5, 0, 0, now())"
            )
            command.upgrade(alembic_config(owner), "head")
            row = database.execute("SELECT lower, evidence FROM skill").fetchone()
        assert row == pytest.approx((Skill(14.5, 2.5).lower, 12.0))
        server.execute(f"DROP DATABASE {name} WITH (FORCE)")


def test_without_an_address_it_says_what_is_missing(app: Flask) -> None:
    nothing = {"DATABASE_URL": None, "REDIS_URL": None, "SECRET_KEY": None}
    done = app.test_cli_runner().invoke(args=["migrate"], env=nothing)
    assert done.exit_code == 1 and "DATABASE_URL: is missing" in done.output
