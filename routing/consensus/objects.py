"""Several labelers' objects to one set of objects: what boxes, polygons, points, cuboids and tracks share.

What they drew is grouped (grouping.py), each group weighed for existence (existence.py), its class voted on, its
geometry joined by the kind's own rule (`Shape`), and those are kept that make the expected F1 highest.
"""

from collections.abc import Hashable, Sequence
from dataclasses import astuple, dataclass
from typing import Any, Generic, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from routing.consensus.existence import DEFAULT, Evidence, Existence, choose, expected_gain, expected_quality
from routing.consensus.grouping import group
from routing.consensus.merged import Merged
from routing.consensus.votes import class_posterior
from routing.geometry.pairing import cheapest_pairs

Array = NDArray[np.float64]
Places = NDArray[np.intp]
OTHER_LABEL = 0.75  # how alike two drawings of different classes are, beside two of one class
LABEL_MIN, LABEL_MAX = 0.05, 0.99


@dataclass(frozen=True)
class Finder:
    """What is known of a labeler of objects; the defaults are an unknown labeler's.

    `recall`: found of what was there; `precision`: real of what she drew; `label`: the right class of what she found.
    """

    recall: float = 0.8
    precision: float = 0.8
    label: float = 0.9


A = TypeVar("A")
R = TypeVar("R", bound=Finder)
R_in = TypeVar("R_in", bound=Finder, contravariant=True)


class Shape(Protocol[A, R_in]):
    """What a kind of object knows of its geometry; `A` holds any number of things of the kind."""

    @property
    def alike(self) -> float:
        """Least mean nearness of the drawings of one object."""
        ...

    @property
    def right(self) -> float:
        """Nearness from which on a drawing is of that true object."""
        ...

    @property
    def errors_of(self) -> tuple[str, ...]:
        """The fields of the labelers' reliability that `errors` measures."""
        ...

    def labels(self, things: A) -> tuple[str, ...]:
        """A class each, "" where there are no classes."""
        ...

    def key(self, things: A) -> Any:
        """Sorts answers in an order that depends on their content only."""
        ...

    def near(self, a: A, b: A) -> Array:
        """(n, m) nearness, 0 to 1, whatever the class; the same whichever way round."""
        ...

    def similarity(self, a: A, b: A) -> float:
        """Of two answers, 0 to 1; symmetric, 1 for equal ones."""
        ...

    def stack(self, answers: Sequence[A]) -> A: ...

    def pick(self, things: A, at: Sequence[int]) -> A: ...

    def join(
        self, things: A, groups: Sequence[Sequence[int]], labels: Sequence[str], authors: Sequence[R_in], near: Array
    ) -> A:
        """One thing a group; `authors` and the square `near` run over `things`."""
        ...

    def errors(self, things: A) -> Array:
        """(k, fields) how far each of three or more drawings of one object is from the others."""
        ...


@dataclass(frozen=True)
class Candidates:
    """Groups of what was drawn, with what is believed of each; the arrays run over the groups."""

    evidence: Evidence
    exists: Array  # probability that there is such an object
    labels: list[str]
    label_right: Array  # probability of that class
    near: Array  # expected nearness of the joined geometry and the true one, if there is such an object
    kept: Places  # those that belong into the answer, in order
    unseen: float  # expected number of objects that nobody drew
    chance_unseen: float  # that an object escaped everyone
    gains: Array  # expected rise of the similarity by one more answer, through each
    gain_by_new: float  # and through what nobody drew so far

    @property
    def parts(self) -> tuple[float, ...]:
        """Of each kept object the probability that it is there and of its class."""
        return tuple((self.exists * self.label_right)[self.kept].tolist())

    @property
    def confidence(self) -> float:
        """Expected similarity of the kept objects to the truth; another class counts half."""
        worth = self.near * (1 + self.label_right) / 2
        return expected_quality(self.exists, worth, self.kept, self.unseen, self.chance_unseen)

    @property
    def gain(self) -> float:
        """By how much one more answer is expected to raise the similarity to the truth."""
        return float(self.gains.sum() + self.gain_by_new)


@dataclass(frozen=True)
class Joined(Generic[A]):
    """A merged answer with all candidates: their geometry, and the (answer, thing) pairs that each was joined of."""

    merged: Merged[A]
    candidates: Candidates
    places: A
    all_members: tuple[tuple[tuple[int, int], ...], ...]

    @property
    def members(self) -> tuple[tuple[tuple[int, int], ...], ...]:
        """Of each object of the merged answer."""
        return tuple(self.all_members[k] for k in self.candidates.kept)


class OnlineObjects(Generic[A, R]):
    """Answers as they come in: `add` compares the new things only, `merged` groups and weighs what is there."""

    def __init__(self, shape: Shape[A, R], model: Existence = DEFAULT) -> None:
        self._shape, self._model = shape, model
        self._answers: list[A] = []
        self._labelers: list[R] = []
        self._keys: list[list[float]] = []
        self._near: Array = np.zeros((0, 0))
        self._counts: list[int] = []
        self._looked: list[A | None] = []
        self._things: A | None = None

    def __len__(self) -> int:
        return len(self._answers)

    def add(self, answer: A, reliability: R, looked: A | None = None) -> None:
        """One more answer; who was asked about some objects only (`looked` at) misses none of the others."""
        things = self._shape.stack([answer] if self._things is None else [self._things, answer])
        across = self._shape.near(answer, things)
        count, total = across.shape
        before = total - count
        near = np.empty((total, total))
        near[:before, :before] = self._near
        near[before:] = across
        near[:before, before:] = across[:, :before].T
        self._things, self._near = things, near
        self._counts.append(count)
        self._answers.append(answer)
        self._labelers.append(reliability)
        self._keys.append([-x for x in astuple(reliability)])
        self._looked.append(looked)

    def merged(self) -> Merged[A]:
        return self.joined().merged

    def joined(self) -> Joined[A]:
        """Raises ValueError where there is no answer yet."""
        if self._things is None:
            raise ValueError("answers: there must be at least one")
        order, shape = self._order(), self._shape
        starts = np.cumsum([0, *self._counts])
        at = np.concatenate([np.arange(starts[k], starts[k + 1]) for k in order])
        owners = np.repeat(np.arange(len(order)), [self._counts[k] for k in order])
        things, near = shape.pick(self._things, at.tolist()), self._near[np.ix_(at, at)]
        labels, labelers = shape.labels(things), [self._labelers[k] for k in order]
        groups = group(near * label_factor(labels, labels, OTHER_LABEL), owners, shape.alike)
        saw = self._saw(order, things, groups)
        found = candidates(groups, near, owners, labels, labelers, self._model, saw)
        places = shape.join(things, groups, found.labels, [labelers[o] for o in owners], near)
        value = self._answers[0] if len(order) == 1 else shape.pick(places, found.kept.tolist())
        scores = tuple(shape.similarity(answer, value) for answer in self._answers)
        members = tuple(tuple((order[owners[i]], int(at[i] - starts[order[owners[i]]])) for i in g) for g in groups)
        return Joined(Merged(value, found.confidence, found.parts, scores), found, places, members)

    def _saw(self, order: Sequence[int], things: A, groups: Sequence[Sequence[int]]) -> Array | None:
        """(groups, answers): 1 where that labeler looked at that place; none if all looked at everything."""
        if all(one is None for one in self._looked):
            return None
        saw = np.ones((len(groups), len(order)))
        for a, k in enumerate(order):
            places = self._looked[k]
            if places is not None:
                near = self._shape.near(places, things).max(axis=0, initial=0.0)
                saw[:, a] = [near[list(g)].mean() >= self._shape.alike for g in groups]
        return saw

    def _order(self) -> list[int]:
        """The answers in an order that does not depend on when they came."""
        return sorted(
            range(len(self._answers)),
            key=lambda k: (self._keys[k], self._shape.key(self._answers[k])),
        )


def similarity(shape: Shape[A, R], a: A, b: A) -> float:
    """Twice the nearness of the best pairing over all things; another class halves a pair; two empty answers agree."""
    one, two = shape.labels(a), shape.labels(b)
    if not one and not two:
        return 1.0
    pairs = shape.near(a, b) * label_factor(one, two, 0.5)
    rows, columns = cheapest_pairs(-pairs)
    return min(1.0, 2 * float(pairs[rows, columns].sum()) / (len(one) + len(two)))


def label_factor(a: Sequence[str], b: Sequence[str], other: float) -> Array:
    """(n, m): 1 for the same class, else `other`."""
    codes = {label: k for k, label in enumerate(dict.fromkeys([*a, *b]))}
    one, two = (np.fromiter((codes[x] for x in labels), np.intp, len(labels)) for labels in (a, b))
    return np.where(one[:, None] == two[None], 1.0, other)


def candidates(
    groups: Sequence[Sequence[int]],
    near: Array,
    owners: Places,
    labels: Sequence[str],
    finders: Sequence[Finder],
    model: Existence,
    saw: Array | None = None,
) -> Candidates:
    """What there may be, and which of it to keep; `owners` and `labels` run over what was drawn, `saw` (groups,
    finders) is 1 where a finder looked at all."""
    evidence = weigh(groups, near, owners, finders, model, saw)
    exists = model.posterior(evidence)
    names, right = _classes(groups, owners, labels, finders)
    chance, unseen = model.chance_unseen(evidence), model.unseen(evidence, exists)
    kept = choose(exists, unseen, chance)
    if len(finders) == 1:  # who stands alone is taken at her word
        kept = np.arange(len(groups))
    nearness = model.nearness(evidence)
    gains, new = expected_gain(model, evidence, exists, nearness, kept, unseen)
    return Candidates(evidence, exists, names, right, nearness, kept, unseen, chance, gains, new)


def weigh(
    groups: Sequence[Sequence[int]],
    near: Array,
    owners: Places,
    finders: Sequence[Finder],
    model: Existence,
    saw: Array | None = None,
) -> Evidence:
    """Who found each group and who did not, in units of a usual labeler."""
    found_by, missed_by = model.weights(finders)
    inside = np.zeros((len(groups), len(owners)))
    inside[np.repeat(np.arange(len(groups)), [len(g) for g in groups]), [i for g in groups for i in g]] = 1
    count = inside.sum(axis=1)
    # What nobody drew escaped those who looked at everything: an asked place is not where the unseen are.
    everywhere = np.ones(len(finders), bool) if saw is None or not len(saw) else saw.all(axis=0)
    total = float(missed_by[everywhere].sum())
    looked = missed_by.sum() if saw is None else saw @ missed_by
    missed = np.maximum(0, looked - inside @ missed_by[owners]) if len(owners) else np.zeros(0)
    pairs = ((inside @ near) * inside).sum(axis=1) - inside @ near.diagonal()
    tight = pairs / np.maximum(1, count * (count - 1))
    return Evidence(inside @ found_by[owners], missed, count.astype(np.intp), tight, total)


def _classes(
    groups: Sequence[Sequence[int]], owners: Places, labels: Sequence[str], finders: Sequence[Finder]
) -> tuple[list[str], Array]:
    known = set(labels)
    if known <= {""}:
        return [""] * len(groups), np.ones(len(groups))
    accuracy = np.clip([f.label for f in finders], LABEL_MIN, LABEL_MAX)
    names, right = [], np.zeros(len(groups))
    for k, members in enumerate(groups):
        given = [labels[i] for i in members]
        # That all err alike is possible even where one class is all that was ever given: hence two at least.
        posterior = class_posterior(given, accuracy[owners[members]], max(2, len(known)))
        best: Hashable = max(sorted(posterior, key=str), key=lambda label: posterior[label])
        names.append(str(best))
        right[k] = posterior[best]
    return names, right


def expected_quality_of(merged: Merged[A]) -> float:
    """The expected similarity of the merged answer to the truth, 0 to 1: what a target is compared with."""
    return merged.confidence


def disputed(merged: Merged[A], threshold: float) -> list[int]:
    """The objects of the merged answer that are not sure enough: the only ones to ask about again."""
    return [k for k, sure in enumerate(merged.parts) if sure < threshold]
