"""Boxes around the objects of an image."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from marshmallow import INCLUDE, RAISE, Schema, ValidationError, fields, validate, validates_schema
from numpy.typing import NDArray

from routing.consensus import boxes as consensus
from routing.consensus.naming import best_author, unique_ids, voted_attributes
from routing.consensus.reliability import of_box_voter
from routing.consensus.votes import weights
from routing.geometry import boxes, observed
from routing.geometry.pairing import cheapest_pairs
from routing.skill import Observation
from routing.task_types.params import (
    COORDINATE_MAX,
    LABELS_MAX,
    Label,
    Number,
    ShortText,
    TaskParams,
    attributes_field,
    check_attributes,
    labels_for_labeler,
    leaves,
    unique_labels,
)
from routing.types import Answer as AnswerDict
from routing.types import Assembled, Piece, Problem, Verdict, Vote, Window
from routing.types import Params as ParamsDict

NAME = "imageannotation"
OBJECTS = "annotations"
EFFORT_SECONDS = 90
ANNOTATIONS_MAX = 2_000
SIDE_MIN = 0.001  # pixels: a box of nothing has no overlap with itself
SIDES = ("left", "top", "width", "height")


class BoxGeometry(Schema):
    class Meta:
        unknown = INCLUDE

    objects_to_annotate = fields.List(
        Label(), required=True, validate=[validate.Length(1, LABELS_MAX), lambda labels: unique_labels(labels)]
    )
    min_height = fields.Float(load_default=0.0, validate=validate.Range(0))
    min_width = fields.Float(load_default=0.0, validate=validate.Range(0))


class Geometries(Schema):
    box = fields.Nested(BoxGeometry, required=True)


class Params(TaskParams):
    attachment = fields.String(
        required=True,
        validate=validate.Length(1, 4_000),
        metadata={"description": "The image: an address, or scaledata:// of a file."},
    )
    attachment_type = fields.String(load_default="image", validate=validate.OneOf(["image"]))
    geometries = fields.Nested(
        Geometries, required=True, metadata={"description": "What to draw, by kind; there is box so far."}
    )
    annotation_attributes = attributes_field()
    answers = fields.Integer(
        load_default=1,
        strict=True,
        validate=validate.Range(1, 5),
        metadata={"description": "How many labelers answer each piece."},
    )


class Annotation(Schema):
    class Meta:
        unknown = RAISE

    id = ShortText(required=True, validate=validate.Length(1, 64))
    type = fields.String(load_default="box", validate=validate.OneOf(["box"]))
    label = fields.String(required=True)
    left = Number(required=True, validate=validate.Range(-COORDINATE_MAX, COORDINATE_MAX))
    top = Number(required=True, validate=validate.Range(-COORDINATE_MAX, COORDINATE_MAX))
    width = Number(required=True, validate=validate.Range(SIDE_MIN, COORDINATE_MAX))
    height = Number(required=True, validate=validate.Range(SIDE_MIN, COORDINATE_MAX))
    attributes = fields.Dict(keys=fields.String(), load_default=dict)


class Answer(Schema):
    class Meta:
        unknown = RAISE

    annotations = fields.List(fields.Nested(Annotation), required=True, validate=validate.Length(0, ANNOTATIONS_MAX))

    @validates_schema
    def ids_are_unique(self, data: dict[str, Any], **_: Any) -> None:
        ids = [a["id"] for a in data["annotations"]]
        if len(set(ids)) < len(ids):
            raise ValidationError("Two annotations have the same id.", "annotations")


def answer_json_schema() -> dict[str, Any]:
    number = {"type": "number", "minimum": -COORDINATE_MAX, "maximum": COORDINATE_MAX}
    size = {"type": "number", "minimum": SIDE_MIN, "maximum": COORDINATE_MAX}
    annotation = {
        "type": "object",
        "required": ["id", "label", "left", "top", "width", "height"],
        "additionalProperties": False,
        "properties": {
            "id": {"type": "string", "minLength": 1, "maxLength": 64},
            "type": {"const": "box"},
            "label": {"type": "string"},
            "left": number,
            "top": number,
            "width": size,
            "height": size,
            "attributes": {"type": "object"},
        },
    }
    return {
        "type": "object",
        "required": ["annotations"],
        "additionalProperties": False,
        "properties": {"annotations": {"type": "array", "items": annotation, "maxItems": ANNOTATIONS_MAX}},
    }


def labeler_params(params: ParamsDict) -> dict[str, Any]:
    return {
        "labels": labels_for_labeler(params["geometries"]["box"]["objects_to_annotate"]),
        "geometries": params["geometries"],
        "annotation_attributes": params["annotation_attributes"],
    }


def split(params: ParamsDict, frame_count: int | None) -> list[Piece]:
    return [Piece(0, None, EFFORT_SECONDS)]


def answers_wanted(params: ParamsDict) -> int:
    return int(params["answers"])


def classes(params: ParamsDict) -> tuple[str, ...]:
    return tuple(leaves(params["geometries"]["box"]["objects_to_annotate"]))


def check_answer(answer: AnswerDict, params: ParamsDict, window: Window | None) -> list[Problem]:
    geometry = params["geometries"]["box"]
    names = leaves(geometry["objects_to_annotate"])
    problems = []
    for k, annotation in enumerate(answer["annotations"]):
        path = f"annotations[{k}]"
        if annotation["label"] not in names:
            problems.append(Problem(f"{path}.label", f"{annotation['label']!r} is not one of {', '.join(names)}."))
        if annotation["width"] < geometry["min_width"]:
            problems.append(Problem(f"{path}.width", f"must be at least {geometry['min_width']:g} pixels."))
        if annotation["height"] < geometry["min_height"]:
            problems.append(Problem(f"{path}.height", f"must be at least {geometry['min_height']:g} pixels."))
        problems += check_attributes(f"{path}.attributes", annotation["attributes"], params["annotation_attributes"])
    return problems


def empty_answer(params: ParamsDict) -> AnswerDict:
    return {"annotations": []}


def within(answer: AnswerDict, window: Window | None) -> AnswerDict:
    return answer


def agreement(a: AnswerDict, b: AnswerDict) -> float:
    """Twice the overlap of the matched boxes over all boxes; another label halves a pair; two empty answers agree."""
    count = len(a["annotations"]) + len(b["annotations"])
    if count == 0:
        return 1.0
    likeness = _likeness(a, b)
    rows, columns = cheapest_pairs(-likeness)
    return min(1.0, 2 * float(likeness[rows, columns].sum()) / count)


def _likeness(a: AnswerDict, b: AnswerDict) -> NDArray[np.float64]:
    iou = boxes.iou(_rows(a), _rows(b))
    same = np.array([[x["label"] == y["label"] for y in b["annotations"]] for x in a["annotations"]], dtype=bool)
    return iou * np.where(same.reshape(iou.shape), 1.0, 0.5)


def _rows(answer: AnswerDict) -> NDArray[np.float64]:
    return np.array([[box[side] for side in SIDES] for box in answer["annotations"]], dtype=float).reshape(-1, 4)


def merge(votes: Sequence[Vote]) -> Verdict:
    """The boxes that are likely there, at the robust mean of their edges (routing/consensus/boxes.py).

    Whoever stands alone is as right as she usually is.
    """
    if len(votes) == 1:
        sure = float(weights(votes)[0])
        objects = {box["id"]: sure for box in votes[0].answer["annotations"]}
        return Verdict(votes[0].answer, sure, {votes[0].labeler_id: 1.0}, objects)
    joined = consensus.join([_boxes(v.answer) for v in votes], [of_box_voter(v) for v in votes])
    merged, listed = joined.merged, []
    for rows, label, members in zip(merged.value.rows.tolist(), merged.value.labels, joined.members, strict=True):
        drawn = [votes[k].answer["annotations"][i] for k, i in members]
        weight = [votes[k].weight for k, _ in members]
        best = drawn[best_author([k for k, _ in members], [vote.weight for vote in votes])]
        sides = dict(zip(SIDES, rows, strict=True))
        attributes = voted_attributes([box["attributes"] for box in drawn], weight)
        listed.append({"id": best["id"], "type": "box", "label": label, **sides, "attributes": attributes})
    for box, name in zip(listed, unique_ids([box["id"] for box in listed]), strict=True):
        box["id"] = name
    answer = {"annotations": listed}
    scores = {vote.labeler_id: agreement(vote.answer, answer) for vote in votes}
    objects = {box["id"]: sure for box, sure in zip(listed, merged.parts, strict=True)}
    return Verdict(answer, merged.confidence, scores, objects, gain=joined.candidates.gain)


def _boxes(answer: AnswerDict) -> consensus.Boxes:
    return consensus.Boxes.of(_rows(answer), [box["label"] for box in answer["annotations"]])


def grade(answer: AnswerDict, truth: AnswerDict) -> float:
    return agreement(answer, truth)


def same_objects(a: Sequence[dict[str, Any]], b: Sequence[dict[str, Any]]) -> list[tuple[int, int]]:
    return observed.box_pairs(a, b)


def observations(answer: AnswerDict, truth: AnswerDict) -> list[Observation]:
    return [Observation("accuracy", agreement(answer, truth)), *observed.of_boxes(answer, truth)]


def seam_agreement(a: AnswerDict, window_a: Window, b: AnswerDict, window_b: Window) -> float | None:
    return None


def assemble(pieces: Sequence[tuple[Piece, AnswerDict]], namespace: str) -> Assembled:
    return Assembled(pieces[0][1], {})
