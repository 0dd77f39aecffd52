"""Projects as customers send and see them."""

from typing import Any

from marshmallow import EXCLUDE, INCLUDE, Schema, fields, validate

from marketplace.schemas.shape import Time

HOURLY_RATE_CENTS_MIN, HOURLY_RATE_CENTS_MAX = 100, 100_000
TARGET_MIN, TARGET_MAX = 0.5, 0.999
ANSWERS_MAX = 15
ERROR_COST_CENTS_MAX = 10_000_000
RULE_ACCURACY_MIN, RULE_ACCURACY_MAX = 0.3, 0.94
TRIAL_ANSWERS_MAX = 50


class Wanted(Schema):
    """How sure answers must be, and what that may cost (ours)."""

    target_confidence = fields.Float(
        validate=validate.Range(TARGET_MIN, TARGET_MAX),
        metadata={"description": "No further answer is asked once the calibrated confidence reaches this (ours)."},
    )
    answers_min = fields.Integer(
        strict=True,
        validate=validate.Range(1, ANSWERS_MAX),
        metadata={
            "description": "So many answers are asked in any case, and at once (ours). Left out: 1 of a labeler whose "
            "measured accuracy is firm, else 2. The parameter `answers` is the most that are asked."
        },
    )
    error_cost_cents = fields.Integer(
        strict=True,
        validate=validate.Range(0, ERROR_COST_CENTS_MAX),
        metadata={
            "description": "What a wrong answer costs you: no answer is asked that is expected to save less than its "
            "price (ours). Left out: as much as 50 answers."
        },
    )


class LabelerRule(Schema):
    """Who may work on a project (ours). What is not given stays as it is; a change counts from the next claim on."""

    requires = fields.List(
        fields.String(validate=validate.Length(1, 80)),
        allow_none=True,
        metadata={
            "description": "Credentials, all of which a labeler must have: `language:fr`, `certificate:radiology`, "
            "`training:cuboids-2`, `team:north`. An operator gives them."
        },
    )
    countries = fields.List(
        fields.String(validate=validate.Length(2, 2)),
        allow_none=True,
        metadata={"description": "Two letters each; a labeler must live in one of them. None is anywhere."},
    )
    exam = fields.Boolean(
        metadata={
            "description": "Whether a labeler must pass an exam on gold of the project first (`trial_answers` long)."
        }
    )
    accuracy_min = fields.Float(
        allow_none=True,
        validate=validate.Range(RULE_ACCURACY_MIN, RULE_ACCURACY_MAX),
        metadata={
            "description": "What a labeler's measured accuracy must surely reach: its lower bound, which it exceeds "
            "with 95 % probability. Who lacks only the evidence may show it in a paid trial on gold of the project."
        },
    )
    trial_answers = fields.Integer(
        strict=True,
        validate=validate.Range(1, TRIAL_ANSWERS_MAX),
        metadata={
            "description": "How long a trial or exam is. Not given: as long as `accuracy_min` needs, at least 5."
        },
    )


class NewProject(Wanted):
    """A project to be."""

    class Meta:
        unknown = EXCLUDE

    name = fields.String(required=True, validate=validate.Length(1, 200))
    labelers = fields.Nested(LabelerRule, metadata={"description": "Who may work on it (ours)."})
    type = fields.String(required=True, metadata={"description": "The type of all its tasks."})
    params = fields.Dict(
        keys=fields.String(),
        load_default=dict,
        metadata={"description": "What every task inherits unless it says otherwise: labels, instruction, ..."},
    )
    rapid = fields.Boolean(
        load_default=False, metadata={"description": "Its batches are staged until they are finalized."}
    )
    studio = fields.Boolean(load_default=False, metadata={"description": "As rapid."})
    hourly_rate_cents = fields.Integer(
        validate=validate.Range(HOURLY_RATE_CENTS_MIN, HOURLY_RATE_CENTS_MAX),
        metadata={"description": "What an hour of expected effort pays the labelers (ours)."},
    )


class NewParams(Wanted):
    """Parameters of a project: a new version. What is wanted of the answers has no versions."""

    class Meta:
        unknown = INCLUDE

    labelers = fields.Nested(LabelerRule, metadata={"description": "Who may work on it (ours)."})
    patch = fields.Boolean(
        load_default=False, metadata={"description": "Lay these over the present ones instead of replacing them."}
    )


class ProjectQuery(Schema):
    """What projects to list."""

    class Meta:
        unknown = EXCLUDE

    archived = fields.Boolean(metadata={"description": "Only those that are archived, or only those that are not."})


class ParamVersion(Schema):
    """One version of a project's parameters."""

    version = fields.Integer()
    created_at = fields.String()
    instruction = fields.String()
    params = fields.Dict()


class ProjectSchema(Schema):
    """A project as the contract has it."""

    id = fields.String()
    name = fields.String()
    type = fields.String(attribute="task_type")
    created_at = Time()
    params = fields.Dict(metadata={"description": "The newest version of the parameters."})
    param_history = fields.Method("versions", metadata={"type": "array", "items": {"type": "object"}})
    hourly_rate_cents = fields.Integer()
    target_confidence = fields.Float()
    answers_min = fields.Integer()
    error_cost_cents = fields.Integer()
    labelers = fields.Nested(LabelerRule)
    archived = fields.Function(lambda project: project.archived_at is not None, metadata={"type": "boolean"})

    def versions(self, project: Any) -> list[dict[str, Any]]:
        """Each version with its parameters beside its number, where the contract's clients look for them."""
        return [v.get("params", {}) | {k: x for k, x in v.items() if k != "params"} for v in project.param_history]
