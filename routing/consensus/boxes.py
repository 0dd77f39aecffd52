"""Boxes of several labelers to one set of boxes: grouped, weighed for existence, placed at the weighted median.

Each edge is the weighted median of those drawn: a labeler weighs by her measured error (1 / sigma squared), and a box
by how much the others of its group overlap it, so that the one drawn around two things does not pull. Measured in
benchmarks/crowd/boxes.py.
"""

from collections.abc import Sequence
from dataclasses import astuple, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from routing.consensus import objects
from routing.consensus.existence import DEFAULT, Existence
from routing.consensus.merged import Merged
from routing.consensus.objects import Candidates, Drawn, Finder
from routing.geometry import boxes as geometry
from routing.geometry.middle import middle
from routing.geometry.pairing import cheapest_pairs

Array = NDArray[np.float64]
ALIKE = 0.3  # mean overlap (IoU) of what is one object; lower joined neighbours, higher cut objects in two
OTHER_LABEL = 0.75  # how alike two boxes of different classes are, beside two of one class
AGREEMENT_POWER = 4.0


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


@dataclass(frozen=True)
class Joined:
    """A merged answer with all candidates: (answer, box) of each one's members, and its place as a row."""

    merged: Merged[Boxes]
    candidates: Candidates
    all_members: tuple[tuple[tuple[int, int], ...], ...]
    places: Array

    @property
    def members(self) -> tuple[tuple[tuple[int, int], ...], ...]:
        """Of each box of the merged answer."""
        return tuple(self.all_members[k] for k in self.candidates.kept)


def merge(answers: Sequence[Boxes], reliability: Sequence[Reliability], model: Existence = DEFAULT) -> Merged[Boxes]:
    """The consensus, whatever the order of the answers; of one answer it is that answer."""
    return join(answers, reliability, model).merged


def join(answers: Sequence[Boxes], reliability: Sequence[Reliability], model: Existence = DEFAULT) -> Joined:
    """As `merge`, with the members of each box and all candidates."""
    online = OnlineBoxes(model)
    for answer, labeler in zip(answers, reliability, strict=True):
        online.add(answer, labeler)
    return online.joined()


def similarity(a: Boxes, b: Boxes) -> float:
    """Twice the overlap of the best pairing over all boxes; another class halves a pair; two empty answers agree."""
    count = len(a) + len(b)
    if count == 0:
        return 1.0
    pairs = geometry.iou(a.rows, b.rows) * np.where(_same(a.labels, b.labels), 1.0, 0.5)
    rows, columns = cheapest_pairs(-pairs)
    return min(1.0, 2 * float(pairs[rows, columns].sum()) / count)


def expected_quality(merged: Merged[Boxes]) -> float:
    """The expected similarity of the merged answer to the truth, 0 to 1: what a target is compared with."""
    return merged.confidence


def disputed(merged: Merged[Boxes], threshold: float) -> list[int]:
    """The boxes of the merged answer that are not sure enough: the only ones to ask about again."""
    return [k for k, sure in enumerate(merged.parts) if sure < threshold]


class OnlineBoxes:
    """Answers as they come in: `add` computes the overlaps of the new boxes only, `merged` groups what is there."""

    def __init__(self, model: Existence = DEFAULT) -> None:
        self._model = model
        self._answers: list[Boxes] = []
        self._labelers: list[Reliability] = []
        self._likeness: Array = np.zeros((0, 0))
        self._rows: Array = np.zeros((0, 4))
        self._names: list[str] = []

    def __len__(self) -> int:
        return len(self._answers)

    def add(self, answer: Boxes, reliability: Reliability) -> None:
        before, count = len(self._rows), len(self._rows) + len(answer)
        rows = np.concatenate([self._rows, answer.rows])
        across = overlap(answer.rows, rows) * np.where(
            _same(answer.labels, [*self._names, *answer.labels]), 1.0, OTHER_LABEL
        )
        likeness = np.empty((count, count))
        likeness[:before, :before] = self._likeness
        likeness[before:] = across
        likeness[:before, before:] = across[:, :before].T
        self._rows, self._likeness = rows, likeness
        self._names += answer.labels
        self._answers.append(answer)
        self._labelers.append(reliability)

    def merged(self) -> Merged[Boxes]:
        return self.joined().merged

    def joined(self) -> Joined:
        """Raises ValueError where there is no answer yet."""
        if not self._answers:
            raise ValueError("answers: there must be at least one")
        order = self._order()
        drawn, rows = self._drawn(order)
        found = objects.candidates(drawn, ALIKE, self._model)
        places = self._places(order, drawn, rows, found.groups)
        value = Boxes(places[found.kept], tuple(found.labels[k] for k in found.kept))
        if len(order) == 1:
            value = self._answers[0]
        scores = tuple(similarity(answer, value) for answer in self._answers)
        members = tuple(tuple((order[drawn.owners[i]], int(drawn.places[i])) for i in g) for g in found.groups)
        return Joined(Merged(value, found.confidence, found.parts, scores), found, members, places)

    def _order(self) -> list[int]:
        """The answers in an order that does not depend on when they came."""
        return sorted(
            range(len(self._answers)),
            key=lambda k: (
                [-x for x in astuple(self._labelers[k])],
                self._answers[k].rows.tobytes(),
                self._answers[k].labels,
            ),
        )

    def _drawn(self, order: Sequence[int]) -> tuple[Drawn, Array]:
        starts = np.cumsum([0, *(len(one) for one in self._answers)])
        at = np.concatenate([np.arange(starts[k], starts[k + 1]) for k in order])
        owners, places = objects.stack([len(self._answers[k]) for k in order])
        labels = [self._names[i] for i in at]
        finders = [self._labelers[k] for k in order]
        return Drawn(self._likeness[np.ix_(at, at)], owners, places, labels, finders), self._rows[at]

    def _places(self, order: Sequence[int], drawn: Drawn, rows: Array, groups: Sequence[Sequence[int]]) -> Array:
        sigma = np.array([self._labelers[k].sigma for k in order])[drawn.owners]
        joined = [_place(rows[g], sigma[g], drawn.likeness[np.ix_(g, g)]) for g in groups]
        return np.array(joined).reshape(-1, 4)


def overlap(a: Array, b: Array) -> Array:
    """(n, m) intersection over union, the same to the last bit whichever way round."""
    far_a, far_b = a[:, :2] + a[:, 2:], b[:, :2] + b[:, 2:]
    sides = np.minimum(far_a[:, None], far_b[None]) - np.maximum(a[:, None, :2], b[None, :, :2])
    shared = np.maximum(0, sides).prod(axis=2)
    area_a, area_b = a[:, 2:].prod(axis=1), b[:, 2:].prod(axis=1)
    return np.asarray(shared / (area_a[:, None] + area_b[None] - shared))


def _same(a: Sequence[str], b: Sequence[str]) -> NDArray[np.bool_]:
    return np.array([[x == y for y in b] for x in a], dtype=bool).reshape(len(a), len(b))


def _place(rows: Array, sigma: Array, likeness: Array) -> Array:
    """The weighted median of the edges of (k, 4) rows, as a row."""
    edges = np.hstack([rows[:, :2], rows[:, :2] + rows[:, 2:]])
    agreed = np.ones(len(rows)) if len(rows) <= 2 else (likeness.sum(axis=1) - 1) / (len(rows) - 1)
    # Sides, not far edges, where all agree: adding and subtracting would not give them back exactly.
    if (rows == rows[0]).all():
        return rows[0]
    left, top, right, bottom = middle(edges, np.maximum(agreed, 1e-3) ** AGREEMENT_POWER / sigma**2)
    return np.array([left, top, right - left, bottom - top])
