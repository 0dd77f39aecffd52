"""Tasks as customers send and see them."""

from typing import Any

from marshmallow import EXCLUDE, INCLUDE, Schema, ValidationError, fields, post_dump, pre_load, validate

from marketplace.schemas.shape import Moment, Time
from marketplace.storage import LINK_SECONDS_LONG, storage

METADATA_CHARACTERS_MAX = 10_000
TAGS_MAX = 5
PRIORITY_OF_URGENCY = {"week": 10, "day": 10, "standard": 10, "immediate": 30}


class Tags(fields.List[str]):
    """At most five short words, each once, in the order given."""

    def __init__(self, **options: Any) -> None:
        word = fields.String(validate=validate.Length(min=1, max=200))
        super().__init__(word, **options)

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> list[Any]:
        tags = list(dict.fromkeys(super()._deserialize(value, *args, **kwargs)))
        if len(tags) > TAGS_MAX:
            raise ValidationError(f"Not more than {TAGS_MAX} tags.")
        return tags


class Metadata(fields.Dict):
    """Any JSON object of at most 10 KB; it comes back with the task."""

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> dict[Any, Any]:
        result: dict[Any, Any] = dict(super()._deserialize(value, *args, **kwargs))  # type: ignore[no-untyped-call]
        if len(repr(result)) > METADATA_CHARACTERS_MAX:
            raise ValidationError("Not more than 10 KB.")
        return result


class Response(fields.Dict):
    """A finished task's response; the link to its file is signed anew whenever the task is read."""

    def _serialize(self, value: Any, *args: Any, **kwargs: Any) -> Any:
        response = super()._serialize(value, *args, **kwargs)  # type: ignore[no-untyped-call]
        file = response.get("annotations") if isinstance(response, dict) else None
        if not (isinstance(file, dict) and isinstance(file.get("url"), str)):
            return response
        return response | {"annotations": {"url": storage().renewed(file["url"], seconds=LINK_SECONDS_LONG)}}


class NewTask(Schema):
    """What every task may say of itself; everything beside these fields is of its type, and goes to `params`."""

    class Meta:
        unknown = INCLUDE

    project = fields.String(validate=validate.Length(max=200), metadata={"description": "Name of a project."})
    batch = fields.String(
        validate=validate.Length(max=200), metadata={"description": "Name of a batch; implies its project."}
    )
    instruction = fields.String(validate=validate.Length(max=100_000), metadata={"description": "Markdown."})
    callback_url = fields.Url(
        schemes={"http", "https"},
        require_tld=False,
        validate=validate.Length(max=2000),
        metadata={"description": "Where the result is posted; without it the batch's or the account's URL is used."},
    )
    unique_id = fields.String(
        validate=validate.Length(min=1, max=500),
        metadata={"description": "Your own id: a second task with it is refused with 409, so a create can be retried."},
    )
    clear_unique_id_on_error = fields.Boolean(
        load_default=False, metadata={"description": "Free the unique_id if the task ends in error."}
    )
    metadata = Metadata(metadata={"description": "Any JSON object, at most 10 KB; it comes back with the task."})
    tags = Tags(metadata={"description": "At most five words to find the task by."})
    priority = fields.Integer(
        validate=validate.OneOf([10, 20, 30]), metadata={"description": "10, 20 or 30; higher is served first."}
    )
    urgency = fields.String(
        validate=validate.OneOf(list(PRIORITY_OF_URGENCY)),
        metadata={"description": "Older word for priority: immediate is 30, the others 10."},
    )
    project_param_version = fields.Integer(
        metadata={"description": "Inherit this version of the project's parameters instead of the newest."}
    )

    @pre_load
    def without_nulls(self, data: Any, **_: Any) -> Any:
        """Clients send null, and the 2019 ones an empty text, for what they do not mean to set."""
        if not isinstance(data, dict):
            return data
        return {key: value for key, value in data.items() if value is not None and value != ""}


class AuditEntry(Schema):
    """One check of a deliverable by its customer."""

    audited_by = fields.String()
    audited_at = fields.String()
    audit_result = fields.String(metadata={"description": "accepted or rejected"})
    audit_source = fields.String()
    comments = fields.String(allow_none=True)


class TaskSchema(Schema):
    """A task as the contract has it."""

    task_id = fields.String(attribute="id", required=True)
    type = fields.String()
    status = fields.String(metadata={"description": "pending, completed, canceled or error"})
    created_at = Time()
    updated_at = Time()
    completed_at = Time()
    project = fields.String(attribute="project.name")
    batch = fields.String(attribute="batch.name")
    project_param_version = fields.Integer(attribute="param_version")
    instruction = fields.String()
    params = fields.Dict(metadata={"description": "What is of the task's type, with the defaults filled in."})
    response = Response(metadata={"description": "The result, once completed, or what went wrong."})
    metadata = fields.Dict(attribute="metadata_")
    tags = fields.List(fields.String())
    unique_id = fields.String()
    priority = fields.Integer()
    urgency = fields.Function(
        lambda task: "immediate" if task.priority == PRIORITY_OF_URGENCY["immediate"] else "day",
        metadata={"type": "string", "description": "The priority in the older word."},
    )
    is_test = fields.Function(lambda task: task.mode == "test", metadata={"type": "boolean"})
    work_started = fields.Boolean()
    callback_url = fields.String()
    callback_succeeded = fields.Boolean()
    customer_review_status = fields.String()
    audits = fields.List(fields.Nested(AuditEntry))
    price_cents = fields.Integer(attribute="quote_cents", metadata={"description": "What is reserved for it (ours)."})
    currency = fields.String()
    attachments_urls = fields.Dict(metadata={"description": "With include_attachment_url: a link per attachment."})

    @post_dump
    def without_unset(self, data: dict[str, Any], **_: Any) -> dict[str, Any]:
        """What is not set is absent, as the contract's clients ask by `in`; metadata is always there."""
        return {key: value for key, value in data.items() if value is not None and (value != [] or key == "metadata")}


class QuotedRange(Schema):
    """Where cost and time will probably lie: with a probability of 80 %, if the labelers who worked on this type in the
    last seven days go on at the pace and the accuracy measured then and give it all to this task, from the moment that
    its pieces are open. A simulation of the router with a sample of the pieces; `total_cents` stays the most it can
    cost. Gold, reviews and repeated work are not in it."""

    cents_low = fields.Integer()
    cents_high = fields.Integer()
    seconds_low = fields.Integer(allow_none=True, metadata={"description": "null where it would take over 60 days."})
    seconds_high = fields.Integer(allow_none=True)
    labelers = fields.Integer(metadata={"description": "How many labelers it is based on, the latest 40 at most."})


class Quoted(Schema):
    """The price of a task before it is sent."""

    subtasks = fields.Integer(metadata={"description": "How many pieces it will be cut into."})
    answers = fields.Integer(metadata={"description": "The most answers that are asked for each piece."})
    effort_seconds = fields.Integer(metadata={"description": "Expected active seconds of one answer to every piece."})
    hourly_rate_cents = fields.Integer()
    labor_cents = fields.Integer()
    fee_cents = fields.Integer()
    total_cents = fields.Integer(metadata={"description": "What would be reserved."})
    currency = fields.String()
    range = fields.Nested(
        QuotedRange,
        allow_none=True,
        metadata={"description": "null where nobody worked on this type in the last seven days."},
    )


class UniqueId(Schema):
    unique_id = fields.String(required=True, validate=validate.Length(min=1, max=500))


class Audit(Schema):
    accepted = fields.Boolean(required=True)
    comments = fields.String(allow_none=True, validate=validate.Length(max=10_000))


class TaskQuery(Schema):
    """What tasks to list."""

    class Meta:
        unknown = EXCLUDE

    project = fields.String(metadata={"description": "Name of a project."})
    batch = fields.String(metadata={"description": "Name of a batch."})
    type = fields.String()
    status = fields.String(validate=validate.OneOf(["pending", "completed", "canceled", "error"]))
    unique_id = fields.List(fields.String(), metadata={"description": "Any of these; may be repeated."})
    tags = fields.List(fields.String(), metadata={"description": "With any of these; may be repeated."})
    customer_review_status = fields.String(metadata={"description": "Any of these, joined by commas."})
    start_time = Moment(metadata={"description": "Created then or later."})
    end_time = Moment(metadata={"description": "Created then or earlier."})
    completed_after = Moment()
    completed_before = Moment()
    updated_after = Moment()
    updated_before = Moment()
    limit = fields.Integer(load_default=100, validate=validate.Range(1, 100))
    next_token = fields.String(metadata={"description": "From the page before."})
    offset = fields.Integer(
        load_default=0, validate=validate.Range(0, 1_000_000), metadata={"description": "Older way to page."}
    )
    include_attachment_url = fields.Boolean(load_default=False)
    limited_response = fields.Boolean(
        load_default=False, metadata={"description": "Only task_id, status, metadata and project."}
    )


class TaskPage(Schema):
    """Tasks, newest first."""

    docs = fields.List(fields.Nested(TaskSchema))
    total = fields.Integer(metadata={"description": "How many there are on all pages."})
    limit = fields.Integer()
    offset = fields.Integer()
    has_more = fields.Boolean()
    next_token = fields.String(metadata={"description": "Asks for the next page; absent on the last one."})
