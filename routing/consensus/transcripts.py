"""Several transcripts of one recording become one: words vote, each with the weight of who heard it.

The confusion network of Fiscus, "A post-processing system to yield reduced word error rates: ROVER" (ASRU 1997), with
three changes: every transcript is aligned to the one that all, by weight, are nearest to, not to a network that grows
in order of arrival; a vote counts by its labeler's word error rate, as in naive Bayes; and a missing word counts less
than a heard one, since labelers leave out more than they invent. Capitals and marks do not vote on which word it was;
the returned text has the spelling of those who won.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from math import exp, fsum, log
from statistics import median_high
from typing import NamedTuple

from routing.consensus.edit_distance import NONE, align, distance
from routing.consensus.graded import LogitLine, fit_line
from routing.consensus.merged import Merged
from routing.consensus.words import Word, joined, keys, words

WER_USUAL = 0.2  # of a labeler of whom nothing is known
WER_MIN, WER_MAX = 0.02, 0.9
SPREAD = 1.2  # how many ways there seem to be to mishear one word alike
WEIGHT_MIN = 0.02  # nobody counts for nothing
SILENCE = -1.0  # added to the weight of those who heard no word where others did
PRIOR_ANSWERS, PRIOR_WORDS = 2.0, 10.0  # of the crowd's mean, against what one labeler showed
WORD = LogitLine(slope=0.91, offset=0.04, crowd=-0.08, dependence=0.15)
WHOLE = LogitLine(slope=1.05, offset=-0.39, crowd=0.34, dependence=0.05)
NOTHING = ""  # the key of no word

Keys = tuple[str, ...]
Column = dict[str, list[tuple[int, int]]]  # key to (group, place of the word in it)


@dataclass(frozen=True)
class Reliability:
    """`wer`: the share of words that this labeler gets wrong, leaves out or invents, per word said."""

    wer: float = WER_USUAL

    @property
    def weight(self) -> float:
        wrong = min(max(self.wer, WER_MIN), WER_MAX)
        return max(WEIGHT_MIN, log(SPREAD * (1 - wrong) / wrong))


@dataclass(frozen=True)
class Calibration:
    """From what the votes say to the probability that a word is right, and to the expected 1 - word error rate.

    The defaults were fitted on the two dev splits of CrowdSpeech, with 1, 2, 3, 4 and 7 answers each.
    """

    word: LogitLine = WORD
    whole: LogitLine = WHOLE


@dataclass(frozen=True)
class Refit:
    reliability: Mapping[str, Reliability]
    usual: Reliability
    calibration: Calibration
    merged: Mapping[str, Merged[str]]


@dataclass(frozen=True)
class _Heard:
    text: str
    words: tuple[Word, ...]
    weight: float
    group: int


def similarity(a: str, b: str) -> float:
    """1 less the share of words that differ, of the longer text; capitals and marks do not count."""
    return _similar(keys(a), keys(b))


def word_error_rate(truth: str, answer: str) -> float:
    """Words wrong, left out or invented per word of the truth; above 1 where much is invented."""
    said = keys(truth)
    return distance(said, keys(answer)) / max(1, len(said))


def merge(
    answers: Sequence[str], reliability: Sequence[Reliability], calibration: Calibration | None = None
) -> Merged[str]:
    """One transcript of at least one; `parts` runs over `words(value)`: the word is right, none is missing after it."""
    online = OnlineTranscript(calibration)
    for answer, labeler in zip(answers, reliability, strict=True):
        online.add(answer, labeler)
    return online.merged()


class OnlineTranscript:
    """The transcripts of one recording as they come; equal ones are compared once."""

    def __init__(self, calibration: Calibration | None = None) -> None:
        self.calibration = calibration or Calibration()
        self._heard: list[_Heard] = []
        self._groups: list[Keys] = []
        self._index: dict[Keys, int] = {}
        self._apart: list[list[int]] = []
        self._aligned: dict[tuple[int, int], list[tuple[int, int]]] = {}

    def add(self, answer: str, reliability: Reliability) -> None:
        found = words(answer)
        said = tuple(word.key for word in found)
        group = self._index.get(said)
        if group is None:
            group = self._index[said] = len(self._groups)
            row = [distance(said, other) for other in self._groups]
            for other, apart in zip(self._apart, row, strict=True):
                other.append(apart)
            self._apart.append([*row, 0])
            self._groups.append(said)
        self._heard.append(_Heard(answer, found, reliability.weight, group))

    def reweigh(self, reliability: Sequence[Reliability]) -> None:
        """What is now known of the labelers, in the order in which their answers came."""
        self._heard = [
            replace(heard, weight=labeler.weight) for heard, labeler in zip(self._heard, reliability, strict=True)
        ]

    def to_others(self) -> list[float]:
        """Per answer, of two or more, its median distance to the others, as a share of the longer text."""
        groups = [heard.group for heard in self._heard]
        length = [len(said) for said in self._groups]
        return [
            median_high(self._apart[g][h] / max(1, length[g], length[h]) for at, h in enumerate(groups) if at != place)
            for place, g in enumerate(groups)
        ]

    def merged(self) -> Merged[str]:
        if not self._heard:
            raise ValueError("answers: at least one is needed")
        weight = self._weights()
        backbone = min(
            range(len(self._groups)),
            key=lambda g: (fsum(map(float.__mul__, weight, map(float, self._apart[g]))), -weight[g], self._groups[g]),
        )
        columns = self._columns(backbone, sorted(range(len(weight)), key=lambda g: (-weight[g], self._groups[g])))
        return self._elect(columns, weight)

    def _weights(self) -> list[float]:
        """Per group the sum of its authors' weights, the same in whatever order they came."""
        of: list[list[float]] = [[] for _ in self._groups]
        for heard in self._heard:
            of[heard.group].append(heard.weight)
        return [fsum(weights) for weights in of]

    def _columns(self, backbone: int, order: Sequence[int]) -> list[Column]:
        """The network: for every word of the backbone, and every gap with words in it, who says what."""
        length = len(self._groups[backbone])
        slots: list[Column] = [{} for _ in range(length)]
        gaps: list[list[Column]] = [[] for _ in range(length + 1)]
        for group in order:
            said = self._groups[group]
            after = depth = 0
            for i, j in self._pairs(backbone, group):
                vote = (group, j)
                if i == NONE:
                    if depth == len(gaps[after]):
                        gaps[after].append({})
                    gaps[after][depth].setdefault(said[j], []).append(vote)
                    depth += 1
                else:
                    slots[i].setdefault(NOTHING if j == NONE else said[j], []).append(vote)
                    after, depth = i + 1, 0
        network = [*gaps[0]]
        for slot, gap in zip(slots, gaps[1:], strict=True):
            network += [slot, *gap]
        for column in network:
            self._silent(column, order)
        return network

    def _silent(self, column: Column, order: Sequence[int]) -> None:
        """Whoever has no word in a column votes for none."""
        voted = {group for votes in column.values() for group, _ in votes}
        if len(voted) < len(order):
            column.setdefault(NOTHING, []).extend((group, NONE) for group in order if group not in voted)

    def _pairs(self, backbone: int, group: int) -> list[tuple[int, int]]:
        if backbone == group:
            return [(i, i) for i in range(len(self._groups[group]))]
        key = (backbone, group)
        if key not in self._aligned:
            self._aligned[key] = align(self._groups[backbone], self._groups[group])
        return self._aligned[key]

    def _elect(self, columns: Sequence[Column], weight: Sequence[float]) -> Merged[str]:
        order = sorted(self._heard, key=lambda heard: (-heard.weight, heard.text))
        chosen: list[Word] = []
        parts: list[float] = []
        doubt, leading = 0.0, 1.0
        for column in columns:
            key, stated = _winner(column, weight)
            sure = self.calibration.word(stated, len(self._heard))
            doubt += 1 - sure
            if key != NOTHING:
                chosen.append(_spelling(dict(column[key]), order))
                parts.append(sure * leading)
                leading = 1.0
            elif parts:
                parts[-1] *= sure
            else:
                leading *= sure
        value = next((h.text for h in order if h.words == tuple(chosen)), None) or joined(chosen)
        said = tuple(word.key for word in chosen)
        near = [_similar(said, group) for group in self._groups]
        return Merged(
            value=value,
            confidence=self.calibration.whole(max(0.0, 1 - doubt / max(1, len(chosen))), len(self._heard)),
            parts=tuple(parts),
            scores=tuple(near[heard.group] for heard in self._heard),
        )


def _winner(column: Column, weight: Sequence[float]) -> tuple[str, float]:
    """The key with the most weight, and its posterior beside the other keys and all the words that nobody said."""
    score = {key: fsum(weight[group] for group, _ in votes) for key, votes in column.items()}
    if len(score) > 1 and NOTHING in score:
        score[NOTHING] += SILENCE
    best = max(score, key=lambda key: (score[key], key))
    others = exp(-score[best]) + fsum(exp(s - score[best]) for key, s in score.items() if key != best)
    return best, 1 / (1 + others)


def _spelling(where: Mapping[int, int], order: Sequence[_Heard]) -> Word:
    """Of those who said this word, the spelling with the most weight; of equals that of the most reliable author."""
    weights: dict[Word, list[float]] = {}
    for heard in order:
        if heard.group in where:
            weights.setdefault(heard.words[where[heard.group]], []).append(heard.weight)
    if len(weights) == 1:
        return next(iter(weights))
    return max(weights, key=lambda word: fsum(weights[word]))


def _similar(a: Keys, b: Keys) -> float:
    return 1.0 if a == b else 1 - distance(a, b) / max(len(a), len(b))


def refit(tasks: Mapping[str, Sequence[tuple[str, str]]], gold: Mapping[str, str] | None = None) -> Refit:
    """All labelers' word error rates and the calibration, from every task's (labeler, transcript) pairs.

    A labeler's first rate is her median distance to the others of her task; then every task is merged, and her rate is
    taken against the merged texts, once: in more rounds the crowd comes to agree with itself (measured). `gold`, the
    known truth of some tasks, stands in the place of the merged text, and the calibration learns from it.
    """
    online = {task: _heard(answers) for task, answers in tasks.items() if answers}
    first = _rates(_to_others(tasks, online), PRIOR_ANSWERS)
    _reweigh(tasks, online, first)
    truth = {task: text for task, text in (gold or {}).items() if task in online}
    against = {task: keys(truth[task] if task in truth else one.merged().value) for task, one in online.items()}
    second = _rates(_errors(tasks, against), PRIOR_WORDS)
    _reweigh(tasks, online, second)
    calibration = calibrated({task: online[task] for task in truth}, truth) if truth else Calibration()
    for one in online.values():
        one.calibration = calibration
    return Refit(
        reliability={labeler: Reliability(wer) for labeler, wer in second.of.items()},
        usual=Reliability(second.usual),
        calibration=calibration,
        merged={task: one.merged() for task, one in online.items()},
    )


def calibrated(online: Mapping[str, OnlineTranscript], truth: Mapping[str, str]) -> Calibration:
    """The two lines that make stated confidence true of these tasks: of the words and, with it, of the whole."""
    stated: list[float] = []
    right: list[float] = []
    answers: list[int] = []
    for task, one in online.items():
        one.calibration = Calibration(LogitLine(), LogitLine())
        merged = one.merged()
        stated += merged.parts
        right += right_words(truth[task], merged.value)
        answers += [len(merged.scores)] * len(merged.parts)
    word = fit_line(stated, answers, right, Calibration().word)
    whole: list[float] = []
    achieved: list[float] = []
    answers = []
    for task, one in online.items():
        one.calibration = Calibration(word, LogitLine())
        merged = one.merged()
        whole.append(merged.confidence)
        achieved.append(max(0.0, 1 - word_error_rate(truth[task], merged.value)))
        answers.append(len(merged.scores))
    return Calibration(word, fit_line(whole, answers, achieved, Calibration().whole))


def right_words(truth: str, value: str) -> list[float]:
    """Per word of `value` 1 where it is right and none is missing after it (or before the first), else 0."""
    said, given = keys(truth), keys(value)
    right = [0.0] * len(given)
    last, missing = NONE, False
    for i, j in align(said, given):
        if j == NONE:
            missing = True
            if last != NONE:
                right[last] = 0.0
            continue
        right[j] = float(i != NONE and said[i] == given[j] and not (missing and last == NONE))
        last = j
    return right


class _Rates(NamedTuple):
    of: dict[str, float]
    usual: float


def _rates(errors: Iterable[tuple[str, float, float]], prior: float) -> _Rates:
    """From (labeler, errors, out of how many) her rate of errors, shrunk to the crowd's."""
    wrong: dict[str, float] = defaultdict(float)
    total: dict[str, float] = defaultdict(float)
    for labeler, errors_of, out_of in errors:
        wrong[labeler] += errors_of
        total[labeler] += out_of
    everyone = sum(total.values())
    usual = sum(wrong.values()) / everyone if everyone else WER_USUAL
    return _Rates({labeler: (wrong[labeler] + prior * usual) / (total[labeler] + prior) for labeler in total}, usual)


def _to_others(
    tasks: Mapping[str, Sequence[tuple[str, str]]], online: Mapping[str, OnlineTranscript]
) -> Iterator[tuple[str, float, float]]:
    for task, one in online.items():
        if len(tasks[task]) > 1:
            for (labeler, _), apart in zip(tasks[task], one.to_others(), strict=True):
                yield labeler, apart, 1.0


def _errors(
    tasks: Mapping[str, Sequence[tuple[str, str]]], truth: Mapping[str, Keys]
) -> Iterator[tuple[str, float, float]]:
    for task, said in truth.items():
        for labeler, answer in tasks[task]:
            yield labeler, distance(said, keys(answer)), max(1, len(said))


def _heard(answers: Sequence[tuple[str, str]]) -> OnlineTranscript:
    one = OnlineTranscript()
    for _, answer in answers:
        one.add(answer, Reliability())
    return one


def _reweigh(
    tasks: Mapping[str, Sequence[tuple[str, str]]], online: Mapping[str, OnlineTranscript], rates: _Rates
) -> None:
    for task, one in online.items():
        one.reweigh([Reliability(rates.of.get(labeler, rates.usual)) for labeler, _ in tasks[task]])
