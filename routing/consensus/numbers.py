"""Several measurements of one number become one, with the interval in which it lies.

Each labeler has a bias and a spread; what is left over follows Student's t (Lange, Little and Taylor, JASA 1989), so
that a slip of the finger counts for next to nothing while small differences are averaged.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import exp, fsum, inf, log, sqrt
from statistics import median

from routing.consensus.graded import LogitLine, fit_line
from routing.consensus.merged import Merged

FREEDOM = 10.0  # of Student's t: as heavy as the tails of people's numbers; few answers cannot tell more
STEPS_MAX = 50
PRIOR_ANSWERS = 4.0  # answers of a usual labeler that each labeler's bias and spread start with
ROUNDS = 3  # in more of them the crowd comes to agree with itself
MAD_TO_SD = 1.5  # from the median deviation of a normal distribution to its standard deviation
TINY = 1e-12


@dataclass(frozen=True)
class Reliability:
    """In the unit of the number: `bias`, how much too high she is on average, and `sd`, the spread around that."""

    bias: float = 0.0
    sd: float = 1.0


@dataclass(frozen=True)
class Estimate:
    """The number, the spread of what is not known about it, and the degrees of freedom of its Student's t."""

    value: float
    sd: float
    freedom: float

    def within(self, tolerance: float) -> float:
        """The probability that the truth is at most `tolerance` away."""
        from scipy.special import stdtr

        return float(2 * stdtr(self.freedom, tolerance / self.sd) - 1)

    def interval(self, mass: float = 0.9) -> tuple[float, float]:
        """The middle interval with this probability."""
        from scipy.special import stdtrit

        reach = self.sd * float(stdtrit(self.freedom, 0.5 + mass / 2))
        return self.value - reach, self.value + reach


@dataclass(frozen=True)
class Refit:
    reliability: Mapping[str, Reliability]
    usual: Reliability
    calibration: LogitLine
    merged: Mapping[str, Merged[float]]


def similarity(a: float, b: float, tolerance: float = 1.0) -> float:
    """1 for equal numbers, half for each `tolerance` that lies between them."""
    return float(0.5 ** (abs(a - b) / tolerance))


def estimate(answers: Sequence[float], reliability: Sequence[Reliability]) -> Estimate:
    """Weighted mean without the labelers' biases, far ones weighed down, from the weighted median on."""
    # One order for all, so that sums of floats do not depend on who came first.
    rows = sorted((a - r.bias, max(r.sd, TINY)) for a, r in zip(answers, reliability, strict=True))
    value = _weighted_median(rows)
    weights: list[float] = []
    for _ in range(STEPS_MAX):
        weights = [(FREEDOM + 1) / (FREEDOM + ((x - value) / sd) ** 2) / sd**2 for x, sd in rows]
        total = fsum(weights)
        moved = fsum(w * x for w, (x, _) in zip(weights, rows, strict=True)) / total
        step, value = abs(moved - value), moved
        if step < 1e-9 * (1 + abs(value)):
            break
    # As much as the answers scatter beyond what their authors' spreads say, the mean is less sure.
    excess = fsum(w * (x - value) ** 2 for w, (x, _) in zip(weights, rows, strict=True)) / len(rows)
    return Estimate(value, sqrt(max(1.0, excess) / total), FREEDOM + len(rows) - 1)


def _weighted_median(rows: Sequence[tuple[float, float]]) -> float:
    half = fsum(1 / sd for _, sd in rows) / 2
    passed = 0.0
    for at, (x, sd) in enumerate(rows):
        passed += 1 / sd
        if passed > half * (1 + 1e-9):
            return x
        if passed >= half * (1 - 1e-9):
            return (x + rows[min(at + 1, len(rows) - 1)][0]) / 2
    return rows[-1][0]


def merge(
    answers: Sequence[float],
    reliability: Sequence[Reliability],
    tolerance: float = 1.0,
    calibration: LogitLine | None = None,
) -> Merged[float]:
    """The number of at least one answer; `confidence` is the probability that the truth is within `tolerance`.

    Equal answers are returned as they are, whatever their authors' biases.
    """
    if not answers:
        raise ValueError("answers: at least one is needed")
    found = estimate(answers, reliability)
    value = answers[0] if len(set(answers)) == 1 else found.value
    stated = max(0.0, found.within(tolerance))
    confidence = (calibration or LogitLine())(stated, len(answers))
    return Merged(value, confidence, (confidence,), tuple(similarity(a, value, tolerance) for a in answers))


class OnlineNumber:
    """The measurements of one number as they come."""

    def __init__(self, tolerance: float = 1.0, calibration: LogitLine | None = None) -> None:
        self._tolerance, self._calibration = tolerance, calibration
        self._answers: list[float] = []
        self._reliability: list[Reliability] = []

    def add(self, answer: float, reliability: Reliability) -> None:
        self._answers.append(answer)
        self._reliability.append(reliability)

    def merged(self) -> Merged[float]:
        return merge(self._answers, self._reliability, self._tolerance, self._calibration)


def refit(
    tasks: Mapping[str, Sequence[tuple[str, float]]],
    gold: Mapping[str, float] | None = None,
    tolerance: float = 1.0,
) -> Refit:
    """All labelers' bias and spread from every task's (labeler, number) pairs, and the known truth of some tasks.

    Expectation and maximisation; biases and spreads are shrunk to the crowd's. Without gold the crowd's own bias cannot
    be seen: it is 0. What is not known about a task's number counts to the spread of those who measured it.
    """
    given = {task: answers for task, answers in tasks.items() if answers}
    known = {task: float(value) for task, value in (gold or {}).items() if task in given}
    usual = Reliability(0.0, _spread_at_first(given))
    of: dict[str, Reliability] = {}
    for _ in range(ROUNDS):
        truth = {task: _truth(answers, of, usual, known.get(task)) for task, answers in given.items()}
        of, usual = _learned(given, truth, of, usual, centred=not known)
    calibration = LogitLine()
    if known:
        found = {task: _merged(given[task], of, usual, tolerance, calibration) for task in known}
        right = [float(abs(found[task].value - known[task]) <= tolerance) for task in known]
        stated = [found[task].confidence for task in known]
        calibration = fit_line(stated, [len(given[task]) for task in known], right)
    merged = {task: _merged(answers, of, usual, tolerance, calibration) for task, answers in given.items()}
    return Refit(of, usual, calibration, merged)


def _merged(
    answers: Sequence[tuple[str, float]],
    of: Mapping[str, Reliability],
    usual: Reliability,
    tolerance: float,
    calibration: LogitLine,
) -> Merged[float]:
    return merge([a for _, a in answers], [of.get(who, usual) for who, _ in answers], tolerance, calibration)


def _truth(
    answers: Sequence[tuple[str, float]], of: Mapping[str, Reliability], usual: Reliability, known: float | None
) -> Estimate:
    if known is not None:
        return Estimate(known, TINY, inf)
    return estimate([a for _, a in answers], [of.get(who, usual) for who, _ in answers])


def _spread_at_first(tasks: Mapping[str, Sequence[tuple[str, float]]]) -> float:
    """From the deviations from each task's median, so that slips do not count; 1 where no two answers differ."""
    apart = []
    for answers in tasks.values():
        middle = median(a for _, a in answers)
        apart += [abs(a - middle) for _, a in answers]
    return MAD_TO_SD * (median(apart) or fsum(apart) / len(apart)) or 1.0


def _learned(
    tasks: Mapping[str, Sequence[tuple[str, float]]],
    truth: Mapping[str, Estimate],
    of: Mapping[str, Reliability],
    usual: Reliability,
    centred: bool,
) -> tuple[dict[str, Reliability], Reliability]:
    """Each labeler's bias and spread around the estimates; `centred`: the mean bias of all is taken out."""
    errors: dict[str, list[tuple[float, float]]] = defaultdict(list)  # (error, variance of the estimate)
    for task, answers in tasks.items():
        for who, answer in answers:
            errors[who].append((answer - truth[task].value, truth[task].sd ** 2))
    biases = {who: _bias(rows, of.get(who, usual)) for who, rows in errors.items()}
    middle = fsum(biases.values()) / len(biases) if centred else 0.0
    logs = []
    found = {}
    for who, rows in errors.items():
        before, bias = of.get(who, usual), biases[who] - middle
        weights = [(FREEDOM + 1) / (FREEDOM + ((error - bias) / before.sd) ** 2) for error, _ in rows]
        squares = fsum(w * ((error - bias) ** 2 + spare) for w, (error, spare) in zip(weights, rows, strict=True))
        variance = (squares + PRIOR_ANSWERS * usual.sd**2) / (len(rows) + PRIOR_ANSWERS)
        found[who] = Reliability(bias, sqrt(variance))
        logs += [log(found[who].sd)] * len(rows)
    return found, Reliability(0.0 if centred else fsum(biases.values()) / len(biases), exp(fsum(logs) / len(logs)))


def _bias(rows: Sequence[tuple[float, float]], before: Reliability) -> float:
    """The weighted mean error, shrunk to 0."""
    weights = [(FREEDOM + 1) / (FREEDOM + ((error - before.bias) / before.sd) ** 2) for error, _ in rows]
    total = fsum(weights)
    return fsum(w * error for w, (error, _) in zip(weights, rows, strict=True)) / (total + PRIOR_ANSWERS)
