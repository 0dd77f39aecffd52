"""A chain of hidden tags with evidence at each place: what is likely at each, and how likely each whole span is.

Tags are numbered OUT = 0, then for each label its BEGIN and its INSIDE: 1, 2, 3, 4, ... Forward-backward as in Rabiner,
"A tutorial on hidden Markov models" (1989), many chains at a time.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

OUT = 0
LIKELY_MIN = 0.02  # spans below this posterior are not candidates


def begin(label: int) -> int:
    return 1 + 2 * label


def inside(label: int) -> int:
    return 2 + 2 * label


def allowed(tags: int) -> NDArray[np.bool_]:
    """(tags, tags): an inside tag follows only its own begin or inside."""
    table = np.ones((tags, tags), bool)
    for tag in range(2, tags, 2):
        table[:, tag] = False
        table[[tag - 1, tag], tag] = True
    return table


@dataclass(frozen=True, eq=False)
class Chain:
    """Of n places: (n, tags) likelihood of the evidence, forward and backward messages; (n,) the former's scale."""

    likelihood: Floats
    forward: Floats
    backward: Floats
    scale: Floats
    transition: Floats

    @property
    def posterior(self) -> Floats:
        """(n, tags), rows sum to 1."""
        joint = self.forward * self.backward
        return joint / joint.sum(axis=1, keepdims=True)

    def spans(self) -> list[tuple[int, int, int, float]]:
        """(first place, place after the last, label, posterior) of every span that is likely enough."""
        starts = self.forward[:, 1::2] * self.backward[:, 1::2]
        found = []
        for first, label in np.argwhere(starts >= LIKELY_MIN).tolist():
            found += self._from(first, label)
        return found

    def _from(self, first: int, label: int) -> list[tuple[int, int, int, float]]:
        found = []
        tag = begin(label)
        grown = float(self.forward[first, tag])  # it lasts to here, whatever follows
        for stop in range(first + 1, len(self.scale) + 1):
            if stop == len(self.scale):
                found.append((first, stop, label, grown))
                break
            follow = self.transition[tag] * self.likelihood[stop] / self.scale[stop]
            goes_on = inside(label)
            after = follow * self.backward[stop]
            found.append((first, stop, label, grown * float(after.sum() - after[goes_on])))
            grown *= float(follow[goes_on])
            tag = goes_on
            if grown * float(self.backward[stop, goes_on]) < LIKELY_MIN:
                break
        return [span for span in found if span[3] >= LIKELY_MIN]


def forward_backward(evidence: Sequence[Floats], transition: Floats) -> list[Chain]:
    """One chain for each (n, tags) log likelihood with n of at least 1; before the first place all are OUT."""
    order = sorted(range(len(evidence)), key=lambda at: -len(evidence[at]))
    lengths = np.array([len(evidence[at]) for at in order])
    tags = len(transition)
    likelihood = np.ones((int(lengths[0]), len(order), tags))
    for column, at in enumerate(order):
        logs = evidence[at]
        likelihood[: len(logs), column] = np.exp(logs - logs.max(axis=1, keepdims=True))
    forward, scale = _forward(likelihood, lengths, transition)
    backward = _backward(likelihood, lengths, transition, scale)
    chains: dict[int, Chain] = {}
    for column, at in enumerate(order):
        rows = (slice(0, int(lengths[column])), column)
        chains[at] = Chain(likelihood[rows], forward[rows], backward[rows], scale[rows], transition)
    return [chains[at] for at in range(len(evidence))]


def _forward(likelihood: Floats, lengths: NDArray[np.int64], transition: Floats) -> tuple[Floats, Floats]:
    forward, scale = np.zeros_like(likelihood), np.ones(likelihood.shape[:2])
    for place in range(len(likelihood)):
        going = int((lengths > place).sum())
        before = forward[place - 1, :going] @ transition if place else transition[OUT][None]
        message = before * likelihood[place, :going]
        scale[place, :going] = message.sum(axis=1)
        forward[place, :going] = message / scale[place, :going, None]
    return forward, scale


def _backward(likelihood: Floats, lengths: NDArray[np.int64], transition: Floats, scale: Floats) -> Floats:
    backward = np.ones_like(likelihood)
    for place in range(len(likelihood) - 2, -1, -1):
        going = int((lengths > place + 1).sum())
        message = likelihood[place + 1, :going] * backward[place + 1, :going]
        backward[place, :going] = message @ transition.T / scale[place + 1, :going, None]
    return backward


def best_apart(spans: Sequence[tuple[int, int, int, float]], cost: float) -> list[tuple[int, int, int, float]]:
    """Spans that do not overlap, with the largest sum of posterior less `cost` each."""
    worth = sorted((span for span in spans if span[3] > cost), key=lambda span: (span[1], span[0], span[2]))
    places = max((span[1] for span in worth), default=0)
    total = [0.0] * (places + 1)
    chosen: list[tuple[int, int, int, float] | None] = [None] * (places + 1)
    following = iter(worth)
    span = next(following, None)
    for stop in range(1, places + 1):
        total[stop] = total[stop - 1]
        while span is not None and span[1] == stop:
            gain = total[span[0]] + span[3] - cost
            if gain > total[stop]:
                total[stop], chosen[stop] = gain, span
            span = next(following, None)
    return _trace(chosen)


def _trace(chosen: Sequence[tuple[int, int, int, float] | None]) -> list[tuple[int, int, int, float]]:
    found = []
    at = len(chosen) - 1
    while at > 0:
        span = chosen[at]
        if span is None:
            at -= 1
        else:
            found.append(span)
            at = span[0]
    return found[::-1]
