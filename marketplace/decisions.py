"""What operators decide about labelers and lanes: each decision with its line in the audit trail."""

from datetime import datetime
from typing import Any

from sqlalchemy import delete
from sqlalchemy.dialects.postgresql import insert

from marketplace.db import db
from marketplace.errors import InvalidInput, NotFound
from marketplace.models import AuditEvent, Labeler, LabelerState, Lane, Qualification, User
from marketplace.reports.labelers import DECLINE, GRANT, REQUEST, REVOKE, pending_requests
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


def grant(by: User, labeler: Labeler, task_type: str) -> None:
    _check(task_type)
    db.session.execute(
        insert(Qualification).values(labeler_id=labeler.id, task_type=task_type).on_conflict_do_nothing()
    )
    record(by, GRANT, labeler.id, task_type=task_type)


def decline(by: User, labeler: Labeler, task_type: str, reason: str) -> None:
    _check(task_type)
    record(by, DECLINE, labeler.id, task_type=task_type, reason=checked_reason(reason))


def revoke(by: User, labeler: Labeler, task_type: str, reason: str) -> None:
    _check(task_type)
    reason = checked_reason(reason)
    db.session.execute(
        delete(Qualification).where(Qualification.labeler_id == labeler.id, Qualification.task_type == task_type)
    )
    record(by, REVOKE, labeler.id, task_type=task_type, reason=reason)


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
