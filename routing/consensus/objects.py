"""Which of the things that several labelers drew are one object: what boxes, polygons, points and cuboids share.

Average-link clustering by likeness, with the rule that nobody draws one object twice: the two groups that are most
alike on average join first, unless one labeler is in both, until no two are alike enough (constrained agglomerative
clustering; Davidson and Ravi 2005). Dealing each labeler's things out anew by an optimal assignment to the groups was
tried and changed no figure in the second digit, so it is not here.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from routing.consensus.existence import DEFAULT, Evidence, Existence, choose, expected_gain, expected_quality
from routing.consensus.votes import class_posterior

Array = NDArray[np.float64]
Places = NDArray[np.intp]


@dataclass(frozen=True)
class Finder:
    """What is known of a labeler of objects: `recall` (found of what was there), `precision` (real of what she drew),
    `label` (the right class of what she found). The defaults are an unknown labeler's."""

    recall: float = 0.8
    precision: float = 0.8
    label: float = 0.9


@dataclass(frozen=True)
class Drawn:
    """Everything that was drawn, answer by answer: `owners` and `places` say whose, and which of hers, each thing is.

    `likeness` is (m, m), symmetric, 0 to 1; `labels` has a class a thing, "" where there are no classes.
    """

    likeness: Array
    owners: Places
    places: Places
    labels: Sequence[str]
    finders: Sequence[Finder]


@dataclass(frozen=True)
class Candidates:
    """Groups of what was drawn, with what is believed of each: arrays run over `groups`, which hold rows of Drawn."""

    groups: list[list[int]]
    evidence: Evidence
    exists: Array  # probability that there is such an object
    labels: list[str]
    label_right: Array  # probability of that class
    near: Array  # expected likeness of the joined geometry and the true one, if there is such an object
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


def stack(counts: Sequence[int]) -> tuple[Places, Places]:
    """Owners and places of things that are stacked answer by answer."""
    owners = np.repeat(np.arange(len(counts)), counts)
    places = np.concatenate([np.arange(n) for n in counts]) if len(counts) else np.zeros(0, np.intp)
    return owners, places.astype(np.intp)


def candidates(drawn: Drawn, alike: float, model: Existence = DEFAULT) -> Candidates:
    """What there may be, and which of it to keep; `alike` is the least mean likeness of one object's drawings."""
    groups = group(drawn.likeness, drawn.owners, alike)
    evidence = weigh(drawn, groups, model)
    exists = model.posterior(evidence)
    labels, right = _classes(drawn, groups)
    chance, unseen = model.chance_unseen(evidence), model.unseen(evidence, exists)
    kept = choose(exists, unseen, chance)
    if len(drawn.finders) == 1:  # who stands alone is taken at her word
        kept = np.arange(len(groups))
    near = model.nearness(evidence)
    gains, new = expected_gain(model, evidence, exists, near, kept, unseen)
    return Candidates(groups, evidence, exists, labels, right, near, kept, unseen, chance, gains, new)


def weigh(drawn: Drawn, groups: Sequence[Sequence[int]], model: Existence) -> Evidence:
    """Who found each group and who did not, in units of a usual labeler."""
    found_by, missed_by = model.weights(drawn.finders)
    total = float(missed_by.sum())
    found, missed, tight = np.zeros(len(groups)), np.zeros(len(groups)), np.zeros(len(groups))
    count = np.array([len(g) for g in groups], dtype=np.intp)
    for k, members in enumerate(groups):
        owners = drawn.owners[members]
        found[k] = found_by[owners].sum()
        missed[k] = max(0.0, total - missed_by[owners].sum())
        if len(members) > 1:
            pairs = drawn.likeness[np.ix_(members, members)]
            tight[k] = (pairs.sum() - np.trace(pairs)) / (len(members) * (len(members) - 1))
    return Evidence(found, missed, count, tight, total)


def _classes(drawn: Drawn, groups: Sequence[Sequence[int]]) -> tuple[list[str], Array]:
    known = set(drawn.labels)
    if len(known) <= 1:
        # One class all over: that it is another one was never asked, or is as likely as that all of them err alike.
        accuracy = [1.0 if known <= {""} else 1 - _all_err(drawn, g) for g in groups]
        return [next(iter(known))] * len(groups) if known else [], np.array(accuracy)
    labels, right = [], np.zeros(len(groups))
    for k, members in enumerate(groups):
        accuracy_of = np.array([drawn.finders[o].label for o in drawn.owners[members]])
        posterior = class_posterior([drawn.labels[i] for i in members], np.clip(accuracy_of, 0.05, 0.99), len(known))
        best = max(sorted(posterior, key=str), key=lambda label: posterior[label])
        labels.append(str(best))
        right[k] = posterior[best]
    return labels, right


def _all_err(drawn: Drawn, members: Sequence[int]) -> float:
    return float(np.prod([1 - drawn.finders[o].label for o in drawn.owners[members]]))


def group(likeness: Array, owners: Places, alike: float) -> list[list[int]]:
    """Lists of rows, each at most once per owner, in the order of their first rows."""
    m = len(owners)
    near = (likeness >= alike) & (owners[:, None] != owners[None])
    neighbours: list[list[int]] = [[] for _ in range(m)]
    for i, j in zip(*(x.tolist() for x in np.nonzero(near)), strict=True):
        neighbours[i].append(j)
    seen, groups = [False] * m, []
    for start in range(m):
        if not seen[start]:
            part = _component(start, neighbours, seen)
            groups += _split(part, neighbours, likeness, owners, alike)
    return sorted(groups)


def _component(start: int, neighbours: Sequence[Sequence[int]], seen: list[bool]) -> list[int]:
    seen[start], part = True, [start]
    for i in part:  # grows while it is walked
        for j in neighbours[i]:
            if not seen[j]:
                seen[j] = True
                part.append(j)
    return sorted(part)


def _split(
    part: list[int], neighbours: Sequence[Sequence[int]], likeness: Array, owners: Places, alike: float
) -> list[list[int]]:
    """A part as it is if all in it are alike, else what average linkage makes of it."""
    own = owners[part]
    if sum(len(neighbours[i]) for i in part) == len(part) * (len(part) - 1) and len(set(own.tolist())) == len(part):
        return [part]
    return [[part[i] for i in members] for members in _link(likeness[np.ix_(part, part)], own, alike)]


def _link(likeness: Array, owners: Places, alike: float) -> list[list[int]]:
    n = len(owners)
    # Fixed to 12 digits, so that it does not hang on rounding which of two equal pairs is first.
    average = np.where(owners[:, None] == owners[None], -np.inf, likeness.round(12))
    size, members = np.ones(n), [[i] for i in range(n)]
    for _ in range(n - 1):
        i, j = divmod(int(average.argmax()), n)
        if average[i, j] < alike:
            break
        row = (size[i] * average[i] + size[j] * average[j]) / (size[i] + size[j])
        average[i], average[:, i] = row, row
        average[j], average[:, j] = -np.inf, -np.inf
        average[i, i] = -np.inf
        size[i] += size[j]
        members[i] += members[j]
        members[j] = []
    return [sorted(one) for one in members if one]
