"""Points (keypoints, or single points on objects) of several labelers to one set of points.

Grouped, weighed for existence and kept as objects.py says, each at the robust mean. Nearness falls with the distance in
units of the scene's own scale, as the object keypoint similarity of COCO does: exp(-d^2 / (2 scale^2)).
"""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from routing.consensus import objects
from routing.consensus.existence import DEFAULT, Existence
from routing.consensus.merged import Merged
from routing.consensus.objects import Finder, Joined, OnlineObjects
from routing.consensus.objects_fit import Learned
from routing.consensus.objects_fit import refit as refit_objects
from routing.geometry.robust import robust_mean

Array = NDArray[np.float64]
SCALE_PX = 10.0


@dataclass(frozen=True, eq=False)
class Points:
    """`rows` is (n, 2): x, y in pixels; `labels` says which point it is, or of what."""

    rows: Array
    labels: tuple[str, ...]

    @classmethod
    def of(cls, rows: Any, labels: Sequence[str] | None = None) -> "Points":
        """From anything that has n rows of two; raises ValueError if there are not as many labels."""
        array = np.asarray(rows, dtype=float).reshape(-1, 2)
        names = ("",) * len(array) if labels is None else tuple(labels)
        if len(names) != len(array):
            raise ValueError("labels: there must be one a point")
        return cls(array, names)

    def __len__(self) -> int:
        return len(self.rows)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Points) and self.labels == other.labels and np.array_equal(self.rows, other.rows)

    def __hash__(self) -> int:
        return hash((self.rows.tobytes(), self.labels))


@dataclass(frozen=True)
class Reliability(Finder):
    """A labeler of points; `sigma_px` is the mean distance of her points from where they belong."""

    sigma_px: float = 4.0


@dataclass(frozen=True)
class PointShape:
    """`scale_px` is the distance at which two points are alike by exp(-1/2): some errors, and less than what is between
    two things."""

    scale_px: float = SCALE_PX
    alike: float = 0.2
    right: float = 0.5
    errors_of: tuple[str, ...] = ("sigma_px",)

    def labels(self, things: Points) -> tuple[str, ...]:
        return things.labels

    def key(self, things: Points) -> Any:
        return things.rows.tobytes(), things.labels

    def near(self, a: Points, b: Points) -> Array:
        square = ((a.rows[:, None] - b.rows[None]) ** 2).sum(axis=2)
        return np.asarray(np.exp(-square / (2 * self.scale_px**2)))

    def similarity(self, a: Points, b: Points) -> float:
        return objects.similarity(self, a, b)

    def stack(self, answers: Sequence[Points]) -> Points:
        labels = tuple(label for one in answers for label in one.labels)
        return Points(np.concatenate([one.rows for one in answers]), labels)

    def pick(self, things: Points, at: Sequence[int]) -> Points:
        return Points(things.rows[list(at)].reshape(-1, 2), tuple(things.labels[i] for i in at))

    def join(
        self,
        things: Points,
        groups: Sequence[Sequence[int]],
        labels: Sequence[str],
        authors: Sequence[Reliability],
        near: Array,
    ) -> Points:
        sigma = np.array([author.sigma_px for author in authors])
        rows = [robust_mean(things.rows[g], 1 / sigma[g] ** 2, np.full(2, np.median(sigma[g]))) for g in groups]
        return Points.of(rows, labels)

    def errors(self, things: Points) -> Array:
        """(k, 1): the distance of each drawing of one point from the median of the others'."""
        rows = things.rows
        middles = np.array([np.median(np.delete(rows, k, axis=0), axis=0) for k in range(len(rows))])
        return np.linalg.norm(rows - middles, axis=1, keepdims=True)


SHAPE = PointShape()
disputed, expected_quality = objects.disputed, objects.expected_quality_of


class OnlinePoints(OnlineObjects[Points, Reliability]):
    def __init__(self, model: Existence = DEFAULT, shape: PointShape = SHAPE) -> None:
        super().__init__(shape, model)


def merge(
    answers: Sequence[Points],
    reliability: Sequence[Reliability],
    model: Existence = DEFAULT,
    shape: PointShape = SHAPE,
) -> Merged[Points]:
    """The consensus, whatever the order of the answers; of one answer it is that answer."""
    return join(answers, reliability, model, shape).merged


def join(
    answers: Sequence[Points],
    reliability: Sequence[Reliability],
    model: Existence = DEFAULT,
    shape: PointShape = SHAPE,
) -> Joined[Points]:
    """As `merge`, with the members of each point and all candidates."""
    online = OnlinePoints(model, shape)
    for answer, labeler in zip(answers, reliability, strict=True):
        online.add(answer, labeler)
    return online.joined()


def refit(
    tasks: Mapping[Hashable, Mapping[Hashable, Points]],
    gold: Mapping[Hashable, Points],
    rng: np.random.Generator,
    start: Existence = DEFAULT,
    shape: PointShape = SHAPE,
) -> Learned[Reliability]:
    """Every labeler's reliability and the model of existence, from all answers and the truth of some tasks."""
    return refit_objects(shape, Reliability(), tasks, gold, rng, start)


def similarity(a: Points, b: Points, shape: PointShape = SHAPE) -> float:
    """Twice the nearness of the best pairing over all; another class halves a pair; two empty answers agree."""
    return shape.similarity(a, b)
