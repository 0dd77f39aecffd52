"""/v1/batches."""

from collections.abc import Callable
from typing import Any

from flask import Response, jsonify
from marshmallow import ValidationError
from sqlalchemy import Select, func, select
from sqlalchemy.orm import joinedload

from marketplace import projects
from marketplace.api.blueprint import blueprint, takes
from marketplace.api.body import read_object
from marketplace.api.paging import narrowed, page_of
from marketplace.auth import current_customer, current_mode
from marketplace.db import db
from marketplace.errors import InvalidInput, NotFound
from marketplace.models import Batch, BatchStatus, Project, Task, TaskStage
from marketplace.pipeline import split
from marketplace.queue import enqueue
from marketplace.schemas.batch import BatchPage, BatchQuery, BatchSchema, BatchStatusSchema, NewBatch
from marketplace.schemas.shape import wrong
from marketplace.schemas.task import Metadata

TAGS = ["Batches"]


def own_batch(name: str) -> Batch:
    batch = projects.find_batch(current_customer(), current_mode(), name)
    if batch is None:
        raise NotFound("Batch with that name not found.")
    return batch


@blueprint.route("/batches", methods=["POST"], tags=TAGS)
@blueprint.arguments(NewBatch)
@blueprint.response(200, BatchSchema)
def create_batch(new: dict[str, Any]) -> Batch:
    """Create a batch

    Its tasks are worked at once, unless it is staged: then they wait until it is finalized. A name that is taken is
    refused with 409.
    """
    project = projects.find_project(current_customer(), current_mode(), new["project"])
    if project is None:
        raise InvalidInput(f'Parameter is invalid, reason: there is no project named "{new["project"]}"', "project")
    staging = new.get("staging_batch", project.staged)
    return projects.create_batch(
        project, new["name"], callback=new.get("callback"), metadata=new["metadata"], staging=staging
    )


@blueprint.route("/batches", tags=TAGS)
@blueprint.arguments(BatchQuery, location="query")
@blueprint.response(200, BatchPage)
def list_batches(query: dict[str, Any]) -> Response:
    """List batches, newest first"""
    page = page_of(_selected(query), Batch, query)
    docs = [BatchSchema().dump(batch) for batch in page.docs]
    if query["detailed"]:
        counts = _counts([batch.id for batch in page.docs])
        docs = [doc | counts.get(doc["id"], {}) for doc in docs]
    return jsonify(
        docs=docs, totalDocs=page.total, limit=query["limit"], offset=query["offset"], has_more=page.has_more
    )


def _selected(query: dict[str, Any]) -> Select[Any]:
    own = select(Batch).where(Batch.customer_id == current_customer().id, Batch.mode == current_mode())
    own = own.join(Batch.project).options(joinedload(Batch.project))
    conditions: dict[str, Callable[[Any], Any]] = {
        "project": lambda name: Project.name == name,
        "status": lambda status: Batch.status == status,
        "start_time": lambda moment: Batch.created_at >= moment,
        "end_time": lambda moment: Batch.created_at <= moment,
    }
    own = narrowed(own, query, conditions)
    return own.where(Project.archived_at.is_(None)) if query["exclude_archived"] else own


def _counts(batch_ids: list[str]) -> dict[str, dict[str, int]]:
    """The number of tasks by status, for each batch."""
    counted = select(Task.batch_id, Task.status, func.count()).where(Task.batch_id.in_(batch_ids))
    counts: dict[str, dict[str, int]] = {}
    for batch_id, status, count in db.session.execute(counted.group_by(Task.batch_id, Task.status)):
        counts.setdefault(str(batch_id), {})[str(status)] = count
    return counts


@blueprint.route("/batches/<path:name>", tags=TAGS)
@blueprint.response(200, BatchSchema)
def get_batch(name: str) -> Batch:
    """Get a batch by its name"""
    return own_batch(name)


@blueprint.route("/batches/<path:name>/status", tags=TAGS)
@blueprint.response(200, BatchStatusSchema)
def get_batch_status(name: str) -> dict[str, Any]:
    """Get a batch's status and the number of its tasks by status"""
    batch = own_batch(name)
    return {"status": batch.status} | _counts([batch.id]).get(batch.id, {})


@blueprint.route("/batches/<path:name>/finalize", methods=["POST"], tags=TAGS)
@blueprint.response(200, BatchSchema)
def finalize_batch(name: str) -> Batch:
    """Let the work on a staged batch begin

    On a batch that is worked already it does nothing.
    """
    batch = own_batch(name)
    db.session.refresh(batch, with_for_update=True)
    if batch.status is BatchStatus.STAGING:
        batch.status = BatchStatus.IN_PROGRESS
        waiting = select(Task.id).where(Task.batch_id == batch.id, Task.stage == TaskStage.INGESTED)
        for task_id in db.session.scalars(waiting):
            enqueue(split.split_task, task_id)
    return batch


@blueprint.route("/batches/<path:name>/setMetadata", methods=["POST"], tags=TAGS)
@takes({"type": "object", "description": "The metadata."})
@blueprint.response(200, BatchSchema)
def set_batch_metadata(name: str) -> Batch:
    """Replace a batch's metadata by the body"""
    batch = own_batch(name)
    batch.metadata_ = read_metadata()
    return batch


def read_metadata() -> dict[str, Any]:
    """The whole body as metadata."""
    try:
        return dict(Metadata().deserialize(read_object()))
    except ValidationError as error:
        raise wrong(error, "metadata") from error
