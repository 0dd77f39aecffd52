"""Boxes around the objects of an image."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from marshmallow import INCLUDE, RAISE, Schema, ValidationError, fields, validate, validates_schema
from numpy.typing import NDArray

from routing.consensus import votes as consensus
from routing.geometry import boxes, observed
from routing.geometry.middle import middle
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
SAME_OBJECT_IOU = 0.4  # what several labelers drew around one thing overlaps at least so much


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
    return np.array(
        [[b["left"], b["top"], b["width"], b["height"]] for b in answer["annotations"]], dtype=float
    ).reshape(-1, 4)


def merge(votes: Sequence[Vote]) -> Verdict:
    """Boxes that most of the weight drew, their sides averaged; the medoid answer's boxes are the seeds."""
    accuracy = consensus.weights(votes)
    if len(votes) == 1:
        return Verdict(votes[0].answer, float(accuracy[0]), {votes[0].labeler_id: 1.0})
    matrix = consensus.agreements(votes, agreement)
    groups = _groups(votes, consensus.medoid(matrix, accuracy))
    kept = [g for g in groups if accuracy[list(g)].sum() > accuracy.sum() / 2]
    answer = {"annotations": [_joined(g, accuracy) for g in kept]}
    scores = {vote.labeler_id: agreement(vote.answer, answer) for vote in votes}
    confidence = float(np.average(list(scores.values()), weights=accuracy))
    return Verdict(answer, confidence, scores)


def _groups(votes: Sequence[Vote], seed: int) -> list[dict[int, dict[str, Any]]]:
    """What the voters drew around one thing: `{vote: box}` per thing."""
    groups: list[dict[int, dict[str, Any]]] = [{seed: box} for box in votes[seed].answer["annotations"]]
    for k, vote in enumerate(votes):
        if k == seed:
            continue
        drawn = vote.answer["annotations"]
        seeds = {"annotations": [next(iter(g.values())) for g in groups]}
        iou = boxes.iou(_rows(seeds), _rows(vote.answer))
        free = set(range(len(drawn)))
        for i, j in zip(*cheapest_pairs(-iou), strict=True):
            if iou[i, j] >= SAME_OBJECT_IOU:
                groups[int(i)][k] = drawn[int(j)]
                free.discard(int(j))
        groups += [{k: drawn[j]} for j in sorted(free)]
    return groups


def _joined(group: dict[int, dict[str, Any]], accuracy: NDArray[np.float64]) -> dict[str, Any]:
    weight = accuracy[list(group)]
    drawn = list(group.values())
    left, top, width, height = middle(_rows({"annotations": drawn}), weight).tolist()
    label = consensus.most_weight([b["label"] for b in drawn], weight.tolist())
    best = drawn[int(weight.argmax())]
    sides = {"left": left, "top": top, "width": width, "height": height}
    return {"id": best["id"], "type": "box", "label": label, **sides, "attributes": best["attributes"]}


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
