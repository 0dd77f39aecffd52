"""Tracks of cuboids of several labelers to one set of tracks.

Tracks are grouped by what they share over all frames, weighed for existence and kept as objects.py says. A track is
there in the frames that at least half of its group's weight drew, so that it starts and ends at the weighted medians.
Each frame is joined as cuboids.py says; an object that the labelers drew rigid gets one size, joined over the track.
"""

from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from routing.consensus import objects
from routing.consensus.cuboids import Reliability, differences, joined
from routing.consensus.existence import DEFAULT, Existence
from routing.consensus.merged import Merged
from routing.consensus.objects import Joined, OnlineObjects
from routing.consensus.objects_fit import Learned
from routing.consensus.objects_fit import refit as refit_objects
from routing.geometry import tracks as geometry
from routing.geometry.cuboids import SIZE
from routing.geometry.nearness import nearness
from routing.geometry.robust import robust_mean
from routing.geometry.tracks import TrackBlock

__all__ = ["OnlineTracks", "Reliability", "TrackBlock", "join", "merge", "refit", "similarity"]

Array = NDArray[np.float64]
EVEN = 1e-9  # a sum of weights that is short of half by less is half
FAR_METRES = 100.0  # no cuboid is so long that its gate reaches further


class TrackShape:
    """Nearness of two tracks: twice that of their cuboids in the frames that both have, over all of both."""

    alike = 0.15
    right = 0.3
    errors_of = ("place_m", "size_share", "heading_deg")

    def labels(self, things: TrackBlock) -> tuple[str, ...]:
        return tuple(things.labels)

    def key(self, things: TrackBlock) -> Any:
        return things.boxes.tobytes(), things.frames.tobytes(), tuple(things.labels)

    def near(self, a: TrackBlock, b: TrackBlock) -> Array:
        frames = np.union1d(a.frames, b.frames)
        one, two = a.on(frames), b.on(frames)
        shared = np.zeros((len(a.ids), len(b.ids)))
        if len(frames) and shared.size:
            apart = np.abs(one.boxes[:, None, :, :2] - two.boxes[None, :, :, :2]).max(axis=-1)
            i, j = np.nonzero((apart < FAR_METRES).any(axis=-1))
            shared[i, j] = nearness(one.boxes[i], two.boxes[j]).sum(axis=-1)
        count = one.present.sum(axis=1)[:, None] + two.present.sum(axis=1)[None]
        return np.asarray(np.minimum(1.0, 2 * shared / np.maximum(1, count)))

    def stack(self, answers: Sequence[TrackBlock]) -> TrackBlock:
        frames = answers[0].frames
        for answer in answers[1:]:
            frames = np.union1d(frames, answer.frames)
        parts = [answer.on(frames) for answer in answers]
        ids, labels = [x for p in parts for x in p.ids], [x for p in parts for x in p.labels]
        return TrackBlock(ids, labels, frames, np.concatenate([p.boxes for p in parts]))

    def pick(self, things: TrackBlock, at: Sequence[int]) -> TrackBlock:
        ids, labels = [things.ids[i] for i in at], [things.labels[i] for i in at]
        return TrackBlock(ids, labels, things.frames, things.boxes[np.array(at, dtype=np.intp)])

    def join(
        self,
        things: TrackBlock,
        groups: Sequence[Sequence[int]],
        labels: Sequence[str],
        authors: Sequence[Reliability],
        near: Array,
    ) -> TrackBlock:
        boxes = [_joined_track(things.boxes[g], [authors[i] for i in g]) for g in groups]
        ids = [things.ids[g[0]] for g in groups]
        return TrackBlock(
            ids, list(labels), things.frames, np.array(boxes).reshape(len(groups), *things.boxes.shape[1:])
        )

    def errors(self, things: TrackBlock) -> Array:
        """(k, 3) of each drawing of one object: metres, share of the size, degrees from the others, over its frames."""
        errors = np.zeros((len(things.ids), 3))
        for k in range(len(errors)):
            others = _joined_track(np.delete(things.boxes, k, axis=0), [Reliability()] * (len(errors) - 1))
            both = ~np.isnan(things.boxes[k, :, 0]) & ~np.isnan(others[:, 0])
            if both.any():
                errors[k] = differences(things.boxes[k, both], others[both]).mean(axis=0)
        return errors

    def similarity(self, a: TrackBlock, b: TrackBlock) -> float:
        return geometry.agreement(a, b)


SHAPE = TrackShape()
disputed, expected_quality = objects.disputed, objects.expected_quality_of


class OnlineTracks(OnlineObjects[TrackBlock, Reliability]):
    def __init__(self, model: Existence = DEFAULT) -> None:
        super().__init__(SHAPE, model)


def merge(
    answers: Sequence[TrackBlock], reliability: Sequence[Reliability], model: Existence = DEFAULT
) -> Merged[TrackBlock]:
    """The consensus, whatever the order of the answers; of one answer it is that answer."""
    return join(answers, reliability, model).merged


def join(
    answers: Sequence[TrackBlock], reliability: Sequence[Reliability], model: Existence = DEFAULT
) -> Joined[TrackBlock]:
    """As `merge`, with the members of each track and all candidates."""
    online = OnlineTracks(model)
    for answer, labeler in zip(answers, reliability, strict=True):
        online.add(answer, labeler)
    return online.joined()


def refit(
    tasks: Mapping[Hashable, Mapping[Hashable, TrackBlock]],
    gold: Mapping[Hashable, TrackBlock],
    rng: np.random.Generator,
    start: Existence = DEFAULT,
) -> Learned[Reliability]:
    """Every labeler's reliability and the model of existence, from all answers and the truth of some tasks."""
    return refit_objects(SHAPE, Reliability(), tasks, gold, rng, start)


def similarity(a: TrackBlock, b: TrackBlock) -> float:
    """Twice the matched nearness over all cuboids of both; another class halves a pair; two empty answers agree."""
    return SHAPE.similarity(a, b)


def _joined_track(boxes: Array, authors: Sequence[Reliability]) -> Array:
    """One track of (k, frames, 7), NaN where absent: a (frames, 7) block."""
    if len(boxes) == 1:
        return np.asarray(boxes[0])
    present = ~np.isnan(boxes[:, :, 0])
    weight = np.clip([author.recall for author in authors], 0.05, 1.0)
    support = present.T @ weight
    kept = support >= min(weight.sum() / 2, support.max()) - EVEN
    result = np.full(boxes.shape[1:], np.nan)
    patterns, which = np.unique(present[:, kept], axis=1, return_inverse=True)
    at = np.flatnonzero(kept)
    for p, members in enumerate(patterns.T):
        frames = at[np.ravel(which) == p]
        seen = boxes[members][:, frames].transpose(1, 0, 2)
        result[frames] = joined(seen, [a for a, here in zip(authors, members, strict=True) if here])
    size = _rigid_size(boxes, weight, authors)
    if size is not None:
        result[kept, SIZE] = size
    return result


def _rigid_size(boxes: Array, weight: Array, authors: Sequence[Reliability]) -> Array | None:
    """The size over the whole track, if most of the weight drew one size in all frames."""
    sizes = np.nanmedian(boxes[:, :, SIZE], axis=1)
    rigid = np.nanmax(np.abs(boxes[:, :, SIZE] - sizes[:, None]), axis=(1, 2)) == 0
    if weight[rigid].sum() <= weight.sum() / 2:
        return None
    share = np.array([a.size_share for a in authors])
    return robust_mean(sizes, 1 / share**2, np.median(share) * np.median(sizes, axis=0))
