"""The labelers' API, /labeler: claim, keep the lease, save drafts, submit, skip, appeal; for any tool."""

from typing import Any

from flask import jsonify, request
from flask.typing import ResponseReturnValue
from flask_smorest import Blueprint
from marshmallow import INCLUDE, Schema, fields, validate
from sqlalchemy import or_, select

from marketplace.api.payload import assignment_payload, pay_of
from marketplace.auth import current_labeler
from marketplace.db import db
from marketplace.errors import InvalidInput, NotFound
from marketplace.models import Assignment, AssignmentState, Project
from marketplace.pipeline import dispatch, review, submit
from marketplace.schemas.shape import invalid, read
from marketplace.words import timestamp
from payouts import ledger
from payouts.chart import Kind
from routing.task_types import TASK_TYPES

blueprint = Blueprint("labeler_api", __name__, url_prefix="/labeler", description="Claiming and doing work.")

LISTED_MAX = 100


class ClaimWish(Schema):
    class Meta:
        unknown = INCLUDE

    types = fields.List(fields.String(), allow_none=True, validate=validate.Length(max=50))
    project = fields.String(allow_none=True, validate=validate.Length(max=200))


class Beat(Schema):
    class Meta:
        unknown = INCLUDE

    epoch = fields.Integer(required=True, strict=True)
    active_seconds = fields.Integer(load_default=None, allow_none=True, validate=validate.Range(0, 10**7))


class Work(Beat):
    answer = fields.Dict(required=True)


class Reason(Schema):
    class Meta:
        unknown = INCLUDE

    epoch = fields.Integer(required=True, strict=True)
    reason = fields.String(required=True)


class Appeal(Schema):
    class Meta:
        unknown = INCLUDE

    text = fields.String(required=True)


def _body(schema: Schema) -> dict[str, Any]:
    """The request's JSON object, read by the schema; an empty body is an empty object."""
    data = request.get_json(silent=True) if request.get_data() else {}
    if data is None:
        raise InvalidInput("The request's body is not valid JSON.")
    if not isinstance(data, dict):
        raise InvalidInput("The request's body must be a JSON object.")
    return read(schema, data)


@blueprint.post("/claim")
def claim() -> ResponseReturnValue:
    """Claim the best matching work: `{types?, project?}` -> `{assignment, reason}`; a null assignment says why."""
    wish = _body(ClaimWish())
    for number, name in enumerate(wish.get("types") or []):
        if name not in TASK_TYPES:
            raise invalid(f"types[{number}]", f"{name} is not a task type; there are {', '.join(TASK_TYPES)}.")
    project_id = _project_id(wish["project"]) if wish.get("project") else None
    claimed = dispatch.claim_next(current_labeler(), types=wish.get("types") or None, project_id=project_id)
    if claimed.assignment is not None:
        return jsonify(assignment=assignment_payload(claimed.assignment), reason=None)
    why = claimed.reason
    assert why is not None
    return jsonify(assignment=None, reason={"code": why.code, "text": why.text, "until": timestamp(why.until)})


def _project_id(project: str) -> str:
    """The project of this id, else the oldest of this name."""
    named = select(Project.id).where(or_(Project.id == project, Project.name == project))
    return db.session.scalar(named.order_by(Project.id != project, Project.created_at).limit(1)) or project


@blueprint.get("/assignments")
def assignments() -> ResponseReturnValue:
    """Her newest assignments, without their data; `?state=` picks a state, `?before=` an id to go on from."""
    query = select(Assignment).filter_by(labeler_id=current_labeler().id)
    state, before = request.args.get("state"), request.args.get("before")
    if state is not None:
        if state not in list(AssignmentState):
            raise invalid("state", f"must be one of {', '.join(AssignmentState)}.")
        query = query.filter_by(state=AssignmentState(state))
    if before is not None:
        query = query.where(Assignment.id < before)
    rows = db.session.scalars(query.order_by(Assignment.id.desc()).limit(LISTED_MAX)).all()
    return jsonify(assignments=[_listed(row) for row in rows], before=rows[-1].id if len(rows) == LISTED_MAX else None)


def _listed(assignment: Assignment) -> dict[str, Any]:
    return {
        "id": assignment.id,
        "epoch": assignment.epoch,
        "state": assignment.state.value,
        "task_type": assignment.subtask.task.type,
        "claimed_at": timestamp(assignment.claimed_at),
        "lease_expires_at": timestamp(assignment.lease_expires_at),
        "submitted_at": timestamp(assignment.submitted_at),
        "active_seconds": assignment.active_seconds,
        "has_draft": assignment.draft is not None,
        "agreement": None if assignment.subtask.gold else assignment.agreement,
        "reason": assignment.reason,
        "pay": pay_of(assignment),
    }


@blueprint.get("/assignments/<assignment_id>")
def assignment(assignment_id: str) -> ResponseReturnValue:
    """One assignment with its subtask and draft."""
    return _answered(dispatch.own_assignment(current_labeler(), assignment_id))


@blueprint.post("/assignments/<assignment_id>/heartbeat")
def heartbeat(assignment_id: str) -> ResponseReturnValue:
    """Extend the lease: `{epoch, active_seconds?}` -> `{lease_expires_at}`; 409 if it is lost."""
    beat = _body(Beat())
    held = dispatch.heartbeat(current_labeler(), assignment_id, beat["epoch"], beat["active_seconds"])
    return jsonify(lease_expires_at=timestamp(held.lease_expires_at))


@blueprint.put("/assignments/<assignment_id>/draft")
def draft(assignment_id: str) -> ResponseReturnValue:
    """Keep unfinished work on the server: `{epoch, answer, active_seconds?}` -> `{saved_at}`."""
    work = _body(Work())
    saved = submit.save_draft(
        current_labeler(), assignment_id, work["epoch"], work["answer"], work["active_seconds"] or 0
    )
    return jsonify(saved_at=timestamp(saved.draft_saved_at))


@blueprint.post("/assignments/<assignment_id>/submit")
def submit_work(assignment_id: str) -> ResponseReturnValue:
    """Hand in an answer: `{epoch, answer, active_seconds?}`; again is the same as once, 400 names what is wrong."""
    work = _body(Work())
    return _answered(
        submit.submit_answer(
            current_labeler(), assignment_id, work["epoch"], work["answer"], work["active_seconds"] or 0
        )
    )


@blueprint.post("/assignments/<assignment_id>/skip")
def skip(assignment_id: str) -> ResponseReturnValue:
    """Give the work back: `{epoch, reason}`."""
    why = _body(Reason())
    return _answered(dispatch.skip(current_labeler(), assignment_id, why["epoch"], why["reason"]))


@blueprint.post("/assignments/<assignment_id>/appeal")
def appeal(assignment_id: str) -> ResponseReturnValue:
    """Object to a rejection: `{text}`; another reviewer decides."""
    return _answered(review.appeal(current_labeler(), assignment_id, _body(Appeal())["text"]))


def _answered(held: Assignment) -> ResponseReturnValue:
    return jsonify(assignment=assignment_payload(held))


@blueprint.get("/earnings")
def earnings() -> ResponseReturnValue:
    """What is held, what goes out with the next payout, in cents."""
    labeler = current_labeler()
    held, available = (
        ledger.balance(db.session(), kind, labeler.id) for kind in (Kind.LABELER_HELD, Kind.LABELER_AVAILABLE)
    )
    return jsonify(currency="USD", held_cents=held, available_cents=available)


@blueprint.get("/task-types/<name>/schema")
def answer_schema(name: str) -> ResponseReturnValue:
    """The JSON Schema of a task type's answers."""
    if name not in TASK_TYPES:
        raise NotFound("There is no such task type.")
    return jsonify(TASK_TYPES[name].answer_json_schema())
