"""Commands that put things right: tokens, projects, wrong credits; each refuses what it cannot do safely."""

import json
from collections.abc import Callable
from typing import Any

import click
import pytest
from click.testing import CliRunner
from flask import Flask
from sqlalchemy import select

from marketplace import cli, people, projects, upkeep_commands
from marketplace.config import Settings
from marketplace.db import db, transaction
from marketplace.models import AuditEvent, KeyMode, Role
from marketplace.people import NewCustomer
from payouts.models import LedgerTransfer
from tests.marketplace.api_world import CATEGORIZATION, FUNDS_CENTS, Caller, funds_of

Run = Callable[..., Any]
PASSWORD = "a long enough password"


@pytest.fixture
def run(app: Flask, monkeypatch: pytest.MonkeyPatch) -> Run:
    settings: Settings = app.config["SETTINGS"]
    for name in ("database_url", "migrations_database_url", "redis_url", "storage_url", "secret_key", "data_dir"):
        monkeypatch.setenv(name.upper(), str(getattr(settings, name)))

    def call(command: click.Command, *words: str) -> Any:
        done = CliRunner().invoke(command, words)
        db.session.rollback()
        assert "Traceback" not in done.output
        return json.loads(done.stdout) if done.exit_code == 0 else done.output

    return call


def trail() -> list[tuple[str, str]]:
    return [(event.actor_id, event.action) for event in db.session.scalars(select(AuditEvent).order_by(AuditEvent.id))]


def test_a_revoked_token_is_refused_and_a_new_one_works(app: Flask, run: Run) -> None:
    with transaction():
        made = people.create_labeler("Ana", email="ana@example.org", password=PASSWORD, qualify=[])

    def status(token: str) -> int:
        headers = {"Authorization": f"Bearer {token}"}
        return app.test_client().get("/labeler/assignments", headers=headers).status_code

    assert status(made.token) == 200
    assert run(cli.labeler, "revoke-token", "Ana@example.org") == {"labeler_id": made.labeler.id, "revoked": 1}
    assert status(made.token) == 401
    fresh = run(cli.labeler, "new-token", made.labeler.id)["token"]
    assert (status(fresh), status(made.token)) == (200, 401)
    assert run(cli.labeler, "revoke-token", made.labeler.id)["revoked"] == 1
    assert 'no labeler "nobody"' in run(cli.labeler, "revoke-token", "nobody")
    assert {action for _, action in trail()} == {"labeler.revoke token", "labeler.new token"}


def test_a_credential_is_granted_and_revoked_with_a_reason(run: Run) -> None:
    with transaction():
        made = people.create_labeler("Ana", email="ana@example.org", password=PASSWORD, qualify=[])
    granted = run(cli.labeler, "grant", "ana@example.org", "Team:North")
    assert granted == {"labeler_id": made.labeler.id, "task_types": [], "credentials": ["team:north"]}
    assert run(cli.labeler, "grant", made.labeler.id, "categorization")["task_types"] == ["categorization"]
    assert "is no credential" in run(cli.labeler, "grant", made.labeler.id, "north")
    assert "--reason" in run(cli.labeler, "revoke", made.labeler.id, "team:north")
    assert run(cli.labeler, "revoke", made.labeler.id, "team:north", "--reason", "Left.")["credentials"] == []
    assert 'does not have "team:north"' in run(
        cli.labeler, "revoke", made.labeler.id, "team:north", "--reason", "Left."
    )
    assert run(cli.labeler, "revoke", made.labeler.id, "categorization", "--reason", "Left.")["task_types"] == []
    assert [action for _, action in trail()] == [
        "credential.grant",
        "qualification.grant",
        "credential.revoke",
        "qualification.revoke",
    ]


def test_an_archived_project_takes_no_task_and_keeps_those_it_has(run: Run, nora: NewCustomer, live: Caller) -> None:
    with transaction():
        projects.create_project(nora.customer, KeyMode.LIVE, "texts", "categorization")
    body = CATEGORIZATION | {"project": "texts"}
    assert live.send("POST", "task/categorization", body).status_code == 200
    said = run(upkeep_commands.project, "archive", "texts")
    assert (said["archived"], said["pending_tasks"]) == (True, 1)
    refused = live.send("POST", "task/categorization", body)
    assert refused.status_code == 400 and "is archived" in refused.json["error"]  # type: ignore[index]
    run(upkeep_commands.project, "archive", "texts", "--customer", "Nora")
    assert run(upkeep_commands.project, "restore", "texts")["archived"] is False
    assert live.send("POST", "task/categorization", body).status_code == 200
    assert 'Nora has no project "cars"' in run(upkeep_commands.project, "archive", "cars")
    assert trail() == [("system", "project.archive"), ("system", "project.restore")]


def test_a_wrong_credit_is_taken_back_once_and_nothing_else_is(run: Run, nora: NewCustomer, live: Caller) -> None:
    with transaction():
        fay = people.create_staff("Fay", email="fay@example.org", password=PASSWORD, role=Role.FINANCE).id
        people.create_staff("Otto", email="otto@example.org", password=PASSWORD, role=Role.OPERATOR)
    number = str(db.session.scalars(select(LedgerTransfer.id).where(LedgerTransfer.code == "fund")).one())

    def correct(transfer: str, by: str = "fay@example.org", reason: str = "another customer's wire") -> Any:
        return run(upkeep_commands.ledger, "correct", transfer, "--reason", reason, "--by", by)

    assert "No member of finance staff" in correct(number, by="otto@example.org")
    assert "say why" in correct(number, reason=" ")
    assert "There is no transfer" in correct("999999999")
    live.send("POST", "task/categorization", CATEGORIZATION)
    reserve = db.session.scalars(select(LedgerTransfer).where(LedgerTransfer.code == "reserve")).one()
    assert "is reserve; by hand only fund and top_up" in correct(str(reserve.id))
    assert "available" in correct(number), "some of it is reserved by now"
    assert funds_of(nora) == FUNDS_CENTS - reserved(reserve)
    live.send("POST", f"task/{reserve.details['task_id']}/cancel")
    assert correct(number)["posted"] is True and funds_of(nora) == 0
    assert correct(number)["posted"] is False and funds_of(nora) == 0
    assert trail()[-1] == (fay, "ledger.correct") and len(trail()) == 1


def reserved(transfer: LedgerTransfer) -> int:
    return sum(entry.amount_cents for entry in transfer.entries if entry.amount_cents > 0)
