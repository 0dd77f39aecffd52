"""Labelers as operators see them: what they may claim, how well they measurably do it, what was decided about them."""

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, and_, func, or_, select
from sqlalchemy.dialects.postgresql import distinct_on

from marketplace.clock import utc_now
from marketplace.db import db
from marketplace.errors import NotFound
from marketplace.models import (
    Assignment,
    AssignmentState,
    AuditEvent,
    Block,
    Customer,
    Labeler,
    LabelerState,
    Qualification,
    SkillRecord,
    User,
)
from marketplace.reports.accuracy import Accuracy, accuracies
from marketplace.reports.listing import Found, Wish, fetch
from marketplace.words import task_type

REQUEST, GRANT, DECLINE, REVOKE = (f"qualification.{word}" for word in ("request", "grant", "decline", "revoke"))
ASK_CREDENTIAL, GIVE_CREDENTIAL, DECLINE_CREDENTIAL, TAKE_CREDENTIAL = (
    f"credential.{word}" for word in ("request", "grant", "decline", "revoke")
)


@dataclass(frozen=True)
class LabelerRow:
    labeler: Labeler
    accepted: int
    rejected: int
    last_submitted_at: datetime | None
    qualified: list[str]
    requested: list[str]
    accuracy: list[Accuracy]

    def measured(self, task_type: str) -> Accuracy | None:
        return next((one for one in self.accuracy if one.task_type == task_type), None)

    @property
    def state(self) -> LabelerState:
        return LabelerState.RESTRICTED if is_restricted(self.labeler, utc_now()) else LabelerState.ACTIVE


def labelers(wish: Wish, *, state: str | None, words: str | None) -> Found[LabelerRow]:
    """`state` is active, restricted or requests (who asks for a qualification); `words` finds in name and address."""
    done = (
        select(
            Assignment.labeler_id,
            func.count().filter(Assignment.state == AssignmentState.ACCEPTED).label("accepted"),
            func.count().filter(Assignment.state == AssignmentState.REJECTED).label("rejected"),
            func.max(Assignment.submitted_at).label("last"),
        )
        .group_by(Assignment.labeler_id)
        .subquery()
    )
    mean = SkillRecord.alpha / (SkillRecord.alpha + SkillRecord.beta)
    best = select(SkillRecord.labeler_id, func.max(mean).label("mean")).group_by(SkillRecord.labeler_id).subquery()
    accepted = func.coalesce(done.c.accepted, 0)
    statement = (
        select(Labeler, accepted, func.coalesce(done.c.rejected, 0), done.c.last)
        .outerjoin(done, done.c.labeler_id == Labeler.id)
        .outerjoin(best, best.c.labeler_id == Labeler.id)
    )
    statement = _narrowed(statement, state, words)
    columns = {
        "name": func.lower(Labeler.name),
        "created": Labeler.created_at,
        "accepted": accepted,
        "rejected": func.coalesce(done.c.rejected, 0),
        "last": done.c.last,
        "accuracy": best.c.mean,
    }
    found = fetch(statement, wish, columns=columns, default="-created", tie=Labeler.id, convert=tuple)
    return Found(_with_skills(found.rows), found.page, found.has_more)


def _narrowed(statement: Any, state: str | None, words: str | None) -> Any:
    if state in set(LabelerState):
        holds = restriction_holds(utc_now())
        statement = statement.where(holds if state == LabelerState.RESTRICTED else ~holds)
    elif state == "requests":
        statement = statement.where(Labeler.id.in_([*pending_requests(), *pending_credentials()]))
    if words:
        wanted = f"%{words.replace('%', '')}%"
        statement = statement.where(or_(Labeler.name.ilike(wanted), Labeler.email.ilike(wanted), Labeler.id == words))
    return statement


def _with_skills(rows: list[tuple[Any, ...]]) -> list[LabelerRow]:
    ids = [labeler.id for labeler, *_ in rows]
    qualified = defaultdict(list)
    for labeler_id, granted in db.session.execute(
        select(Qualification.labeler_id, Qualification.task_type)
        .where(Qualification.labeler_id.in_(ids))
        .order_by(Qualification.task_type)
    ):
        qualified[labeler_id].append(granted)
    requested, measured = pending_requests(), accuracies(ids)
    return [
        LabelerRow(
            labeler,
            accepted,
            rejected,
            last,
            qualified[labeler.id],
            requested.get(labeler.id, []),
            measured.get(labeler.id, []),
        )
        for labeler, accepted, rejected, last in rows
    ]


def pending_requests() -> dict[str, list[str]]:
    """Task types by labeler: asked for, and since then neither granted nor declined."""
    return _pending("task_type", REQUEST, [GRANT, DECLINE, REVOKE])


def pending_credentials() -> dict[str, list[str]]:
    """Credentials by labeler: asked for, and since then neither given nor declined."""
    return _pending("credential", ASK_CREDENTIAL, [GIVE_CREDENTIAL, DECLINE_CREDENTIAL, TAKE_CREDENTIAL])


def _pending(key: str, request: str, decided: list[str]) -> dict[str, list[str]]:
    wanted = AuditEvent.details[key].astext
    newest = (
        select(AuditEvent.subject_id, wanted.label("wanted"), AuditEvent.action)
        .where(AuditEvent.action.in_([request, *decided]))
        .ext(distinct_on(AuditEvent.subject_id, wanted))
        .order_by(AuditEvent.subject_id, wanted, AuditEvent.id.desc())
        .subquery()
    )
    found: dict[str, list[str]] = defaultdict(list)
    for labeler_id, one in db.session.execute(
        select(newest.c.subject_id, newest.c.wanted).where(newest.c.action == request)
    ):
        found[labeler_id].append(one)
    return found


def is_restricted(labeler: Labeler, now: datetime) -> bool:
    """Whether a restriction is in force; one with an end is over when that has come, though the row still tells it."""
    until = labeler.restricted_until
    return labeler.state is LabelerState.RESTRICTED and (until is None or until > now)


def restriction_holds(now: datetime) -> ColumnElement[bool]:
    """The same, as a condition on the rows."""
    ends = Labeler.restricted_until
    return and_(Labeler.state == LabelerState.RESTRICTED, or_(ends.is_(None), ends > now))


def find_labeler(labeler_id: str) -> Labeler:
    labeler = db.session.get(Labeler, labeler_id)
    if labeler is None:
        raise NotFound("There is no labeler with this id.")
    return labeler


def blocks_on(labeler_id: str) -> list[tuple[str, str, datetime]]:
    """Which customers do not want her, why, and since when: for operators' eyes."""
    rows = db.session.execute(
        select(Customer.name, Block.reason, Block.created_at)
        .join(Customer, Customer.id == Block.customer_id)
        .where(Block.labeler_id == labeler_id)
        .order_by(Block.created_at.desc())
    )
    return [(name, reason, since) for name, reason, since in rows]


DECISION_WORDS = {
    "labeler.restrict": "Restricted",
    "labeler.lift": "Restriction lifted",
    REQUEST: "Asked for a qualification",
    GRANT: "Qualification granted",
    DECLINE: "Qualification declined",
    REVOKE: "Qualification revoked",
    ASK_CREDENTIAL: "Asked for a credential",
    GIVE_CREDENTIAL: "Credential given",
    DECLINE_CREDENTIAL: "Credential declined",
    TAKE_CREDENTIAL: "Credential taken back",
    "labeler.country": "Country set",
    "labeler.block": "Blocked by a customer",
    "labeler.unblock": "Block ended",
    "trial.passed": "Trial passed",
    "trial.failed": "Trial not passed",
    "trial.stopped": "Trial given up or ended",
}


@dataclass(frozen=True)
class Decision:
    event: AuditEvent
    actor: str

    @property
    def words(self) -> str:
        return DECISION_WORDS.get(self.event.action, self.event.action)

    @property
    def details(self) -> str:
        given = self.event.details
        parts = [task_type(given["task_type"])] if given.get("task_type") else []
        parts += [given[key] for key in ("credential", "country", "customer") if given.get(key)]
        parts += [f"{given['graded']} answers graded at {given['grade']:.0%}"] if given.get("grade") is not None else []
        parts += [f"until {given['until']}"] if given.get("until") else []
        parts += [given["reason"]] if given.get("reason") else []
        return "; ".join(parts)


def decisions_on(subject_id: str, limit: int = 100) -> list[Decision]:
    rows = db.session.execute(
        select(AuditEvent, User.name)
        .outerjoin(User, User.id == AuditEvent.actor_id)
        .where(AuditEvent.subject_id == subject_id)
        .order_by(AuditEvent.id.desc())
        .limit(limit)
    )
    return [Decision(event, name or event.actor_id) for event, name in rows]
