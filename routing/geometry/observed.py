"""What an answer of boxes or tracks shows of its author: finding, inventing, placing, sizing, heading, naming, apart.

Values are means over the answer's objects, weighted as one observation: the things in one picture are missed together,
so that a picture of fifty does not tell fifty times as much.
"""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from routing.geometry import boxes, tracks
from routing.geometry.cuboids import POSITION, SIZE, YAW
from routing.geometry.pairing import cheapest_pairs
from routing.skill import Observation, confusion_facet
from routing.types import Answer

SAME_BOX_IOU = 0.4  # what is drawn around one thing overlaps at least so much
Pairs = list[tuple[int, int]]


def box_rows(listed: Sequence[dict[str, Any]]) -> Any:
    return np.array([[b["left"], b["top"], b["width"], b["height"]] for b in listed], dtype=float).reshape(-1, 4)


def box_pairs(a: Sequence[dict[str, Any]], b: Sequence[dict[str, Any]]) -> Pairs:
    """Places of those boxes of `a` and of `b` that are around one thing."""
    iou = boxes.iou(box_rows(a), box_rows(b))
    rows, columns = cheapest_pairs(-iou)
    return [(int(i), int(j)) for i, j in zip(rows, columns, strict=True) if iou[i, j] >= SAME_BOX_IOU]


def of_boxes(answer: Answer, truth: Answer) -> list[Observation]:
    """recall, precision, iou, place_px and edge_rel (of the side), and the classes of what was found."""
    drawn, there = answer["annotations"], truth["annotations"]
    pairs = box_pairs(drawn, there)
    seen = _finding(len(drawn), len(there), len(pairs))
    if pairs:
        one, two = box_rows([drawn[i] for i, _ in pairs]), box_rows([there[j] for _, j in pairs])
        seen.append(Observation("iou", float(np.diagonal(boxes.iou(one, two)).mean().clip(0, 1))))
        edges = np.abs(np.hstack([one[:, :2] - two[:, :2], one[:, :2] + one[:, 2:] - two[:, :2] - two[:, 2:]]))
        seen.append(Observation("place_px", float(edges.mean())))
        seen.append(Observation("edge_rel", float((edges / np.tile(two[:, 2:], 2)).mean())))
    return seen + _naming((drawn[i]["label"], there[j]["label"]) for i, j in pairs)


def track_pairs(a: Sequence[dict[str, Any]], b: Sequence[dict[str, Any]]) -> Pairs:
    return [(i, j) for i, j, _ in tracks.match(tracks.block({"tracks": a}), tracks.block({"tracks": b}))]


def of_tracks(answer: Answer, truth: Answer) -> list[Observation]:
    """recall and precision of whole tracks; place_m, size_rel and heading_deg where both are; and their classes."""
    drawn, there = answer["tracks"], truth["tracks"]
    one, two = tracks.block(answer), tracks.block(truth)
    pairs = track_pairs(drawn, there)
    seen = _finding(len(drawn), len(there), len(pairs))
    frames = np.union1d(one.frames, two.frames)
    if pairs and len(frames):
        a, b = one.on(frames).boxes[[i for i, _ in pairs]], two.on(frames).boxes[[j for _, j in pairs]]
        both = ~np.isnan(a[..., 0]) & ~np.isnan(b[..., 0])
        if both.any():
            seen += _placing(a[both], b[both])
    return seen + _naming((drawn[i]["label"], there[j]["label"]) for i, j in pairs)


def _placing(a: Any, b: Any) -> list[Observation]:
    """(n, 7) cuboids of both; the typical error is a median, since a few are gross."""
    place = float(np.median(np.linalg.norm(a[:, POSITION] - b[:, POSITION], axis=1)))
    size = float(np.median(np.abs(a[:, SIZE] / b[:, SIZE] - 1)))
    turn = np.degrees(np.abs((a[:, YAW] - b[:, YAW] + np.pi) % (2 * np.pi) - np.pi))
    return [
        Observation("place_m", place),
        Observation("size_rel", size),
        Observation("heading_deg", float(np.median(turn))),
    ]


def _finding(drawn: int, there: int, found: int) -> list[Observation]:
    seen = [Observation("recall", found / there)] if there else []
    return seen + ([Observation("precision", found / drawn)] if drawn else [])


def _naming(labels: Iterable[tuple[str, str]]) -> list[Observation]:
    """Given and true label of what was found; each class and mistake counts as its share."""
    listed = list(labels)
    share = 1 / len(listed) if listed else 0.0
    seen = []
    for given, right in listed:
        seen.append(Observation(f"class:{right}", float(given == right), share))
        seen.append(Observation(confusion_facet(right, given), 1.0, share))
    return seen
