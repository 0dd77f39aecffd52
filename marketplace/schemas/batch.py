"""Batches as customers send and see them."""

from marshmallow import EXCLUDE, Schema, fields, validate

from marketplace.schemas.shape import Moment, Time
from marketplace.schemas.task import Metadata


class NewBatch(Schema):
    """A batch to be."""

    class Meta:
        unknown = EXCLUDE

    project = fields.String(required=True, metadata={"description": "Name of a project."})
    name = fields.String(required=True, validate=validate.Length(1, 200))
    callback = fields.Url(
        schemes={"http", "https"},
        require_tld=False,
        validate=validate.Length(max=2000),
        metadata={"description": "Where it is told that the batch is complete; its tasks without a URL use it too."},
    )
    metadata = Metadata(load_default=dict)
    staging_batch = fields.Boolean(metadata={"description": "Wait with the work until the batch is finalized."})
    calibration_batch = fields.Boolean(load_default=False, metadata={"description": "Accepted; means nothing here."})
    self_label_batch = fields.Boolean(load_default=False, metadata={"description": "Accepted; means nothing here."})


class BatchQuery(Schema):
    """What batches to list."""

    class Meta:
        unknown = EXCLUDE

    project = fields.String()
    status = fields.String(validate=validate.OneOf(["staging", "in_progress", "completed"]))
    start_time = Moment(metadata={"description": "Created then or later."})
    end_time = Moment(metadata={"description": "Created then or earlier."})
    exclude_archived = fields.Boolean(load_default=False, metadata={"description": "Not those of archived projects."})
    detailed = fields.Boolean(load_default=False, metadata={"description": "With the number of tasks by status."})
    limit = fields.Integer(load_default=100, validate=validate.Range(1, 100))
    offset = fields.Integer(load_default=0, validate=validate.Range(0, 1_000_000))


class BatchSchema(Schema):
    """A batch as the contract has it."""

    id = fields.String()
    name = fields.String()
    project = fields.String(attribute="project.name")
    status = fields.String(metadata={"description": "staging, in_progress or completed"})
    created_at = Time()
    completed_at = Time()
    callback = fields.String()
    metadata = fields.Dict(attribute="metadata_")


class BatchStatusSchema(Schema):
    """How far a batch is: tasks by status; what is absent is zero."""

    status = fields.String()
    pending = fields.Integer()
    completed = fields.Integer()
    error = fields.Integer()
    canceled = fields.Integer()


class BatchPage(Schema):
    """Batches, newest first."""

    docs = fields.List(fields.Nested(BatchSchema))
    totalDocs = fields.Integer()  # noqa: N815  (the contract's word)
    limit = fields.Integer()
    offset = fields.Integer()
    has_more = fields.Boolean()
