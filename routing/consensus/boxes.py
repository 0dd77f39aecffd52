"""Boxes of several labelers to one set of boxes.

Grouped, weighed for existence and kept as objects.py says. Each edge is the robust mean of those drawn: a labeler
weighs by her measured error (1 / sigma squared), and a box by how much the others of its group overlap it, so that the
one drawn around two things does not pull. Measured in benchmarks/crowd/boxes.py.
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
from routing.geometry import boxes as geometry
from routing.geometry.robust import PAIR, robust_mean

Array = NDArray[np.float64]
AGREEMENT_POWER, AGREED_MIN = 4.0, 1e-3


@dataclass(frozen=True, eq=False)
class Boxes:
    """`rows` is (n, 4): left, top, width, height in pixels; `labels` a class each, "" where there are no classes."""

    rows: Array
    labels: tuple[str, ...]

    @classmethod
    def of(cls, rows: Any, labels: Sequence[str] | None = None) -> "Boxes":
        """From anything that has n rows of four; raises ValueError if there are not as many labels."""
        array = np.asarray(rows, dtype=float).reshape(-1, 4)
        names = ("",) * len(array) if labels is None else tuple(labels)
        if len(names) != len(array):
            raise ValueError("labels: there must be one a box")
        return cls(array, names)

    def __len__(self) -> int:
        return len(self.rows)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Boxes) and self.labels == other.labels and np.array_equal(self.rows, other.rows)

    def __hash__(self) -> int:
        return hash((self.rows.tobytes(), self.labels))


@dataclass(frozen=True)
class Reliability(Finder):
    """A labeler of boxes; `sigma` is the mean error of her edges as a share of the box's side."""

    sigma: float = 0.07


class BoxShape:
    """Nearness is the overlap (IoU)."""

    alike = 0.3  # lower joined neighbours, higher cut objects in two
    right = 0.5  # from here on a box is of that object, when gold is compared
    errors_of = ("sigma",)

    def labels(self, things: Boxes) -> tuple[str, ...]:
        return things.labels

    def key(self, things: Boxes) -> Any:
        return things.rows.tobytes(), things.labels

    def near(self, a: Boxes, b: Boxes) -> Array:
        return overlap(a.rows, b.rows)

    def similarity(self, a: Boxes, b: Boxes) -> float:
        return objects.similarity(self, a, b)

    def stack(self, answers: Sequence[Boxes]) -> Boxes:
        labels = tuple(label for one in answers for label in one.labels)
        return Boxes(np.concatenate([one.rows for one in answers]), labels)

    def pick(self, things: Boxes, at: Sequence[int]) -> Boxes:
        return Boxes(things.rows[list(at)].reshape(-1, 4), tuple(things.labels[i] for i in at))

    def join(
        self,
        things: Boxes,
        groups: Sequence[Sequence[int]],
        labels: Sequence[str],
        authors: Sequence[Reliability],
        near: Array,
    ) -> Boxes:
        sigma = np.array([author.sigma for author in authors])
        return Boxes(_places(things.rows, groups, sigma, near), tuple(labels))

    def errors(self, things: Boxes) -> Array:
        """(k, 1): of each drawing of one object how far its edges are from the median of the others', in sides."""
        edges = edges_of(things.rows)
        errors = np.zeros((len(edges), 1))
        for k in range(len(edges)):
            middle = np.median(np.delete(edges, k, axis=0), axis=0)
            sides = np.tile(np.maximum(middle[2:] - middle[:2], 1e-9), 2)
            errors[k] = np.minimum(np.abs(edges[k] - middle) / sides, 0.5).mean()
        return errors


SHAPE = BoxShape()
disputed, expected_quality = objects.disputed, objects.expected_quality_of


class OnlineBoxes(OnlineObjects[Boxes, Reliability]):
    def __init__(self, model: Existence = DEFAULT) -> None:
        super().__init__(SHAPE, model)


def merge(answers: Sequence[Boxes], reliability: Sequence[Reliability], model: Existence = DEFAULT) -> Merged[Boxes]:
    """The consensus, whatever the order of the answers; of one answer it is that answer."""
    return join(answers, reliability, model).merged


def join(answers: Sequence[Boxes], reliability: Sequence[Reliability], model: Existence = DEFAULT) -> Joined[Boxes]:
    """As `merge`, with the members of each box and all candidates."""
    online = OnlineBoxes(model)
    for answer, labeler in zip(answers, reliability, strict=True):
        online.add(answer, labeler)
    return online.joined()


def refit(
    tasks: Mapping[Hashable, Mapping[Hashable, Boxes]],
    gold: Mapping[Hashable, Boxes],
    rng: np.random.Generator,
    start: Existence = DEFAULT,
) -> Learned[Reliability]:
    """Every labeler's reliability and the model of existence, from all answers and the truth of some tasks."""
    return refit_objects(SHAPE, Reliability(), tasks, gold, rng, start)


def similarity(a: Boxes, b: Boxes) -> float:
    """Twice the overlap of the best pairing over all boxes; another class halves a pair; two empty answers agree."""
    return SHAPE.similarity(a, b)


def overlap(a: Array, b: Array) -> Array:
    """(n, m) intersection over union, exactly 1 for equal boxes and the same whichever way round."""
    return (geometry.iou(a, b) + geometry.iou(b, a).T) / 2  # measured from either corner: rounding is the same


def edges_of(rows: Array) -> Array:
    """(..., 4): left, top, right, bottom."""
    return np.concatenate([rows[..., :2], rows[..., :2] + rows[..., 2:]], axis=-1)


def _places(rows: Array, groups: Sequence[Sequence[int]], sigma: Array, near: Array) -> Array:
    """(groups, 4): each at the robust mean of its members' edges, all groups at once."""
    if not groups:
        return np.zeros((0, 4))
    # Groups side by side, filled up with their first members, which there weigh nothing.
    width = max(len(g) for g in groups)
    at = np.array([[*g, *[g[0]] * (width - len(g))] for g in groups])
    there = np.arange(width) < np.array([len(g) for g in groups])[:, None]
    pairs = near[at[:, :, None], at[:, None, :]] * there[:, None, :]
    count = there.sum(axis=1)[:, None]
    agreed = np.where(count > PAIR, (pairs.sum(axis=2) - 1) / np.maximum(1, count - 1), 1.0)
    weight = there * np.maximum(agreed, AGREED_MIN) ** AGREEMENT_POWER / sigma[at] ** 2
    members = rows[at]
    scale = np.tile(np.median(members[..., 2:], axis=1), 2) * np.median(sigma)
    edges = robust_mean(edges_of(members), weight, scale)
    # Never smaller or larger than what was drawn: a box as small as allowed stays so.
    sides = np.clip(edges[:, 2:] - edges[:, :2], members[..., 2:].min(axis=1), members[..., 2:].max(axis=1))
    equal = (members == members[:, :1]).all(axis=(1, 2))
    return np.where(equal[:, None], members[:, 0], np.hstack([edges[:, :2], sides]))
