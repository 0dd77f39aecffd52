"""What operators decide about labelers and lanes: each decision with its line in the audit trail."""

from datetime import datetime
from typing import Any

from sqlalchemy import delete
from sqlalchemy.dialects.postgresql import insert

from marketplace import lanes, people
from marketplace.db import db
from marketplace.errors import InvalidInput, NotFound
from marketplace.models import AuditEvent, Labeler, LabelerState, Lane, Qualification, User
from marketplace.reports.labelers import (
    ASK_CREDENTIAL,
    DECLINE,
    DECLINE_CREDENTIAL,
    GIVE_CREDENTIAL,
    GRANT,
    REQUEST,
    REVOKE,
    TAKE_CREDENTIAL,
    pending_credentials,
    pending_requests,
)
from routing.task_types import TASK_TYPES

REASON_CHARACTERS_MAX = 500
SYSTEM = "system"


def record(by: User | None, action: str, subject_id: str, **details: Any) -> None:
    """`by` nobody is a command on the machine itself: it knows no account of who types it."""
    actor_id = by.id if by is not None else SYSTEM
    db.session.add(AuditEvent(actor_id=actor_id, action=action, subject_id=subject_id, details=details))


def checked_reason(text: str) -> str:
    """Raises InvalidInput: whoever is concerned has a right to read why."""
    reason = text.strip()
    if not reason:
        raise InvalidInput("Please say why; the labeler reads it.", "reason")
    if len(reason) > REASON_CHARACTERS_MAX:
        raise InvalidInput(f"Please say it in at most {REASON_CHARACTERS_MAX} characters.", "reason")
    return reason


# Labelers


def restrict(by: User, labeler: Labeler, reason: str, until: datetime | None, now: datetime) -> None:
    """Nothing new to claim from now on; what is in hand may be finished, and what is earned is paid."""
    reason = checked_reason(reason)
    if until is not None and until <= now:
        raise InvalidInput("This time has passed; leave it empty for a restriction without end.", "until")
    labeler.state, labeler.restriction_reason, labeler.restricted_until = LabelerState.RESTRICTED, reason, until
    record(by, "labeler.restrict", labeler.id, reason=reason, until=f"{until:%Y-%m-%d %H:%M} UTC" if until else None)


def lift(by: User, labeler: Labeler) -> None:
    labeler.state, labeler.restriction_reason, labeler.restricted_until = LabelerState.ACTIVE, None, None
    record(by, "labeler.lift", labeler.id)


def request_qualification(by: User, labeler: Labeler, task_type: str) -> None:
    """Ask an operator for the right to claim a task type; asking twice changes nothing."""
    _check(task_type)
    if task_type not in pending_requests().get(labeler.id, []):
        record(by, REQUEST, labeler.id, task_type=task_type)


def grant(by: User | None, labeler: Labeler, task_type: str) -> None:
    _check(task_type)
    db.session.execute(
        insert(Qualification).values(labeler_id=labeler.id, task_type=task_type).on_conflict_do_nothing()
    )
    record(by, GRANT, labeler.id, task_type=task_type)


def decline(by: User, labeler: Labeler, task_type: str, reason: str) -> None:
    _check(task_type)
    record(by, DECLINE, labeler.id, task_type=task_type, reason=checked_reason(reason))


def revoke(by: User | None, labeler: Labeler, task_type: str, reason: str) -> None:
    _check(task_type)
    reason = checked_reason(reason)
    db.session.execute(
        delete(Qualification).where(Qualification.labeler_id == labeler.id, Qualification.task_type == task_type)
    )
    record(by, REVOKE, labeler.id, task_type=task_type, reason=reason)


def set_country(by: User, labeler: Labeler, country: str) -> None:
    """Where she lives, as an operator has checked it; projects may ask for it."""
    labeler.country = people.checked_country(country)
    record(by, "labeler.country", labeler.id, country=labeler.country)


# Credentials


def request_credential(by: User, labeler: Labeler, credential: str) -> None:
    """Ask an operator for a credential that a project requires; asking twice changes nothing."""
    credential = lanes.checked_credential(credential, "credential")
    if credential not in pending_credentials().get(labeler.id, []):
        record(by, ASK_CREDENTIAL, labeler.id, credential=credential)


def grant_credential(by: User | None, labeler: Labeler, credential: str) -> bool:
    """Whether she did not have it; the next claim counts it."""
    credential = lanes.checked_credential(credential, "credential")
    is_new = people.add_credential(labeler.id, credential)
    record(by, GIVE_CREDENTIAL, labeler.id, credential=credential)
    return is_new


def decline_credential(by: User, labeler: Labeler, credential: str, reason: str) -> None:
    record(by, DECLINE_CREDENTIAL, labeler.id, credential=credential, reason=checked_reason(reason))


def revoke_credential(by: User | None, labeler: Labeler, credential: str, reason: str) -> bool:
    """Whether she had it. What she holds, and what she has earned, stays hers."""
    reason = checked_reason(reason)
    had = people.remove_credential(labeler.id, credential.strip().lower())
    if had:
        record(by, TAKE_CREDENTIAL, labeler.id, credential=credential.strip().lower(), reason=reason)
    return had


def _check(task_type: str) -> None:
    if task_type not in TASK_TYPES:
        raise InvalidInput(f"{task_type} is not a task type.", "task_type")


# Lanes


def pause(by: User, lane_id: int, *, paused: bool) -> Lane:
    """A paused lane gives nothing out; who holds something of it goes on."""
    lane = db.session.get(Lane, lane_id)
    if lane is None:
        raise NotFound("There is no lane with this number.")
    lane.paused = paused
    record(by, "lane.pause" if paused else "lane.resume", str(lane.id), project_id=lane.project_id)
    return lane
