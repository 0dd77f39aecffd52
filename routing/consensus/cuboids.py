"""Cuboids of several labelers in one frame to one set of cuboids.

Grouped, weighed for existence and kept as objects.py says. Centre and size are robust means (the usual error is each
labeler's own, in metres and in shares of the size); the heading is voted on first, so that a cuboid drawn back to front
does not turn the mean across the road, and then averaged the shorter way round: a cuboid without heading is the same
half a turn later, one with heading is not.
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
from routing.geometry import cuboids as geometry
from routing.geometry.cuboids import COLUMNS, POSITION, SIZE, YAW
from routing.geometry.nearness import nearness
from routing.geometry.robust import robust_mean

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Cuboids:
    """`rows` is (n, 7): centre, length, width, height in metres, yaw in radians; `labels` a class each."""

    rows: Array
    labels: tuple[str, ...]

    @classmethod
    def of(cls, rows: Any, labels: Sequence[str] | None = None) -> "Cuboids":
        """From anything that has n rows of seven; raises ValueError if there are not as many labels."""
        array = np.asarray(rows, dtype=float).reshape(-1, COLUMNS)
        names = ("",) * len(array) if labels is None else tuple(labels)
        if len(names) != len(array):
            raise ValueError("labels: there must be one a cuboid")
        return cls(array, names)

    def __len__(self) -> int:
        return len(self.rows)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Cuboids) and self.labels == other.labels and np.array_equal(self.rows, other.rows)

    def __hash__(self) -> int:
        return hash((self.rows.tobytes(), self.labels))


@dataclass(frozen=True)
class Reliability(Finder):
    """A labeler of cuboids, by the mean errors of her centres, of her sizes (as a share) and of her headings."""

    place_m: float = 0.15
    size_share: float = 0.06
    heading_deg: float = 4.0


class CuboidShape:
    """Nearness is 0.6 by centre (to 0 at 1.5 m or half the length), 0.2 each by size and heading, as in `agreement`."""

    alike = 0.25
    right = 0.4
    errors_of = ("place_m", "size_share", "heading_deg")

    def labels(self, things: Cuboids) -> tuple[str, ...]:
        return things.labels

    def key(self, things: Cuboids) -> Any:
        return things.rows.tobytes(), things.labels

    def near(self, a: Cuboids, b: Cuboids) -> Array:
        return nearness(a.rows[:, None], b.rows[None])

    def similarity(self, a: Cuboids, b: Cuboids) -> float:
        return objects.similarity(self, a, b)

    def stack(self, answers: Sequence[Cuboids]) -> Cuboids:
        labels = tuple(label for one in answers for label in one.labels)
        return Cuboids(np.concatenate([one.rows for one in answers]), labels)

    def pick(self, things: Cuboids, at: Sequence[int]) -> Cuboids:
        return Cuboids(things.rows[list(at)].reshape(-1, COLUMNS), tuple(things.labels[i] for i in at))

    def join(
        self,
        things: Cuboids,
        groups: Sequence[Sequence[int]],
        labels: Sequence[str],
        authors: Sequence[Reliability],
        near: Array,
    ) -> Cuboids:
        return Cuboids.of([joined(things.rows[g], [authors[i] for i in g]) for g in groups], labels)

    def errors(self, things: Cuboids) -> Array:
        """(k, 3) of each drawing of one object: metres, share of the size, degrees from the middle of the others."""
        rows = things.rows
        middles = np.array([geometry.average(np.delete(rows, k, axis=0)) for k in range(len(rows))])
        return differences(rows, middles)


SHAPE = CuboidShape()
disputed, expected_quality = objects.disputed, objects.expected_quality_of


class OnlineCuboids(OnlineObjects[Cuboids, Reliability]):
    def __init__(self, model: Existence = DEFAULT) -> None:
        super().__init__(SHAPE, model)


def merge(
    answers: Sequence[Cuboids], reliability: Sequence[Reliability], model: Existence = DEFAULT
) -> Merged[Cuboids]:
    """The consensus, whatever the order of the answers; of one answer it is that answer."""
    return join(answers, reliability, model).merged


def join(answers: Sequence[Cuboids], reliability: Sequence[Reliability], model: Existence = DEFAULT) -> Joined[Cuboids]:
    """As `merge`, with the members of each cuboid and all candidates."""
    online = OnlineCuboids(model)
    for answer, labeler in zip(answers, reliability, strict=True):
        online.add(answer, labeler)
    return online.joined()


def refit(
    tasks: Mapping[Hashable, Mapping[Hashable, Cuboids]],
    gold: Mapping[Hashable, Cuboids],
    rng: np.random.Generator,
    start: Existence = DEFAULT,
) -> Learned[Reliability]:
    """Every labeler's reliability and the model of existence, from all answers and the truth of some tasks."""
    return refit_objects(SHAPE, Reliability(), tasks, gold, rng, start)


def similarity(a: Cuboids, b: Cuboids) -> float:
    """Twice the nearness of the best pairing over all; another class halves a pair; two empty answers agree."""
    return SHAPE.similarity(a, b)


def joined(rows: Array, authors: Sequence[Reliability]) -> Array:
    """The robust middle of (..., k, 7) drawings of one object, over k."""
    k = rows.shape[-2]
    if k == 1:
        return np.asarray(rows[..., 0, :])
    sigma = np.array([[a.place_m] * 3 + [a.size_share] * 3 + [np.radians(a.heading_deg)] for a in authors])
    # One weight a labeler: who places well measures well; her errors beside the usual ones of the crew.
    weight = 1 / np.mean(sigma / np.median(sigma, axis=0), axis=1) ** 2
    scale = np.broadcast_to(np.median(sigma, axis=0), (*rows.shape[:-2], COLUMNS)).copy()
    scale[..., SIZE] *= np.median(rows[..., SIZE], axis=-2)
    return geometry.average(rows, weight, lambda values: robust_mean(values, weight, scale))


def differences(rows: Array, truth: Array) -> Array:
    """(..., 3): metres between the centres, mean share of the size, degrees between the headings, of (..., 7) rows."""
    place = np.linalg.norm(rows[..., POSITION] - truth[..., POSITION], axis=-1)
    size = np.abs(rows[..., SIZE] / truth[..., SIZE] - 1).mean(axis=-1)
    heading = np.degrees(np.abs(geometry.wrap(rows[..., YAW] - truth[..., YAW])))
    return np.stack([place, size, heading], axis=-1)
