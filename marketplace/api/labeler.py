"""/labeler: claim work, keep it, answer it, and see what became of it; for the workbench and for anyone's own tool."""

from functools import cache
from typing import Any

from flask import Blueprint, jsonify, request
from flask.typing import ResponseReturnValue
from marshmallow import Schema
from sqlalchemy import select

from marketplace import held
from marketplace.api.body import read_object
from marketplace.api.payload import assignment_payload, assignment_summary, moment
from marketplace.auth import current_labeler, current_labeler_id
from marketplace.db import db
from marketplace.errors import LeaseLost, NotFound, status_of
from marketplace.models import Assignment, AssignmentState, Lane, Project, Subtask
from marketplace.pipeline import dispatch, review, submit
from marketplace.pipeline.dispatch import NoWork
from marketplace.reports import earnings as money
from marketplace.schemas.labeler import Appeal, AssignmentQuery, ClaimWish, Progress, Skip, Work
from marketplace.schemas.shape import read
from routing.task_types import TASK_TYPES

blueprint = Blueprint("labeler_api", __name__, url_prefix="/labeler")

KEPT = (
    "Your lease had ended, and somebody else works on this now. Your answer is kept: "
    "it counts, and is paid, if they do not finish."
)


def _body(kind: type[Schema]) -> dict[str, Any]:
    schema = _made(kind)
    return read(schema, read_object(schema))


@cache
def _made(kind: type[Schema]) -> Schema:
    """Schemas are made once: to make one takes longer than to read a claim with it."""
    return kind()


@blueprint.post("/claim")
def claim() -> ResponseReturnValue:
    """Claim the best match of what is open to you.

    `types` and `project` (a name or an id) narrow it. Who holds something gets that again. The answer is
    `{assignment, reason}`: without an assignment the reason's `code`, `text` and `until` say why.
    """
    wish = _body(ClaimWish)
    claimed = dispatch.claim_next(current_labeler_id(), types=wish.get("types"), project_id=wish.get("project"))
    assignment = None if claimed.held is None else assignment_payload(claimed.held)
    return jsonify(assignment=assignment, reason=_reason(claimed.reason))


def _reason(reason: NoWork | None) -> dict[str, Any] | None:
    return None if reason is None else {"code": reason.code, "text": reason.text, "until": moment(reason.until)}


@blueprint.get("/assignments")
def assignments() -> ResponseReturnValue:
    """Your assignments, newest first.

    `state` narrows them, `limit` (to 200) bounds them, `before` takes the last id of the page before.
    """
    query = read(AssignmentQuery(), request.args.to_dict())
    columns: list[Any] = [Assignment, Lane.task_type, Project.name]
    own = (
        select(*columns)
        .join(Subtask, Subtask.id == Assignment.subtask_id)
        .join(Lane, Lane.id == Subtask.lane_id)
        .join(Project, Project.id == Lane.project_id)
        .where(Assignment.labeler_id == current_labeler().id)
    )
    if "state" in query:
        own = own.where(Assignment.state == AssignmentState(query["state"]))
    if "before" in query:
        own = own.where(Assignment.id < query["before"])
    rows = db.session.execute(own.order_by(Assignment.id.desc()).limit(query["limit"]))
    return jsonify(assignments=[assignment_summary(one, kind, project, "USD") for one, kind, project in rows])


@blueprint.get("/assignments/<assignment_id>")
def assignment(assignment_id: str) -> ResponseReturnValue:
    """One of your assignments with its subtask and its draft."""
    return _answer(assignment_id)


def _answer(assignment_id: str) -> ResponseReturnValue:
    return jsonify(assignment=assignment_payload(held.own(current_labeler_id(), assignment_id)))


@blueprint.post("/assignments/<assignment_id>/heartbeat")
def heartbeat(assignment_id: str) -> ResponseReturnValue:
    """Extend the lease; send it about every 30 seconds of work."""
    progress = _body(Progress)
    beaten = dispatch.heartbeat(current_labeler(), assignment_id, progress["epoch"], progress["active_seconds"])
    return jsonify(lease_expires_at=moment(beaten.lease_expires_at))


@blueprint.put("/assignments/<assignment_id>/draft")
def draft(assignment_id: str) -> ResponseReturnValue:
    """Keep unfinished work on the server; it is offered back first if the lease runs out."""
    work = _body(Work)
    labeler = current_labeler()
    saved = submit.save_draft(labeler, assignment_id, work["epoch"], work["answer"], work["active_seconds"])
    return jsonify(saved_at=moment(saved.draft_saved_at))


@blueprint.post("/assignments/<assignment_id>/submit")
def submit_answer(assignment_id: str) -> ResponseReturnValue:
    """Submit the answer; repeating a submit changes nothing.

    A refusal names the field at fault. After the end of the lease it is still taken while the subtask wants an answer;
    while others hold all of its slots it is kept, and the reply is a 409 that says so.
    """
    work = _body(Work)
    labeler = current_labeler()
    taken = submit.submit_answer(labeler, assignment_id, work["epoch"], work["answer"], work["active_seconds"])
    if taken.state is AssignmentState.EXPIRED:  # answered, not raised: what was kept must be committed
        status = status_of(LeaseLost(KEPT))
        return jsonify(status_code=status, error=KEPT), status
    return _answer(assignment_id)


@blueprint.post("/assignments/<assignment_id>/skip")
def skip(assignment_id: str) -> ResponseReturnValue:
    """Give a subtask back with a reason; you will not get it again."""
    why = _body(Skip)
    dispatch.skip(current_labeler(), assignment_id, why["epoch"], why["reason"])
    return _answer(assignment_id)


@blueprint.post("/assignments/<assignment_id>/appeal")
def appeal(assignment_id: str) -> ResponseReturnValue:
    """Object to a rejection, once; somebody other than who rejected decides."""
    review.appeal(current_labeler(), assignment_id, _body(Appeal)["text"])
    return _answer(assignment_id)


@blueprint.get("/earnings")
def earnings() -> ResponseReturnValue:
    """Where your money stands, in cents, and when what is held is released."""
    labeler = current_labeler()
    standing = money.standing(labeler.id)
    return jsonify(
        currency="USD",
        held_cents=standing.held_cents,
        available_cents=standing.available_cents,
        in_transit_cents=standing.in_transit_cents,
        paid_cents=standing.paid_cents,
        next_release_at=moment(standing.next_release_at),
        releases=[
            {"day": one.day.isoformat(), "answers": one.answers, "amount_cents": one.amount_cents}
            for one in money.releases(labeler.id)
        ],
    )


@blueprint.get("/task-types/<task_type>/schema")
def schema(task_type: str) -> ResponseReturnValue:
    """The JSON Schema of a task type's answer."""
    if task_type not in TASK_TYPES:
        raise NotFound(f"There is no task type {task_type}.")
    return jsonify(TASK_TYPES[task_type].answer_json_schema())
