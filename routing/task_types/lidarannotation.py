"""Cuboids around the objects of a drive, tracked through its frames."""

import math
from collections.abc import Sequence
from typing import Any

from marshmallow import RAISE, Schema, ValidationError, fields, validate, validates_schema

from routing import windows
from routing.consensus import tracks as consensus
from routing.consensus.naming import best_author, unique_ids, voted_attributes
from routing.consensus.reliability import of_cuboid_voter
from routing.consensus.votes import weights
from routing.geometry import cuboids, observed, tracks
from routing.reassembly import assemble_tracks
from routing.skill import Observation
from routing.task_types.params import (
    COORDINATE_MAX,
    LABELS_MAX,
    Flag,
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

NAME = "lidarannotation"
OBJECTS = "tracks"
SETTLE_SECONDS, FRAME_SECONDS = 120, 24  # to look around once, and per frame
TRACKS_MAX, FRAMES_MAX = 1_000, 1_000_000
SIZE_MIN, SIZE_MAX = 0.001, 200.0
YAW_MAX = 2 * math.pi
WINDOW_FRAMES, WINDOW_OVERLAP = 20, 3


class Params(TaskParams):
    attachments = fields.List(
        fields.String(validate=validate.Length(1, 4_000)),
        required=True,
        validate=validate.Length(1),
        metadata={"description": "The frames in the order of time: addresses of frame JSON, or scaledata:// of files."},
    )
    attachment_type = fields.String(load_default="json", validate=validate.OneOf(["json"]))
    labels = fields.List(
        Label(),
        required=True,
        validate=[validate.Length(1, LABELS_MAX), lambda labels: unique_labels(labels)],
        metadata={"description": "What to draw: words, or objects with choice, description and subchoices."},
    )
    annotation_attributes = attributes_field()
    meters_per_unit = fields.Float(
        load_default=1.0,
        validate=validate.Range(0, min_inclusive=False),
        metadata={"description": "How many metres one unit of the frames' coordinates is."},
    )
    max_distance_meters = fields.Float(
        allow_none=True,
        validate=validate.Range(0, min_inclusive=False),
        metadata={"description": "Objects further from the device need not be drawn."},
    )
    window_frames = fields.Integer(
        load_default=WINDOW_FRAMES,
        strict=True,
        validate=validate.Range(1, 500),
        metadata={"description": "Frames that one labeler gets at a time."},
    )
    window_overlap = fields.Integer(
        load_default=WINDOW_OVERLAP,
        strict=True,
        validate=validate.Range(0, 100),
        metadata={"description": "Frames that a window shares with the next, by which their tracks are linked."},
    )
    answers = fields.Integer(
        load_default=1,
        strict=True,
        validate=validate.Range(1, 5),
        metadata={"description": "How many labelers answer each piece."},
    )

    @validates_schema
    def overlap_leaves_a_step(self, data: dict[str, Any], **_: Any) -> None:
        if data["window_overlap"] >= data["window_frames"]:
            raise ValidationError("Must be less than window_frames.", "window_overlap")


def _triple() -> fields.List[float]:
    return fields.List(Number(), required=True, validate=validate.Length(equal=3))


class Cuboid(Schema):
    class Meta:
        unknown = RAISE

    frame = fields.Integer(required=True, strict=True, validate=validate.Range(0, FRAMES_MAX))
    position = _triple()
    dimensions = _triple()
    yaw = Number(required=True)
    key = Flag(load_default=True)


class Track(Schema):
    class Meta:
        unknown = RAISE

    id = ShortText(required=True, validate=validate.Length(1, 64))
    label = fields.String(required=True)
    attributes = fields.Dict(keys=fields.String(), load_default=dict)
    cuboids = fields.List(fields.Nested(Cuboid), required=True, validate=validate.Length(1))


class Answer(Schema):
    class Meta:
        unknown = RAISE

    tracks = fields.List(fields.Nested(Track), required=True, validate=validate.Length(0, TRACKS_MAX))


def answer_json_schema() -> dict[str, Any]:
    def triple(**rule: Any) -> dict[str, Any]:
        return {"type": "array", "items": {"type": "number", **rule}, "minItems": 3, "maxItems": 3}

    cuboid = {
        "type": "object",
        "required": ["frame", "position", "dimensions", "yaw"],
        "additionalProperties": False,
        "properties": {
            "frame": {"type": "integer", "minimum": 0, "maximum": FRAMES_MAX, "description": "Index in the drive."},
            "position": triple() | {"description": "Centre x, y, z in the world, metres."},
            "dimensions": triple(minimum=SIZE_MIN, maximum=SIZE_MAX)
            | {"description": "Length, width, height, metres."},
            "yaw": {
                "type": "number",
                "description": "Radians about +z, 0 along +x, counter-clockwise; within one turn.",
            },
            "key": {"type": "boolean", "description": "Set by a person; false where interpolated."},
        },
    }
    track = {
        "type": "object",
        "required": ["id", "label", "cuboids"],
        "additionalProperties": False,
        "properties": {
            "id": {"type": "string", "minLength": 1, "maxLength": 64},
            "label": {"type": "string"},
            "attributes": {"type": "object"},
            "cuboids": {"type": "array", "items": cuboid, "minItems": 1},
        },
    }
    return {
        "type": "object",
        "required": ["tracks"],
        "additionalProperties": False,
        "properties": {"tracks": {"type": "array", "items": track, "maxItems": TRACKS_MAX}},
    }


def labeler_params(params: ParamsDict) -> dict[str, Any]:
    return {
        "labels": labels_for_labeler(params["labels"]),
        "annotation_attributes": params["annotation_attributes"],
        "meters_per_unit": params["meters_per_unit"],
        "max_distance_meters": params.get("max_distance_meters"),
    }


def split(params: ParamsDict, frame_count: int | None) -> list[Piece]:
    frames = frame_count if frame_count is not None else len(params["attachments"])
    return [
        Piece(k, window, SETTLE_SECONDS + FRAME_SECONDS * len(window))
        for k, window in enumerate(
            windows.split_frames(frames, params["window_frames"], min(params["window_overlap"], frames - 1))
        )
    ]


def answers_wanted(params: ParamsDict) -> int:
    return int(params["answers"])


def classes(params: ParamsDict) -> tuple[str, ...]:
    return tuple(leaves(params["labels"]))


def check_answer(answer: AnswerDict, params: ParamsDict, window: Window | None) -> list[Problem]:
    names = leaves(params["labels"])
    problems, ids = [], set()
    for k, track in enumerate(answer["tracks"]):
        path = f"tracks[{k}]"
        if track["id"] in ids:
            problems.append(Problem(f"{path}.id", "is there twice."))
        ids.add(track["id"])
        if track["label"] not in names:
            problems.append(Problem(f"{path}.label", f"{track['label']!r} is not one of {', '.join(names)}."))
        problems += check_attributes(f"{path}.attributes", track["attributes"], params["annotation_attributes"])
        problems += _check_cuboids(path, track["cuboids"], window)
    return problems


def _check_cuboids(path: str, listed: list[dict[str, Any]], window: Window | None) -> list[Problem]:
    problems = []
    previous = -1
    for k, cuboid in enumerate(listed):
        here = f"{path}.cuboids[{k}]"
        if window is not None and cuboid["frame"] not in window:
            problems.append(Problem(f"{here}.frame", f"lies outside the window {window.start} to {window.stop - 1}."))
        if cuboid["frame"] <= previous:
            problems.append(Problem(f"{here}.frame", "must come after the frame before it: one cuboid a frame."))
        previous = cuboid["frame"]
        if not all(SIZE_MIN <= size <= SIZE_MAX for size in cuboid["dimensions"]):
            problems.append(Problem(f"{here}.dimensions", f"must be {SIZE_MIN:g} to {SIZE_MAX:g} metres."))
        if not all(abs(x) < COORDINATE_MAX for x in cuboid["position"]):
            problems.append(Problem(f"{here}.position", f"must lie within {COORDINATE_MAX:g} metres."))
        if abs(cuboid["yaw"]) > YAW_MAX:  # most likely degrees
            problems.append(Problem(f"{here}.yaw", "is in radians, within one turn either way."))
    return problems


def empty_answer(params: ParamsDict) -> AnswerDict:
    return {"tracks": []}


def within(answer: AnswerDict, window: Window | None) -> AnswerDict:
    if window is None:
        return answer
    start, stop = window.start, window.stop
    cut = [
        track | {"cuboids": [c for c in track["cuboids"] if start <= c["frame"] < stop]} for track in answer["tracks"]
    ]
    return {"tracks": [track for track in cut if track["cuboids"]]}


def agreement(a: AnswerDict, b: AnswerDict) -> float:
    return tracks.agreement(tracks.block(a), tracks.block(b))


def merge(votes: Sequence[Vote]) -> Verdict:
    """The tracks that are likely there, joined frame by frame (routing/consensus/tracks.py).

    Whoever stands alone is as right as she usually is.
    """
    if len(votes) == 1:
        sure = float(weights(votes)[0])
        objects = {track["id"]: sure for track in votes[0].answer["tracks"]}
        return Verdict(votes[0].answer, sure, {votes[0].labeler_id: 1.0}, objects)
    joined = consensus.join([tracks.block(v.answer) for v in votes], [of_cuboid_voter(v) for v in votes])
    merged, listed = joined.merged, []
    for k, members in enumerate(joined.members):
        drawn = [votes[v].answer["tracks"][i] for v, i in members]
        best = drawn[best_author([v for v, _ in members], [vote.weight for vote in votes])]
        listed.append(
            {
                "id": best["id"],
                "label": merged.value.labels[k],
                "attributes": voted_attributes(
                    [track["attributes"] for track in drawn], [votes[v].weight for v, _ in members]
                ),
                "cuboids": _cuboids(merged.value.frames.tolist(), merged.value.boxes[k].tolist(), drawn),
            }
        )
    for track, name in zip(listed, unique_ids([track["id"] for track in listed]), strict=True):
        track["id"] = name
    answer = {"tracks": listed}
    scores = {vote.labeler_id: agreement(vote.answer, answer) for vote in votes}
    objects = {track["id"]: sure for track, sure in zip(listed, merged.parts, strict=True)}
    return Verdict(answer, merged.confidence, scores, objects, gain=joined.candidates.gain)


def _cuboids(
    frames: Sequence[int], rows: Sequence[Sequence[float]], drawn: Sequence[dict[str, Any]]
) -> list[dict[str, Any]]:
    """The merged rows as cuboids; one is key where anybody set it."""
    key = {cuboid["frame"] for track in drawn for cuboid in track["cuboids"] if cuboid["key"]}
    return [
        cuboids.as_dict(frame, row, key=frame in key)
        for frame, row in zip(frames, rows, strict=True)
        if not math.isnan(row[0])
    ]


def grade(answer: AnswerDict, truth: AnswerDict) -> float:
    return agreement(answer, truth)


def same_objects(a: Sequence[dict[str, Any]], b: Sequence[dict[str, Any]]) -> list[tuple[int, int]]:
    return observed.track_pairs(a, b)


def observations(answer: AnswerDict, truth: AnswerDict) -> list[Observation]:
    return [Observation("accuracy", agreement(answer, truth)), *observed.of_tracks(answer, truth)]


def seam_agreement(a: AnswerDict, window_a: Window, b: AnswerDict, window_b: Window) -> float | None:
    common = window_a.overlap(window_b)
    one, two = within(a, common), within(b, common)
    if not len(common) or not (one["tracks"] or two["tracks"]):
        return None
    return agreement(one, two)


def assemble(pieces: Sequence[tuple[Piece, AnswerDict]], namespace: str) -> Assembled:
    listed = [piece.window for piece, _ in pieces if piece.window is not None]
    assert len(listed) == len(pieces), "a piece of a drive has a window"
    return assemble_tracks(listed, [answer for _, answer in pieces], namespace)
