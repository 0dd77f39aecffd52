"""Marked segments of one text or signal by several labelers become one set of segments, each with its probability.

All borders that anyone drew cut the text into intervals; on them each labeler's segments are a row of tags (out, begin,
inside). The truth is a hidden chain of such tags (HMM-Crowd: Nguyen et al., ACL 2017), and what a labeler marks depends
on the truth and on her own tag before it (Bayesian sequence combination: Simpson and Gurevych, EMNLP 2019). How labels
are confused is learned for the crowd; each labeler has two numbers of her own, how much she finds and how much of it is
there. Intervals in the place of tokens make it independent of units: letters, words and seconds give the same result.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from math import exp

import numpy as np
from numpy.typing import NDArray

from routing.consensus.graded import LogitLine
from routing.consensus.merged import Merged
from routing.consensus.span_chain import OUT, Chain, allowed, begin, best_apart, forward_backward, inside

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

RECALL_USUAL, PRECISION_USUAL = 0.7, 0.8  # of a labeler of whom nothing is known
EDGE = 0.02  # nobody finds everything, and nobody nothing
COST = 0.2  # a segment is taken from this posterior on; the best for F1 on the val split of spans_ner

# With 1, 2, 3 and all answers of the val split.
SPAN = LogitLine(slope=0.79, offset=-0.56, crowd=0.49, dependence=0.6)
WHOLE = LogitLine(slope=0.59, offset=-1.15, crowd=0.93, dependence=0.2)

# Learned on the val split of spans_ner, all labels taken alike. FOLLOWS: by the tag before (out, begin, inside) the
# next one (out, a begin, the same label's inside). GIVEN: by the true tag (out, begin, inside) and the labeler's own
# tag before (out; begin, inside of the true label; begin, inside of another), what she gives, in the same five.
FOLLOWS = ((0.60, 0.40, 0.0), (0.82, 0.04, 0.14), (0.84, 0.03, 0.13))
GIVEN = (
    (
        (0.909, 0.0, 0.0, 0.091, 0.0),
        (0.967, 0.0, 0.0, 0.013, 0.02),
        (0.944, 0.0, 0.0, 0.005, 0.051),
        (0.967, 0.0, 0.0, 0.013, 0.02),
        (0.944, 0.0, 0.0, 0.005, 0.051),
    ),
    (
        (0.317, 0.617, 0.0, 0.066, 0.0),
        (0.049, 0.296, 0.655, 0.0, 0.0),
        (0.058, 0.209, 0.733, 0.0, 0.0),
        (0.178, 0.554, 0.0, 0.059, 0.209),
        (0.146, 0.527, 0.0, 0.067, 0.26),
    ),
    (
        (0.717, 0.261, 0.0, 0.022, 0.0),
        (0.178, 0.03, 0.791, 0.001, 0.0),
        (0.052, 0.013, 0.926, 0.009, 0.0),
        (0.357, 0.04, 0.0, 0.047, 0.556),
        (0.184, 0.076, 0.0, 0.038, 0.702),
    ),
)
TINY = 1e-3  # of what was never seen


@dataclass(frozen=True, order=True)
class Span:
    """[start, stop) in letters, words or any other whole unit."""

    start: int
    stop: int
    label: str


Answer = Sequence[Span]


@dataclass(frozen=True)
class Reliability:
    """`recall`: the share of what is there that she marks; `precision`: the share of her marks where anything is."""

    recall: float = RECALL_USUAL
    precision: float = PRECISION_USUAL

    @property
    def inventions(self) -> float:
        """Marks on nothing per mark that should be."""
        recall, precision = (float(np.clip(share, EDGE, 1 - EDGE)) for share in (self.recall, self.precision))
        return recall * (1 - precision) / precision


@dataclass(frozen=True, eq=False)
class Crowd:
    """What all labelers have in common.

    `transition`: (tags, tags) of the truth. `given`: (tags, tags, tags), the probability of a labeler's tag by her tag
    before and the true tag, in the order [before, truth, given]. `usual`: the labeler for whom `given` holds.
    """

    labels: tuple[str, ...]
    transition: Floats
    given: Floats
    usual: Reliability = Reliability()

    @cached_property
    def log_given(self) -> Floats:
        return np.log(self.given)


def usual_crowd(labels: Sequence[str]) -> Crowd:
    """A crowd of which nothing is known, for these labels."""
    count = len(labels)
    tags = 1 + 2 * count
    transition = np.zeros((tags, tags))
    given = np.full((tags, tags, tags), TINY)
    possible = allowed(tags)
    for before in range(tags):
        for after in range(tags):
            if possible[before, after]:
                share = FOLLOWS[_kind(before)][_kind(after)]
                transition[before, after] = share / count if _kind(after) == 1 else share
            for truth in range(tags):
                if possible[before, after]:
                    to = _relation(truth, after)
                    share = GIVEN[_kind(truth)][_relation(truth, before)][to]
                    alike = max(1, count - (truth != OUT)) if to == 3 else 1
                    given[before, truth, after] += share / alike
    given *= possible[:, None, :] + TINY * TINY
    return Crowd(tuple(labels), _rows(transition), _rows(given))


def _kind(tag: int) -> int:
    """Out, begin or inside."""
    return 0 if tag == OUT else 1 if tag % 2 else 2


def _relation(truth: int, tag: int) -> int:
    """A labeler's tag beside the true one: out; begin, inside of its label; begin, inside of another."""
    if tag == OUT:
        return 0
    same = truth != OUT and (truth - 1) // 2 == (tag - 1) // 2
    return _kind(tag) + (0 if same else 2)


def _rows(table: Floats) -> Floats:
    return table / table.sum(axis=-1, keepdims=True)


@dataclass(frozen=True)
class Calibration:
    """From the model's posterior of a segment to its probability, and from the expected F1 to the achieved one."""

    span: LogitLine = SPAN
    whole: LogitLine = WHOLE


@dataclass(frozen=True)
class Intervals:
    """`cuts`: all borders drawn, rising; interval i is [cuts[i], cuts[i + 1]). `tags`: (answers, intervals)."""

    cuts: tuple[int, ...]
    tags: Ints

    @property
    def before(self) -> Ints:
        """Each labeler's tag in the interval before; out before the first."""
        return np.concatenate([np.zeros((len(self.tags), 1), np.int64), self.tags[:, :-1]], axis=1)


def intervals(answers: Sequence[Answer], labels: Sequence[str]) -> Intervals:
    """The answers as rows of tags on their common intervals; where nobody marked anything there is one, empty."""
    cuts = tuple(sorted({border for answer in answers for span in answer for border in (span.start, span.stop)})) or (
        0,
        0,
    )
    place = {cut: at for at, cut in enumerate(cuts)}
    number = {label: at for at, label in enumerate(labels)}
    tags = np.zeros((len(answers), len(cuts) - 1), np.int64)
    for row, answer in zip(tags, answers, strict=True):
        for span in answer:
            first, stop = place[span.start], place[span.stop]
            if first >= stop or row[first:stop].any():
                raise ValueError(f"span {span}: spans of one answer have a length and do not overlap")
            row[first], row[first + 1 : stop] = begin(number[span.label]), inside(number[span.label])
    return Intervals(cuts, tags)


def evidence(rows: Intervals, reliability: Sequence[Reliability], crowd: Crowd) -> Floats:
    """(intervals, tags) log likelihood of what all labelers marked, for each true tag."""
    before = rows.before
    total = np.zeros((rows.tags.shape[1], len(crowd.transition)))
    for tags, earlier, labeler in zip(rows.tags, before, reliability, strict=True):
        marks, blanks = _tilt(labeler, crowd)
        tilted = np.where(tags[:, None] == OUT, np.log(blanks)[None], np.log(marks)[None])
        blank = crowd.given[earlier][:, :, OUT]
        norm = np.log(blank * blanks[None] + (1 - blank) * marks[None])
        total += crowd.log_given[earlier, :, tags] + tilted - norm
    return total


def _tilt(labeler: Reliability, crowd: Crowd) -> tuple[Floats, Floats]:
    """Per true tag how much more often than usual this labeler marks, and how much more often she leaves blank."""
    tags = len(crowd.transition)
    marks, blanks = np.ones(tags), np.ones(tags)
    recall, usual = (float(np.clip(share, EDGE, 1 - EDGE)) for share in (labeler.recall, crowd.usual.recall))
    marks[1:], blanks[1:] = recall / usual, (1 - recall) / (1 - usual)
    marks[OUT] = labeler.inventions / crowd.usual.inventions
    return marks, blanks


def similarity(a: Answer, b: Answer) -> float:
    """Strict F1: twice the segments with equal borders and label, by all of both."""
    if not a and not b:
        return 1.0
    return 2 * len(set(a) & set(b)) / (len(set(a)) + len(set(b)))


def merge(
    answers: Sequence[Answer],
    reliability: Sequence[Reliability],
    crowd: Crowd | None = None,
    calibration: Calibration | None = None,
) -> Merged[tuple[Span, ...]]:
    """The segments of at least one answer, by start; `parts` is each one's probability: borders and label are right.

    Equal answers are returned as they are. A label that `crowd` does not know puts the usual crowd in its place.
    """
    if not answers:
        raise ValueError("answers: at least one is needed")
    # One order for all, so that sums of floats do not depend on who came first.
    pairs = sorted(zip((tuple(sorted(answer)) for answer in answers), reliability, strict=True), key=_order)
    known = _known(crowd, [answer for answer, _ in pairs])
    rows = intervals([answer for answer, _ in pairs], known.labels)
    chain = forward_backward([evidence(rows, [labeler for _, labeler in pairs], known)], known.transition)[0]
    agreed = pairs[0][0] if len({answer for answer, _ in pairs}) == 1 else None
    value, parts, confidence = elect(chain, rows, known, calibration or Calibration(), agreed)
    return Merged(value, confidence, parts, tuple(similarity(value, tuple(answer)) for answer in answers))


def _order(pair: tuple[tuple[Span, ...], Reliability]) -> tuple[tuple[Span, ...], float, float]:
    return pair[0], pair[1].recall, pair[1].precision


def _known(crowd: Crowd | None, answers: Sequence[Answer]) -> Crowd:
    used = sorted({span.label for answer in answers for span in answer})
    if crowd is not None and set(used) <= set(crowd.labels):
        return crowd
    return usual_crowd(sorted({*used, *(crowd.labels if crowd else ("",) if not used else ())}))


def elect(
    chain: Chain, rows: Intervals, crowd: Crowd, calibration: Calibration, agreed: Sequence[Span] | None = None
) -> tuple[tuple[Span, ...], tuple[float, ...], float]:
    """The segments chosen (those `agreed`, if all answers are equal), their probabilities, and the expected F1."""
    count = len(rows.tags)
    stated = {
        Span(rows.cuts[first], rows.cuts[stop], crowd.labels[label]): min(1.0, posterior)
        for first, stop, label, posterior in (best_apart(chain.spans(), COST) if agreed is None else chain.spans())
        if rows.cuts[first] < rows.cuts[stop]
    }
    value = tuple(sorted(stated if agreed is None else agreed))
    parts = tuple(calibration.span(stated.get(span, 0.0), count) for span in value)
    there = float(chain.posterior[:, 1::2].sum())
    raw = 2 * sum(stated.get(span, 0.0) for span in value) / (len(value) + there) if value else exp(-there)
    return value, parts, calibration.whole(min(1.0, raw), count)


class OnlineSpans:
    """The segments of one text as answers come; a new border may cut every row anew, so the chain runs when asked."""

    def __init__(self, crowd: Crowd | None = None, calibration: Calibration | None = None) -> None:
        self._crowd, self._calibration = crowd, calibration
        self._answers: list[Answer] = []
        self._reliability: list[Reliability] = []

    def add(self, answer: Answer, reliability: Reliability) -> None:
        self._answers.append(tuple(answer))
        self._reliability.append(reliability)

    def merged(self) -> Merged[tuple[Span, ...]]:
        return merge(self._answers, self._reliability, self._crowd, self._calibration)
