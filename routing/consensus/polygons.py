"""Polygons of several labelers to one set of polygons.

Grouped, weighed for existence and kept as objects.py says. The contours of a group are joined without a raster: each is
walked by its share of the length from a common start, drawn at equally many places, lined up with the contour that the
others overlap most by the cyclic shift that fits best, and averaged place by place by the robust mean, labelers
weighing by their measured error. If the result overlaps the group less than its best contour does (shapes that cannot
be lined up), that contour stands.

Overlaps are shapely's, a dependency of the program for this: exact overlap of polygons that are not convex, or cross
themselves, is its trade. It is imported where it is first needed.
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
PLACES = 64  # on a contour
CORNERS_MIN = 3


@dataclass(frozen=True, eq=False)
class Polygons:
    """`rings` are (corners, 2) arrays of x, y in pixels, not closed; `labels` a class each."""

    rings: tuple[Array, ...]
    labels: tuple[str, ...]

    @classmethod
    def of(cls, rings: Sequence[Any], labels: Sequence[str] | None = None) -> "Polygons":
        """Raises ValueError if a ring has fewer than three corners or there are not as many labels as rings."""
        arrays = tuple(np.asarray(ring, dtype=float).reshape(-1, 2) for ring in rings)
        names = ("",) * len(arrays) if labels is None else tuple(labels)
        if len(names) != len(arrays):
            raise ValueError("labels: there must be one a polygon")
        if any(len(ring) < CORNERS_MIN for ring in arrays):
            raise ValueError("rings: a polygon has at least three corners")
        return cls(arrays, names)

    def __len__(self) -> int:
        return len(self.rings)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Polygons) or self.labels != other.labels:
            return False
        return all(np.array_equal(a, b) for a, b in zip(self.rings, other.rings, strict=True))

    def __hash__(self) -> int:
        return hash((tuple(ring.tobytes() for ring in self.rings), self.labels))


@dataclass(frozen=True)
class Reliability(Finder):
    """A labeler of polygons; `sigma_px` is the mean distance of her contours from the true ones."""

    sigma_px: float = 4.0


class PolygonShape:
    """Nearness is the overlap (IoU)."""

    alike = 0.3
    right = 0.5
    errors_of = ("sigma_px",)

    def labels(self, things: Polygons) -> tuple[str, ...]:
        return things.labels

    def key(self, things: Polygons) -> Any:
        return tuple(ring.tobytes() for ring in things.rings), things.labels

    def near(self, a: Polygons, b: Polygons) -> Array:
        result = np.zeros((len(a), len(b)))
        bounds_a, bounds_b = _bounds(a), _bounds(b)
        for i in range(len(a)):
            for j in range(len(b)):
                if (bounds_a[i, :2] <= bounds_b[j, 2:]).all() and (bounds_b[j, :2] <= bounds_a[i, 2:]).all():
                    result[i, j] = overlap(a.rings[i], b.rings[j])
        return result

    def similarity(self, a: Polygons, b: Polygons) -> float:
        return objects.similarity(self, a, b)

    def stack(self, answers: Sequence[Polygons]) -> Polygons:
        rings = tuple(ring for one in answers for ring in one.rings)
        return Polygons(rings, tuple(label for one in answers for label in one.labels))

    def pick(self, things: Polygons, at: Sequence[int]) -> Polygons:
        return Polygons(tuple(things.rings[i] for i in at), tuple(things.labels[i] for i in at))

    def join(
        self,
        things: Polygons,
        groups: Sequence[Sequence[int]],
        labels: Sequence[str],
        authors: Sequence[Reliability],
        near: Array,
    ) -> Polygons:
        rings = []
        for g in groups:
            sigma = np.array([authors[i].sigma_px for i in g])
            rings.append(_joined([things.rings[i] for i in g], sigma, near[np.ix_(g, g)]))
        return Polygons(tuple(rings), tuple(labels))

    def errors(self, things: Polygons) -> Array:
        """(k, 1): the mean distance of each contour of one object from the median of the others', place by place."""
        walked = _lined_up(list(things.rings), 0)
        middles = np.array([np.median(np.delete(walked, k, axis=0), axis=0) for k in range(len(walked))])
        return np.linalg.norm(walked - middles, axis=2).mean(axis=1, keepdims=True)


SHAPE = PolygonShape()
disputed, expected_quality = objects.disputed, objects.expected_quality_of


class OnlinePolygons(OnlineObjects[Polygons, Reliability]):
    def __init__(self, model: Existence = DEFAULT) -> None:
        super().__init__(SHAPE, model)


def merge(
    answers: Sequence[Polygons], reliability: Sequence[Reliability], model: Existence = DEFAULT
) -> Merged[Polygons]:
    """The consensus, whatever the order of the answers; of one answer it is that answer."""
    return join(answers, reliability, model).merged


def join(
    answers: Sequence[Polygons], reliability: Sequence[Reliability], model: Existence = DEFAULT
) -> Joined[Polygons]:
    """As `merge`, with the members of each polygon and all candidates."""
    online = OnlinePolygons(model)
    for answer, labeler in zip(answers, reliability, strict=True):
        online.add(answer, labeler)
    return online.joined()


def refit(
    tasks: Mapping[Hashable, Mapping[Hashable, Polygons]],
    gold: Mapping[Hashable, Polygons],
    rng: np.random.Generator,
    start: Existence = DEFAULT,
) -> Learned[Reliability]:
    """Every labeler's reliability and the model of existence, from all answers and the truth of some tasks."""
    return refit_objects(SHAPE, Reliability(), tasks, gold, rng, start)


def similarity(a: Polygons, b: Polygons) -> float:
    """Twice the overlap of the best pairing over all; another class halves a pair; two empty answers agree."""
    return SHAPE.similarity(a, b)


def overlap(a: Array, b: Array) -> float:
    """Intersection over union of two rings; one that crosses itself counts as what it encloses."""
    if np.array_equal(a, b):
        return 1.0
    from shapely import Polygon, make_valid  # heavy, and most processes see no polygon

    one, two = (make_valid(Polygon(ring)) for ring in (a, b))
    # The union from the areas: the same whichever way round.
    shared = one.intersection(two).area if _key(a) <= _key(b) else two.intersection(one).area
    union = one.area + two.area - shared
    return float(min(1.0, shared / union)) if union > 0 else 0.0


def _key(ring: Array) -> list[float]:
    return [float(x) for x in ring.ravel()]


def _bounds(things: Polygons) -> Array:
    rows = [[*ring.min(axis=0), *ring.max(axis=0)] for ring in things.rings]
    return np.array(rows, dtype=float).reshape(-1, 4)


def _joined(rings: Sequence[Array], sigma: Array, near: Array) -> Array:
    if len(rings) == 1 or all(np.array_equal(ring, rings[0]) for ring in rings):
        return rings[0]
    support = (near - np.eye(len(rings))) @ (1 / sigma)
    best = int(support.argmax())
    equal = np.array([np.array_equal(ring, rings[best]) for ring in rings])
    if (1 / sigma**2)[equal].sum() > (1 / sigma**2).sum() / 2:
        return rings[best]  # what most of the weight drew exactly is left alone
    walked = _lined_up(rings, best)
    middle = robust_mean(walked.transpose(1, 0, 2), 1 / sigma**2, np.full(2, np.median(sigma)))
    gained = [overlap(middle, ring) for ring in rings]
    kept = [overlap(rings[best], ring) for ring in rings]
    return middle if np.average(gained, weights=1 / sigma) >= np.average(kept, weights=1 / sigma) else rings[best]


def _lined_up(rings: Sequence[Array], best: int) -> Array:
    """(k, PLACES, 2): every contour walked the same way round, from the place that fits the best one's start."""
    walked = np.array([_walk(ring) for ring in rings])
    reference = walked[best] - walked[best].mean(axis=0)
    shifts = (np.arange(PLACES)[:, None] + np.arange(PLACES)[None]) % PLACES
    for k in range(len(walked)):
        shifted = walked[k][shifts]  # (shift, place, 2)
        off = ((shifted - shifted.mean(axis=1, keepdims=True) - reference) ** 2).sum(axis=(1, 2))
        walked[k] = shifted[int(off.argmin())]
    return walked


def _walk(ring: Array) -> Array:
    """(PLACES, 2) places at equal distances along the contour, counter-clockwise."""
    x, y = ring.T
    if float((x * np.roll(y, -1) - np.roll(x, -1) * y).sum()) < 0:
        ring = ring[::-1]
    closed = np.concatenate([ring, ring[:1]])
    along = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(closed, axis=0), axis=1))])
    at = np.linspace(0, along[-1], PLACES, endpoint=False)
    return np.stack([np.interp(at, along, closed[:, 0]), np.interp(at, along, closed[:, 1])], axis=1)
