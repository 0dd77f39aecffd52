"""Several orders of the same things become one; a pairwise choice is an order of two.

Every order is taken apart into its pairs. Bradley and Terry (1952): a stands before b with odds exp(score a - score b);
Chen et al., "Pairwise ranking aggregation in a crowdsourced setting" (WSDM 2013): a labeler says so only as often as
she is reliable, and the opposite otherwise. A tie is half a choice each way. The scores are the most probable ones
under a normal prior, found by expectation, maximisation and Newton's method; the curvature there says how sure each
neighbourhood is.
"""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, pairwise

import numpy as np
from numpy.typing import NDArray

from routing.consensus.graded import LogitLine, fit_line
from routing.consensus.merged import Merged

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

ACCURACY_USUAL = 0.8  # of pairs, by a labeler of whom nothing is known
ACCURACY_MIN, ACCURACY_MAX = 0.02, 0.98
PRIOR_PAIRS = 10.0  # of the usual accuracy, against what one labeler showed
SCORE_SD = 2.0  # of the prior of scores
ROUNDS, STEPS_MAX = 8, 30
TIED = 1e-6  # scores nearer than this are one place

Ranking = tuple[tuple[Hashable, ...], ...]  # best first; things in one place are tied


@dataclass(frozen=True)
class Reliability:
    """`accuracy`: the share of pairs that she puts in the right order; below one half she tends to the opposite."""

    accuracy: float = ACCURACY_USUAL


@dataclass(frozen=True)
class Scores:
    """`things` in a fixed order, their (n,) scores and the (n, n) covariance of what is not known about them."""

    things: tuple[Hashable, ...]
    score: Floats
    covariance: Floats

    def before(self, a: int, b: int) -> float:
        """The probability that the thing at `a` belongs before the one at `b`."""
        from scipy.special import ndtr

        spread = self.covariance[a, a] + self.covariance[b, b] - 2 * self.covariance[a, b]
        return float(ndtr((self.score[a] - self.score[b]) / np.sqrt(max(float(spread), 1e-12))))

    def ranking(self) -> Ranking:
        order = sorted(range(len(self.things)), key=lambda at: (-self.score[at], repr(self.things[at])))
        places: list[list[Hashable]] = []
        last = np.inf
        for at in order:
            if last - self.score[at] > TIED:
                places.append([])
                last = self.score[at]
            places[-1].append(self.things[at])
        return tuple(tuple(place) for place in places)


@dataclass(frozen=True)
class Refit:
    reliability: Mapping[str, Reliability]
    usual: Reliability
    calibration: LogitLine
    merged: Mapping[str, Merged[Ranking]]


@dataclass(frozen=True, eq=False)
class _Pairs:
    """(pairs,) who says that `first` stands before `second`, each with a weight: 1, or a half for a tie."""

    who: Ints
    first: Ints
    second: Ints
    weight: Floats


def ranking(*things: Hashable) -> Ranking:
    """An order without ties, best first."""
    return tuple((thing,) for thing in things)


def similarity(a: Ranking, b: Ranking) -> float:
    """The share of pairs in the same order (Kendall), of those that both contain; a tie on one side is half right."""
    place_a, place_b = _places(a), _places(b)
    common = sorted(set(place_a) & set(place_b), key=repr)
    if len(common) < 2:
        return float(set(place_a) == set(place_b))
    alike = 0.0
    for one, other in combinations(common, 2):
        x = np.sign(place_a[one] - place_a[other])
        y = np.sign(place_b[one] - place_b[other])
        alike += 1 - abs(float(x - y)) / 2
    return 2 * alike / (len(common) * (len(common) - 1))


def _places(order: Ranking) -> dict[Hashable, int]:
    return {thing: at for at, place in enumerate(order) for thing in place}


def merge(
    answers: Sequence[Ranking], reliability: Sequence[Reliability], calibration: LogitLine | None = None
) -> Merged[Ranking]:
    """The order of all things in at least one answer. Equal answers are returned as they are.

    `parts`: for each place but the last, the probability that it belongs before the next one. `confidence`: the
    expected share of pairs in the right order.
    """
    if not answers:
        raise ValueError("answers: at least one is needed")
    found = scores(answers, reliability)
    value = answers[0] if len(set(answers)) == 1 else found.ranking()
    line = calibration or LogitLine()
    at = {thing: number for number, thing in enumerate(found.things)}

    def sure(ahead: Hashable, behind: Hashable) -> float:
        return line(found.before(at[ahead], at[behind]), len(answers))

    parts = [float(np.mean([sure(a, b) for a in ahead for b in behind])) for ahead, behind in pairwise(value)]
    pairs = [sure(a, b) for here, there in combinations(value, 2) for a in here for b in there]
    tied = sum(len(place) * (len(place) - 1) // 2 for place in value)
    expected = (sum(pairs) + tied / 2) / max(1, len(pairs) + tied)
    confidence = expected if pairs or tied else 1.0
    return Merged(value, confidence, tuple(parts), tuple(similarity(value, answer) for answer in answers))


def scores(answers: Sequence[Ranking], reliability: Sequence[Reliability]) -> Scores:
    """What the answers say of each thing, whoever came first."""
    order = sorted(range(len(answers)), key=lambda at: (repr(answers[at]), reliability[at].accuracy))
    things = tuple(sorted({thing for answer in answers for place in answer for thing in place}, key=repr))
    pairs = _pairs([answers[at] for at in order], list(range(len(order))), things)
    accuracy = np.array([reliability[at].accuracy for at in order])
    score, covariance, _ = _fit(pairs, accuracy, np.zeros(len(things)))
    return Scores(things, score, covariance)


def _pairs(answers: Sequence[Ranking], who: Sequence[int], things: Sequence[Hashable]) -> _Pairs:
    at = {thing: number for number, thing in enumerate(things)}
    rows: list[tuple[int, int, int, float]] = []
    for answer, labeler in zip(answers, who, strict=True):
        for ahead, behind in combinations(answer, 2):
            rows += [(labeler, at[a], at[b], 1.0) for a in ahead for b in behind]
        for place in answer:
            for a, b in combinations(place, 2):
                rows += [(labeler, at[a], at[b], 0.5), (labeler, at[b], at[a], 0.5)]
    table = np.array(rows, dtype=float).reshape(-1, 4)
    whole = table[:, :3].astype(np.int64)
    return _Pairs(whole[:, 0], whole[:, 1], whole[:, 2], table[:, 3])


def _fit(pairs: _Pairs, accuracy: Floats, start: Floats, rounds: int = ROUNDS) -> tuple[Floats, Floats, Floats]:
    """(n,) scores, their (n, n) covariance, and (pairs,) the belief that the labeler meant what she said."""
    right = np.clip(accuracy, ACCURACY_MIN, ACCURACY_MAX)[pairs.who]
    score = start.copy()
    belief = right
    for _ in range(rounds):
        before = score
        ahead = _logistic(score[pairs.first] - score[pairs.second])
        belief = right * ahead / (right * ahead + (1 - right) * (1 - ahead))
        score = _newton(pairs, belief, score)
        if np.abs(score - before).max(initial=0.0) < 1e-8:
            break
    covariance: Floats = np.linalg.inv(_curvature(pairs, right, score)).astype(np.float64)
    return score, covariance, belief


def _newton(pairs: _Pairs, belief: Floats, score: Floats) -> Floats:
    """Scores of the most probable order, `belief` of each pair as said and the rest as its opposite."""
    for _ in range(STEPS_MAX):
        ahead = _logistic(score[pairs.first] - score[pairs.second])
        pull = pairs.weight * (belief - ahead)
        gradient = -score / SCORE_SD**2
        np.add.at(gradient, pairs.first, pull)
        np.add.at(gradient, pairs.second, -pull)
        step = np.linalg.solve(_laplacian(pairs, pairs.weight * ahead * (1 - ahead), len(score)), gradient)
        score = score + step
        if np.abs(step).max(initial=0.0) < 1e-9:
            break
    return score


def _laplacian(pairs: _Pairs, weight: Floats, count: int) -> Floats:
    table = np.eye(count) / SCORE_SD**2
    np.add.at(table, (pairs.first, pairs.first), weight)
    np.add.at(table, (pairs.second, pairs.second), weight)
    np.add.at(table, (pairs.first, pairs.second), -weight)
    np.add.at(table, (pairs.second, pairs.first), -weight)
    return table


def _curvature(pairs: _Pairs, right: Floats, score: Floats) -> Floats:
    """Fisher's information of the answers, each worth less the less its labeler is reliable, and of the prior."""
    ahead = _logistic(score[pairs.first] - score[pairs.second])
    said = right * ahead + (1 - right) * (1 - ahead)
    slope = (2 * right - 1) * ahead * (1 - ahead)
    return _laplacian(pairs, pairs.weight * slope**2 / (said * (1 - said)), len(score))


def _logistic(x: Floats) -> Floats:
    return 1 / (1 + np.exp(-np.clip(x, -30, 30)))


class OnlineRanking:
    """The orders of the same things as they come; Newton's method goes on when asked."""

    def __init__(self, calibration: LogitLine | None = None) -> None:
        self._calibration = calibration
        self._answers: list[Ranking] = []
        self._reliability: list[Reliability] = []

    def add(self, answer: Ranking, reliability: Reliability) -> None:
        self._answers.append(answer)
        self._reliability.append(reliability)

    def merged(self) -> Merged[Ranking]:
        return merge(self._answers, self._reliability, self._calibration)


def refit(
    tasks: Mapping[str, Sequence[tuple[str, Ranking]]], gold: Mapping[str, Ranking] | None = None, rounds: int = ROUNDS
) -> Refit:
    """All labelers' accuracies from every task's (labeler, order) pairs, and the true order of some tasks.

    One task with many pairwise choices is as well as many tasks with whole orders. A labeler's accuracy is the share of
    her pairs that the scores bear out, shrunk to the crowd's.
    """
    given = {task: answers for task, answers in tasks.items() if answers}
    known = {task: order for task, order in (gold or {}).items() if task in given}
    names = sorted({labeler for answers in given.values() for labeler, _ in answers})
    number = {name: at for at, name in enumerate(names)}
    tables = {task: _table(answers, number, known.get(task)) for task, answers in given.items()}
    score = {task: np.zeros(count) for task, (_, count, _) in tables.items()}
    accuracy, usual = np.full(len(names), ACCURACY_USUAL), ACCURACY_USUAL
    for _ in range(rounds):
        right, total = np.zeros(len(names)), np.zeros(len(names))
        for task, (pairs, _, truth) in tables.items():
            if truth is None:
                score[task], _, belief = _fit(pairs, accuracy, score[task], rounds=1)
            else:
                belief = (1 + np.sign(truth[pairs.first] - truth[pairs.second])) / 2
            np.add.at(right, pairs.who, pairs.weight * belief)
            np.add.at(total, pairs.who, pairs.weight)
        usual = float((right.sum() + 1) / (total.sum() + 1 / ACCURACY_USUAL))
        accuracy = (right + PRIOR_PAIRS * usual) / (total + PRIOR_PAIRS)
    of = {name: Reliability(float(share)) for name, share in zip(names, accuracy, strict=True)}
    calibration = _calibrated({task: given[task] for task in known}, of, known) if known else LogitLine()
    merged = {task: _merged(answers, of, calibration) for task, answers in given.items()}
    return Refit(of, Reliability(usual), calibration, merged)


def _table(
    answers: Sequence[tuple[str, Ranking]], number: Mapping[str, int], truth: Ranking | None
) -> tuple[_Pairs, int, Floats | None]:
    """A task's pairs, how many things it has, and their true heights where the order is known."""
    orders = [order for _, order in answers] + ([truth] if truth else [])
    things = sorted({thing for order in orders for place in order for thing in place}, key=repr)
    pairs = _pairs([order for _, order in answers], [number[labeler] for labeler, _ in answers], things)
    if truth is None:
        return pairs, len(things), None
    places = _places(truth)
    return pairs, len(things), np.array([-float(places.get(thing, len(truth))) for thing in things])


def _merged(
    answers: Sequence[tuple[str, Ranking]], of: Mapping[str, Reliability], calibration: LogitLine
) -> Merged[Ranking]:
    return merge([order for _, order in answers], [of[labeler] for labeler, _ in answers], calibration)


def _calibrated(
    tasks: Mapping[str, Sequence[tuple[str, Ranking]]], of: Mapping[str, Reliability], truth: Mapping[str, Ranking]
) -> LogitLine:
    """The line that makes the probability of each neighbourhood true of the tasks whose order is known."""
    stated: list[float] = []
    right: list[float] = []
    counts: list[int] = []
    for task, answers in tasks.items():
        merged = _merged(answers, of, LogitLine())
        place, last = _places(truth[task]), len(truth[task])
        for part, (ahead, behind) in zip(merged.parts, pairwise(merged.value), strict=True):
            signs = [np.sign(place.get(b, last) - place.get(a, last)) for a in ahead for b in behind]
            stated.append(part)
            right.append(float(np.mean([(1 + sign) / 2 for sign in signs])))
            counts.append(len(answers))
    return fit_line(stated, counts, right)
