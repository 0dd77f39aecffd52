"""Commands for what has to be put right by hand: a token that got about, a project that is over, a wrong credit."""

from typing import Any

import click
from sqlalchemy import func, or_, select, update

from marketplace import auth, decisions, projects
from marketplace.cli import in_marketplace, labeler
from marketplace.clock import utc_now
from marketplace.data_commands import find_customer
from marketplace.db import db
from marketplace.errors import NotFound
from marketplace.models import KeyMode, Labeler, LabelerToken, Project, Qualification, Role, Task, TaskStatus, User
from routing.task_types import TASK_TYPES

# Labelers' tokens


def _find_labeler(word: str) -> Labeler:
    found = db.session.scalar(select(Labeler).where(or_(Labeler.id == word, func.lower(Labeler.email) == word.lower())))
    if found is None:
        raise NotFound(f'There is no labeler "{word}".')
    return found


@labeler.command("revoke-token")
@click.argument("labeler_word", metavar="LABELER")
@in_marketplace
def revoke_token(labeler_word: str) -> dict[str, Any]:
    """Refuse all bearer tokens of a labeler (an id or an email) from now on; browser sign-ins go on."""
    owner = _find_labeler(labeler_word)
    valid = update(LabelerToken).where(LabelerToken.labeler_id == owner.id, LabelerToken.revoked_at.is_(None))
    revoked = db.session.scalars(valid.values(revoked_at=utc_now()).returning(LabelerToken.token_hash)).all()
    decisions.record(None, "labeler.revoke token", owner.id, tokens=len(revoked))
    return {"labeler_id": owner.id, "revoked": len(revoked)}


@labeler.command("new-token")
@click.argument("labeler_word", metavar="LABELER")
@in_marketplace
def new_token(labeler_word: str) -> dict[str, Any]:
    """Make one more bearer token for a labeler (an id or an email); it cannot be shown again."""
    owner = _find_labeler(labeler_word)
    decisions.record(None, "labeler.new token", owner.id)
    return {"labeler_id": owner.id, "token": auth.new_labeler_token(owner)}


# What labelers may do


@labeler.command("grant")
@click.argument("labeler_word", metavar="LABELER")
@click.argument("credential")
@in_marketplace
def grant_credential(labeler_word: str, credential: str) -> dict[str, Any]:
    """Give a labeler (an id or an email) a credential, as language:fr or team:north, or the right to a task type."""
    owner = _find_labeler(labeler_word)
    if credential in TASK_TYPES:
        decisions.grant(None, owner, credential)
    else:
        decisions.grant_credential(None, owner, credential)
    return _may(owner)


@labeler.command("revoke")
@click.argument("labeler_word", metavar="LABELER")
@click.argument("credential")
@click.option("--reason", required=True, help="Why; it stands in the audit trail.")
@in_marketplace
def revoke_credential(labeler_word: str, credential: str, reason: str) -> dict[str, Any]:
    """Take a credential, or the right to a task type, back. What the labeler holds may be finished, and is paid."""
    owner = _find_labeler(labeler_word)
    if credential in TASK_TYPES:
        decisions.revoke(None, owner, credential, reason)
    elif not decisions.revoke_credential(None, owner, credential, reason):
        raise NotFound(f'{owner.name} does not have "{credential}".')
    return _may(owner)


def _may(owner: Labeler) -> dict[str, Any]:
    db.session.refresh(owner)
    types = db.session.scalars(select(Qualification.task_type).filter_by(labeler_id=owner.id)).all()
    return {"labeler_id": owner.id, "task_types": sorted(types), "credentials": owner.credentials}


# Projects


@click.group()
def project() -> None:
    """Customers' projects."""


def _find_project(name: str, customer_name: str | None) -> Project:
    customer = find_customer(customer_name)
    found = projects.find_project(customer, KeyMode.LIVE, name)
    if found is None:
        raise NotFound(f'{customer.name} has no project "{name}".')
    return found


@project.command("archive")
@click.argument("name")
@click.option("--customer", "customer_name", help="Its id, name or email; not needed if there is but one.")
@in_marketplace
def archive_project(name: str, customer_name: str | None) -> dict[str, Any]:
    """Take no new task for a live project; those that it has are finished, delivered and paid."""
    found = _find_project(name, customer_name)
    if found.archived_at is None:
        found.archived_at = utc_now()
        decisions.record(None, "project.archive", found.id)
    pending = select(func.count()).where(Task.project_id == found.id, Task.status == TaskStatus.PENDING)
    return {"project_id": found.id, "archived": True, "pending_tasks": db.session.scalar(pending)}


@project.command("restore")
@click.argument("name")
@click.option("--customer", "customer_name", help="Its id, name or email; not needed if there is but one.")
@in_marketplace
def restore_project(name: str, customer_name: str | None) -> dict[str, Any]:
    """Let an archived project take tasks again."""
    found = _find_project(name, customer_name)
    if found.archived_at is not None:
        found.archived_at = None
        decisions.record(None, "project.restore", found.id)
    return {"project_id": found.id, "archived": False}


# The ledger


@click.group()
def ledger() -> None:
    """The ledger of money."""


@ledger.command("correct")
@click.argument("transfer_id", metavar="TRANSFER", type=click.IntRange(1))
@click.option("--reason", required=True, help="Why; it stands on the ledger and in the audit trail.")
@click.option("--by", "email", required=True, help="The email of the member of finance staff who decides it.")
@in_marketplace
def correct_transfer(transfer_id: int, reason: str, email: str) -> dict[str, Any]:
    """Post the reverse of a wrong credit: a wire or a top-up that was booked by mistake. Once only."""
    by = db.session.scalar(select(User).where(func.lower(User.email) == email.lower(), User.role == Role.FINANCE))
    if by is None:
        raise NotFound(f"No member of finance staff has the address {email}.")
    from marketplace import payout_decisions  # and with it the pipeline, which the other commands do not need

    posted = payout_decisions.correct(by, transfer_id, reason)
    return {"corrects": transfer_id, "transfer_id": posted.transfer_id, "posted": posted.created}


COMMANDS = (project, ledger)
