"""The labelers of a project as customers see them, and blocks (all of it ours)."""

from marshmallow import EXCLUDE, Schema, fields, validate

from marketplace.schemas.shape import Time


class NewBlock(Schema):
    """A labeler whose work you do not want any more."""

    class Meta:
        unknown = EXCLUDE

    labeler_id = fields.String(required=True, validate=validate.Length(1, 24))
    reason = fields.String(
        required=True,
        validate=validate.Length(1, 500),
        metadata={"description": "For yourself and our operators; the labeler does not read it."},
    )


class BlockSchema(Schema):
    """A block of yours."""

    labeler_id = fields.String()
    reason = fields.String()
    created_at = Time()


class Choice(Schema):
    """What is chosen about a labeler now."""

    labeler_id = fields.String()
    blocked = fields.Boolean()


class MemberSchema(Schema):
    """What one labeler has done on a project."""

    labeler_id = fields.String()
    accepted = fields.Integer(metadata={"description": "Answers that were accepted."})
    rejected = fields.Integer()
    agreement = fields.Float(metadata={"description": "Mean agreement with what counts, 0 to 1; null without any."})
    last_submitted_at = Time()
    blocked = fields.Function(lambda one: one.blocked_at is not None, metadata={"type": "boolean"})


class CrewQuery(Schema):
    """Which page."""

    class Meta:
        unknown = EXCLUDE

    page = fields.Integer(load_default=1, validate=validate.Range(1, 1_000))
