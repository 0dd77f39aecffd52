"""Operators' commands. Each finds the marketplace by `--data`, or by DATABASE_URL and REDIS_URL where they are set."""

import functools
import json
import os
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import click
from flask import Flask

from marketplace import embedded, migrate, people, queue, supervisor
from marketplace.config import ConfigError, Settings
from marketplace.db import db, transaction
from marketplace.errors import LabelyardError
from marketplace.models import Role
from marketplace.server_home import make_data_dir
from payouts import postings
from payouts.errors import InsufficientFunds
from routing.task_types import TASK_TYPES

DATA_OPTION = click.option(
    "--data", type=click.Path(path_type=Path), default=Path("var"), show_default=True, help="The data folder."
)


def register_commands(app: Flask) -> None:
    from marketplace import data_commands, upkeep_commands  # both build on what stands here

    more = (*data_commands.COMMANDS, *upkeep_commands.COMMANDS)
    for command in (up, run_migrations, worker, run_schedule, customer, labeler, staff, *more):
        app.cli.add_command(command)


def load_settings(data: Path) -> dict[str, str]:
    """The environment that a process of this data folder runs in, without the servers' addresses."""
    environment = {"DATA_DIR": str(data.resolve()), "SECRET_KEY": _secret_key(data)}
    return {name: value for name, value in environment.items() if name not in os.environ}


def _secret_key(data: Path) -> str:
    """Made once per data folder: a restart must not sign everybody out."""
    if "SECRET_KEY" in os.environ:
        return os.environ["SECRET_KEY"]
    path = data / "secret_key"
    if not path.exists():
        make_data_dir(data)
        new = data / f"secret_key.{os.getpid()}"
        new.touch(mode=0o600)
        new.write_text(secrets.token_hex(32))
        with suppress(FileExistsError):
            os.link(new, path)  # atomic: the first of two processes wins
        new.unlink()
    return path.read_text().strip()


@contextmanager
def marketplace_of(data: Path) -> Iterator[Flask]:
    """The configured application, with its context pushed, over the servers of `data` or of the environment."""
    from marketplace.app import create_app

    with _servers(data) as addresses:
        environment = {**os.environ, **load_settings(data), **addresses}
        note = embedded.read_run_note(data)
        if note is not None:
            environment.setdefault("BASE_URL", str(note["base_url"]))
            environment.update(note["environment"])
        app = create_app(Settings.from_env(environment))
        with app.app_context():
            yield app


@contextmanager
def _servers(data: Path) -> Iterator[dict[str, str]]:
    if "DATABASE_URL" in os.environ:
        yield {}
        return
    with embedded.ensure(data) as servers:
        migrate.upgrade(servers.migrations_database_url)
        yield servers.environment()


def in_marketplace(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command `--data`, the application's context and one transaction; what it returns is printed as JSON."""

    @DATA_OPTION
    @functools.wraps(command)
    def run(data: Path, **options: Any) -> None:
        try:
            with marketplace_of(data), transaction():
                result = command(**options)
        except (LabelyardError, InsufficientFunds, ConfigError, embedded.EmbeddedError) as error:
            raise click.ClickException(str(error)) from error
        if result is not None:
            click.echo(json.dumps(result, indent=2))

    return run


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", default=8000, show_default=True, type=click.IntRange(1, 65535))
@DATA_OPTION
@click.option("--demo/--no-demo", default=False, show_default=True, help="With a world to try everything on.")
@click.option("--workers", default=1, show_default=True, type=click.IntRange(1, 64), help="Worker processes for jobs.")
def up(host: str, port: int, data: Path, demo: bool, workers: int) -> None:
    """Start servers, migrations, web, workers and schedule in one foreground process tree."""
    raise SystemExit(supervisor.up(host, port, data, demo, workers, load_settings(data)))


@click.command("migrate")
def run_migrations() -> None:
    """Bring the database of DATABASE_URL to the newest migration, as its owner (`flask up` does so by itself)."""
    try:
        migrate.upgrade(Settings.from_env().migrations_database_url)
    except ConfigError as error:
        raise click.ClickException(str(error)) from error


@click.command()
def worker() -> None:
    """Work off the job queues (started by `flask up`; more of them may run on other machines)."""
    queue.worker()


@click.command("schedule")
def run_schedule() -> None:
    """Run the periodic jobs (started by `flask up`; one is enough, more do no harm)."""
    from marketplace import schedule  # and with it the whole pipeline, which the other commands do not need

    schedule.run_forever()


# Accounts


@click.group()
def customer() -> None:
    """Customers' accounts."""


@customer.command("create")
@click.argument("name")
@click.option("--email", required=True)
@click.option("--password", help="Also opens a sign-in for the pages.")
@click.option(
    "--fund", "fund_cents", type=click.IntRange(0), default=0, help="Cents to credit to the customer's funds."
)
@in_marketplace
def create_customer(name: str, email: str, password: str | None, fund_cents: int) -> dict[str, str]:
    """Open a customer's account; prints its keys, which cannot be shown again."""
    made = people.create_customer(name, email=email, password=password)
    if fund_cents:
        postings.fund_customer(db.session(), made.customer.id, fund_cents, key=f"opening:{made.customer.id}")
    return {
        "customer_id": made.customer.id,
        "live_key": made.live_key,
        "test_key": made.test_key,
        "callback_auth_key": made.customer.callback_auth_key,
        "test_callback_auth_key": made.customer.test_callback_auth_key,
        "signing_secret": made.customer.signing_secret,
    }


@click.group()
def labeler() -> None:
    """Labelers' accounts."""


@labeler.command("create")
@click.argument("name")
@click.option("--email", required=True)
@click.option("--password", required=True)
@click.option("--qualify", multiple=True, type=click.Choice(sorted(TASK_TYPES)), help="May claim this task type.")
@click.option("--reviewer", is_flag=True, help="May also decide reviews.")
@click.option("--country", default="US", show_default=True, help="Where she lives; two letters.")
@in_marketplace
def create_labeler(
    name: str, email: str, password: str, qualify: tuple[str, ...], reviewer: bool, country: str
) -> dict[str, str]:
    """Open a labeler's account; prints a bearer token for `/labeler`, which cannot be shown again."""
    made = people.create_labeler(
        name, email=email, password=password, qualify=qualify, reviewer=reviewer, country=country
    )
    return {"labeler_id": made.labeler.id, "token": made.token}


@click.group()
def staff() -> None:
    """Accounts of finance staff and operators."""


@staff.command("create")
@click.argument("name")
@click.option("--email", required=True)
@click.option("--password", required=True)
@click.option("--role", required=True, type=click.Choice([Role.FINANCE.value, Role.OPERATOR.value]))
@in_marketplace
def create_staff(name: str, email: str, password: str, role: str) -> dict[str, str]:
    """Open an account for a colleague."""
    user = people.create_staff(name, email=email, password=password, role=Role(role))
    return {"user_id": user.id, "role": user.role.value}
