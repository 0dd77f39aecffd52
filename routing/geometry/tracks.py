"""Tracks of an answer as one block of numbers, and how alike two sets of tracks are."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from routing.geometry.cuboids import Array, row
from routing.geometry.nearness import nearness
from routing.geometry.pairing import cheapest_pairs
from routing.types import Answer


@dataclass(frozen=True)
class TrackBlock:
    """`boxes` is (tracks, frames, 7), NaN where a track is absent; `frames` are the numbers of its columns."""

    ids: list[str]
    labels: list[str]
    frames: NDArray[np.int64]
    boxes: Array

    @property
    def present(self) -> NDArray[np.bool_]:
        return ~np.isnan(self.boxes[:, :, 0])

    def on(self, frames: NDArray[np.int64]) -> "TrackBlock":
        """The same tracks on other columns; what lies outside is absent."""
        boxes = np.full((len(self.ids), len(frames), 7), np.nan)
        at = np.searchsorted(self.frames, frames)
        known = (
            (at < len(self.frames)) & (self.frames[np.minimum(at, len(self.frames) - 1)] == frames)
            if len(self.frames)
            else np.zeros(len(frames), bool)
        )
        boxes[:, known] = self.boxes[:, at[known]]
        return TrackBlock(self.ids, self.labels, frames, boxes)


def block(answer: Answer) -> TrackBlock:
    tracks = answer["tracks"]
    frames = np.array(sorted({c["frame"] for track in tracks for c in track["cuboids"]}), dtype=np.int64)
    boxes = np.full((len(tracks), len(frames), 7), np.nan)
    for i, track in enumerate(tracks):
        if track["cuboids"]:
            at = np.searchsorted(frames, [c["frame"] for c in track["cuboids"]])
            boxes[i, at] = [row(c) for c in track["cuboids"]]
    return TrackBlock([t["id"] for t in tracks], [t["label"] for t in tracks], frames, boxes)


def similarity(a: TrackBlock, b: TrackBlock) -> Array:
    """(n, m, frames) likeness of each pair in each frame of the union, 0 to 1; 0 where either is absent.

    1 for equal cuboids; 0 from the gate on (1.5 m or half the longer length). Centre counts most, then size and
    heading; another label halves it. Symmetric.
    """
    frames = np.union1d(a.frames, b.frames)
    alike = nearness(a.on(frames).boxes[:, None], b.on(frames).boxes[None])
    same = np.array([[1.0 if x == y else 0.5 for y in b.labels] for x in a.labels]).reshape(len(a.ids), len(b.ids))
    return alike * same[:, :, None]


def match(a: TrackBlock, b: TrackBlock) -> list[tuple[int, int, float]]:
    """Optimal one-to-one pairs with their summed likeness; pairs that share nothing are left out."""
    if not a.ids or not b.ids:
        return []
    total = similarity(a, b).sum(axis=2)
    rows, columns = cheapest_pairs(-total)
    return [(int(i), int(j), float(total[i, j])) for i, j in zip(rows, columns, strict=True) if total[i, j] > 0]


def agreement(a: TrackBlock, b: TrackBlock) -> float:
    """Twice the matched likeness over all cuboids of both (the Dice coefficient); two empty answers agree."""
    cuboids = int(a.present.sum() + b.present.sum())
    if cuboids == 0:
        return 1.0
    return min(1.0, 2 * sum(likeness for _, _, likeness in match(a, b)) / cuboids)
