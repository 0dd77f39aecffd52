"""Categorization: a text or an image gets one category, or several."""

from collections.abc import Sequence
from typing import Any

from marshmallow import RAISE, Schema, ValidationError, fields, validate

from routing.consensus import votes as consensus
from routing.task_types.params import CHOICES_MAX, Label, TaskParams, label_name, leaves, unique_labels
from routing.types import Answer as AnswerDict
from routing.types import Assembled, Piece, Problem, Verdict, Vote, Window
from routing.types import Params as ParamsDict

NAME = "categorization"
TEXT_SECONDS, IMAGE_SECONDS, CHARACTERS_PER_SECOND = 6, 6, 20
ANSWERS = 3


class Params(TaskParams):
    attachment = fields.String(
        required=True,
        validate=validate.Length(1, 50_000),
        metadata={"description": "The text itself, or the address of the image or website."},
    )
    attachment_type = fields.String(load_default="text", validate=validate.OneOf(["text", "image", "website"]))
    categories = fields.List(
        Label(), required=True, validate=[validate.Length(2, CHOICES_MAX), lambda labels: unique_labels(labels)]
    )
    allow_multiple = fields.Boolean(load_default=False, metadata={"description": "More than one may apply."})
    answers = fields.Integer(
        load_default=ANSWERS,
        strict=True,
        validate=validate.Range(1, 15),
        metadata={"description": "How many labelers are asked at most."},
    )


class Category(fields.Field[Any]):
    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        if isinstance(value, str) or (isinstance(value, list) and all(isinstance(v, str) for v in value)):
            return value
        raise ValidationError("Must be a category, or a list of categories.")


class Answer(Schema):
    class Meta:
        unknown = RAISE

    category = Category(required=True)


def answer_json_schema() -> dict[str, Any]:
    word = {"type": "string", "minLength": 1}
    return {
        "type": "object",
        "required": ["category"],
        "additionalProperties": False,
        "properties": {
            "category": {"oneOf": [word, {"type": "array", "items": word, "minItems": 1, "uniqueItems": True}]}
        },
    }


def labeler_params(params: ParamsDict) -> dict[str, Any]:
    categories = [
        {"choice": label_name(c)} | ({"description": c["description"]} if c.get("description") else {})
        if isinstance(c, dict)
        else c
        for c in params["categories"]
        if not (isinstance(c, dict) and c.get("subchoices"))
    ]
    nested = [n for n in leaves(params["categories"]) if n not in {label_name(c) for c in categories}]
    return {"categories": categories + nested, "allow_multiple": params["allow_multiple"]}


def split(params: ParamsDict, frame_count: int | None) -> list[Piece]:
    effort = IMAGE_SECONDS
    if params["attachment_type"] == "text":
        effort = TEXT_SECONDS + min(600, len(params["attachment"]) // CHARACTERS_PER_SECOND)
    return [Piece(0, None, effort)]


def answers_wanted(params: ParamsDict) -> int:
    return int(params["answers"])


def check_answer(answer: AnswerDict, params: ParamsDict, window: Window | None) -> list[Problem]:
    names = leaves(params["categories"])
    given = answer["category"]
    if isinstance(given, list) != params["allow_multiple"]:
        form = "takes a list of categories." if params["allow_multiple"] else "takes one category, not a list."
        return [Problem("category", form)]
    chosen = given if isinstance(given, list) else [given]
    if not chosen:
        return [Problem("category", "is empty; choose at least one.")]
    if len(set(chosen)) < len(chosen):
        return [Problem("category", "names a category twice.")]
    unknown = [c for c in chosen if c not in names]
    return [Problem("category", f"{unknown[0]!r} is not one of {', '.join(names)}.")] if unknown else []


def empty_answer(params: ParamsDict) -> AnswerDict:
    first = leaves(params["categories"])[0]
    return {"category": [first] if params["allow_multiple"] else first}


def within(answer: AnswerDict, window: Window | None) -> AnswerDict:
    return answer


def agreement(a: AnswerDict, b: AnswerDict) -> float:
    """1 for the same category; of several the shared part (Jaccard)."""
    one, two = _as_set(a), _as_set(b)
    return len(one & two) / len(one | two) if one | two else 1.0


def merge(votes: Sequence[Vote]) -> Verdict:
    """The most probable category; where several are allowed, each by its own vote."""
    accuracy = consensus.weights(votes)
    if len(votes) == 1:
        return Verdict(votes[0].answer, float(accuracy[0]), {votes[0].labeler_id: 1.0})
    if any(isinstance(vote.answer["category"], list) for vote in votes):
        answer, confidence = _merge_sets(votes, accuracy)
    else:
        labels = [vote.answer["category"] for vote in votes]
        # How many classes there are the votes do not say; one more than was voted for is cautious.
        posterior = consensus.class_posterior(labels, accuracy, classes=len(set(labels)) + 1)
        best = max(posterior, key=lambda label: posterior[label])
        answer, confidence = {"category": best}, posterior[best]
    return Verdict(answer, confidence, {vote.labeler_id: agreement(vote.answer, answer) for vote in votes})


def _merge_sets(votes: Sequence[Vote], accuracy: Any) -> tuple[AnswerDict, float]:
    sets = [_as_set(vote.answer) for vote in votes]
    chosen, confidence = [], 1.0
    for name in dict.fromkeys(name for vote in votes for name in vote.answer["category"]):
        posterior = consensus.class_posterior([name in s for s in sets], accuracy, classes=2)
        if posterior.get(True, 0.0) >= 0.5:
            chosen.append(name)
        confidence = min(confidence, max(posterior.values()))
    if not chosen:  # at least one is always asked for
        chosen, confidence = list(votes[int(accuracy.argmax())].answer["category"]), 0.0
    return {"category": chosen}, confidence


def _as_set(answer: AnswerDict) -> set[str]:
    category = answer["category"]
    return set(category) if isinstance(category, list) else {category}


def grade(answer: AnswerDict, truth: AnswerDict) -> float:
    return agreement(answer, truth)


def seam_agreement(a: AnswerDict, window_a: Window, b: AnswerDict, window_b: Window) -> float | None:
    return None


def assemble(pieces: Sequence[tuple[Piece, AnswerDict]], namespace: str) -> Assembled:
    return Assembled(pieces[0][1], {})
