"""How a task was decided, as the customers' API tells it."""

from marshmallow import Schema, fields


class Decision(Schema):
    at = fields.String()
    kind = fields.String(metadata={"description": "asked_again, verdict, in_review or reopened."})
    title = fields.String()
    reasons = fields.List(fields.String(), metadata={"description": "Sentences, each number with its unit."})


class DecidedSubtask(Schema):
    subtask = fields.Integer(metadata={"description": "Its place in the task, from 0."})
    frames = fields.List(
        fields.Integer(), allow_none=True, metadata={"description": "The first and the last, of a drive."}
    )
    state = fields.String()
    confidence = fields.Float(allow_none=True)
    answers = fields.Integer(metadata={"description": "Submitted or accepted so far."})
    decisions = fields.List(fields.Nested(Decision))


class Decisions(Schema):
    subtasks = fields.List(fields.Nested(DecidedSubtask))
