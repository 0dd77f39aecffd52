"""/v1/task and /v1/tasks: looking tasks up, and what can be done to one that was sent."""

from collections.abc import Callable
from typing import Any

import flask
from flask import Response, jsonify, request
from marshmallow import EXCLUDE, Schema, ValidationError, fields
from sqlalchemy import Select, or_, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import joinedload

from marketplace import exports
from marketplace.api.batches import read_metadata
from marketplace.api.blueprint import blueprint, takes
from marketplace.api.body import read_list
from marketplace.api.paging import narrowed, page_of
from marketplace.auth import current_customer, current_mode
from marketplace.clock import utc_now
from marketplace.db import db
from marketplace.errors import InvalidInput, NotFound, WrongState
from marketplace.files import attachment_links
from marketplace.models import Batch, CallbackAttempt, Project, Task, TaskStatus
from marketplace.pipeline import closing, deliver, intake
from marketplace.reports import explanations
from marketplace.reports.explanations import Decided
from marketplace.schemas.decisions import Decisions
from marketplace.schemas.shape import wrong
from marketplace.schemas.task import TAGS_MAX, Audit, Tags, TaskPage, TaskQuery, TaskSchema, UniqueId
from marketplace.words import timestamp

TAGS = ["Tasks"]
TAG_LIST = {"type": "array", "items": {"type": "string"}, "maxItems": TAGS_MAX}


def own_task(reference: str) -> Task:
    """The customer's task of this id, or of this unique_id: clients look a duplicate up by either."""
    customer, mode = current_customer(), current_mode()
    task = db.session.get(Task, reference)
    if task is None or task.customer_id != customer.id or task.mode is not mode:
        task = db.session.scalar(select(Task).filter_by(customer_id=customer.id, mode=mode, unique_id=reference))
    if task is None:
        raise NotFound("Task with that ID not found.")
    return task


def own_task_locked(reference: str) -> Task:
    task = own_task(reference)
    closing.lock_task(task.id)
    return task


class CancelQuery(Schema):
    class Meta:
        unknown = EXCLUDE

    clear_unique_id = fields.Boolean(load_default=False, metadata={"description": "Free the unique_id."})


@blueprint.route("/task/<task_id>/cancel", methods=["POST"], tags=TAGS)
@blueprint.arguments(CancelQuery, location="query")
@blueprint.response(200, TaskSchema)
def cancel_task(query: dict[str, Any], task_id: str) -> Task:
    """Cancel a pending task on which no work has begun

    What was reserved for it is yours again. Anything else is refused with 400.
    """
    task = own_task(task_id)
    intake.cancel_task(task, clear_unique_id=query["clear_unique_id"])
    return task


@blueprint.route("/task/<path:task_id>", tags=TAGS)
@blueprint.response(200, TaskSchema)
def get_task(task_id: str) -> Task:
    """Get a task by its task_id or its unique_id"""
    return own_task(task_id)


@blueprint.route("/task/<task_id>/deliverable", tags=TAGS)
@blueprint.doc(
    parameters=[{"in": "query", "name": "format", "schema": {"type": "string", "enum": list(exports.FORMATS)}}]
)
@blueprint.response(200, description="The file", content_type="application/octet-stream", schema={"type": "string"})
def get_deliverable(task_id: str) -> Response:
    """Download a completed task's deliverable in a standard format (ours)"""
    task = own_task(task_id)
    name = request.args.get("format", "scale")
    if name not in exports.FORMATS:
        raise InvalidInput(f'"{name}" is not a format here; there are {", ".join(exports.FORMATS)}.', "format")
    if task.status is not TaskStatus.COMPLETED:
        raise WrongState(f"Only a completed task has a deliverable; this one is {task.status}.")
    export = exports.export(task, name)
    response = Response(export.content, mimetype=export.mime_type)
    response.headers.set("Content-Disposition", "attachment", filename=export.name)
    return response


@blueprint.route("/task/<task_id>/decisions", tags=TAGS)
@blueprint.response(200, Decisions)
def get_decisions(task_id: str) -> dict[str, Any]:
    """Read how a task was decided, subtask by subtask, with the reasons in words (ours)

    Why another answer was asked, why one won, why a person decided. Labelers are not named.
    """
    return {"subtasks": [_decided(one) for one in explanations.decided(own_task(task_id))]}


def _decided(one: Decided) -> dict[str, Any]:
    start, stop = one.subtask.window_start, one.subtask.window_stop
    return {
        "subtask": one.subtask.position,
        "frames": None if start is None or stop is None else [start, stop - 1],
        "state": one.subtask.state.value,
        "confidence": one.subtask.confidence,
        "answers": one.answers,
        "decisions": [
            {"at": timestamp(event.at), "kind": event.kind, "title": event.title, "reasons": list(event.sentences)}
            for event in one.events
        ],
    }


@blueprint.route("/tasks", tags=TAGS)
@blueprint.arguments(TaskQuery, location="query")
@blueprint.response(200, TaskPage)
def list_tasks(query: dict[str, Any]) -> Response:
    """List tasks, newest first"""
    page = page_of(_selected(query), Task, query)
    docs = [TaskSchema().dump(task) for task in page.docs]
    if query["limited_response"]:
        kept = ("task_id", "status", "metadata", "project")
        docs = [{name: doc[name] for name in kept if name in doc} for doc in docs]
    elif query["include_attachment_url"]:
        for doc, links in zip(docs, attachment_links(page.docs), strict=True):
            doc["attachments_urls"] = links
    body = {
        "docs": docs,
        "total": page.total,
        "limit": query["limit"],
        "offset": query["offset"],
        "has_more": page.has_more,
    }
    return jsonify(body | ({"next_token": page.next_token} if page.next_token else {}))


def _selected(query: dict[str, Any]) -> Select[Any]:
    """The customer's tasks that a query means; gold is not among them, as it is not delivered."""
    conditions: dict[str, Callable[[Any], Any]] = {
        "project": lambda name: Task.project.has(Project.name == name),
        "batch": lambda name: Task.batch.has(Batch.name == name),
        "type": lambda name: Task.type == name,
        "status": lambda status: Task.status == status,
        "unique_id": lambda ids: Task.unique_id.in_(ids),
        "tags": lambda tags: or_(*(Task.tags.contains([tag]) for tag in tags)),
        "customer_review_status": lambda text: Task.customer_review_status.in_(text.split(",")),
        "start_time": lambda moment: Task.created_at >= moment,
        "end_time": lambda moment: Task.created_at <= moment,
        "completed_after": lambda moment: Task.completed_at >= moment,
        "completed_before": lambda moment: Task.completed_at <= moment,
        "updated_after": lambda moment: Task.updated_at >= moment,
        "updated_before": lambda moment: Task.updated_at <= moment,
    }
    own = select(Task).where(Task.customer_id == current_customer().id, Task.mode == current_mode())
    own = own.where(Task.expected_answer.is_(None)).options(joinedload(Task.project), joinedload(Task.batch))
    return narrowed(own, query, conditions)


# Changing what a task says of itself


@blueprint.route("/task/<task_id>/unique_id", methods=["POST"], tags=TAGS)
@blueprint.arguments(UniqueId)
@blueprint.response(200, TaskSchema)
def set_unique_id(new: dict[str, Any], task_id: str) -> Task:
    """Give a task a unique_id, or another one; 409 if it is taken"""
    task = own_task_locked(task_id)
    unique_id = new["unique_id"]
    try:
        with db.session.begin_nested():
            task.unique_id = unique_id
    except IntegrityError as error:
        other = intake.task_of_unique_id(current_customer(), current_mode(), unique_id)
        raise intake.duplicate(unique_id, other) from error
    return task


@blueprint.route("/task/<task_id>/unique_id", methods=["DELETE"], tags=TAGS)
@blueprint.response(200, TaskSchema)
def clear_unique_id(task_id: str) -> Task:
    """Free a task's unique_id"""
    task = own_task_locked(task_id)
    task.unique_id = None
    return task


@blueprint.route("/task/<task_id>/setMetadata", methods=["POST"], tags=TAGS)
@takes({"type": "object", "description": "The metadata."})
@blueprint.response(200, TaskSchema)
def set_task_metadata(task_id: str) -> Task:
    """Replace a task's metadata by the body"""
    task = own_task_locked(task_id)
    task.metadata_ = read_metadata()
    return task


def _read_tags(tags: list[Any] | None = None) -> list[str]:
    try:
        return [str(tag) for tag in Tags().deserialize(read_list() if tags is None else tags) or []]
    except ValidationError as error:
        raise wrong(error, "tags") from error


@blueprint.route("/task/<task_id>/tags", methods=["POST"], tags=TAGS)
@takes(TAG_LIST)
@blueprint.response(200, TaskSchema)
def set_tags(task_id: str) -> Task:
    """Replace a task's tags by the list in the body"""
    task = own_task_locked(task_id)
    task.tags = _read_tags()
    return task


@blueprint.route("/task/<task_id>/tags", methods=["PUT"], tags=TAGS)
@takes(TAG_LIST)
@blueprint.response(200, TaskSchema)
def add_tags(task_id: str) -> Task:
    """Add tags to a task; those that it has are ignored"""
    task = own_task_locked(task_id)
    task.tags = _read_tags(task.tags + _read_tags())
    return task


@blueprint.route("/task/<task_id>/tags", methods=["DELETE"], tags=TAGS)
@takes(TAG_LIST)
@blueprint.response(200, TaskSchema)
def remove_tags(task_id: str) -> Task:
    """Take tags from a task; those that it does not have are ignored"""
    task = own_task_locked(task_id)
    gone = _read_tags()
    task.tags = [tag for tag in task.tags if tag not in gone]
    return task


# Afterwards


@blueprint.route("/task/<task_id>/audit", methods=["POST"], tags=TAGS)
@blueprint.arguments(Audit)
@blueprint.response(200, TaskSchema)
def audit_task(audit: dict[str, Any], task_id: str) -> Task:
    """Accept or reject a completed task's deliverable"""
    task = own_task_locked(task_id)
    if task.status is not TaskStatus.COMPLETED:
        raise WrongState(f"Only a completed task can be audited; this one is {task.status}.")
    result = "accepted" if audit["accepted"] else "rejected"
    entry = {
        "audited_by": current_customer().email,
        "audited_at": timestamp(utc_now()),
        "audit_result": result,
        "audit_source": "customer",
    }
    comments = audit.get("comments")
    task.audits = [*task.audits, entry | ({"comments": comments} if comments else {})]
    task.customer_review_status = result
    deliver.announce(task, "audit")
    return task


@blueprint.route("/task/<task_id>/send-callback", methods=["POST"], tags=TAGS)
@blueprint.response(200, TaskSchema)
def send_callback(task_id: str) -> Task:
    """Send a task's latest callback again"""
    task = own_task(task_id)
    latest = select(CallbackAttempt.id).filter_by(task_id=task.id).order_by(CallbackAttempt.id.desc()).limit(1)
    callback_id = db.session.scalar(latest)
    if callback_id is None:
        raise WrongState("This task has sent no callback: it is not finished, or has no callback URL.")
    deliver.send_again(callback_id)
    return task


# The vendor's pages disagree on the word, so both work; the document has one of them.
flask.Blueprint.add_url_rule(
    blueprint, "/task/<task_id>/send_callback", "send_callback_too", send_callback, methods=["POST"]
)
