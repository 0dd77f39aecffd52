"""What labelers' programs send to `/labeler`."""

from marshmallow import EXCLUDE, Schema, fields, validate

SECONDS_MAX = 31 * 86_400


class _Request(Schema):
    class Meta:
        unknown = EXCLUDE


class ClaimWish(_Request):
    """Nothing set is anything that there is."""

    types = fields.List(fields.String(validate=validate.Length(1, 40)), validate=validate.Length(max=50))
    project = fields.String(validate=validate.Length(1, 200))


class TrialWish(_Request):
    lane = fields.Integer(required=True, strict=True, validate=validate.Range(1, 2**62))


class Progress(_Request):
    epoch = fields.Integer(required=True, strict=True, validate=validate.Range(0, 2**31 - 1))
    active_seconds = fields.Float(load_default=0.0, validate=validate.Range(0, SECONDS_MAX))


class Work(Progress):
    """A draft or a submit; the answer's own shape is its task type's."""

    answer = fields.Raw(required=True)


class Skip(_Request):
    epoch = fields.Integer(required=True, strict=True, validate=validate.Range(0, 2**31 - 1))
    reason = fields.String(required=True, validate=validate.Length(1, 500))


class Appeal(_Request):
    text = fields.String(required=True, validate=validate.Length(1, 5_000))


class AssignmentQuery(_Request):
    state = fields.String(
        validate=validate.OneOf(
            ["claimed", "expired", "skipped", "submitted", "accepted", "rejected", "canceled"],
        )
    )
    before = fields.String(validate=validate.Length(max=24))  # the last id of the page before
    limit = fields.Integer(load_default=50, validate=validate.Range(1, 200))
