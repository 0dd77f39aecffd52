"""The full refit of labelers of segments: expectation and maximisation over all texts at once."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from routing.consensus.graded import LogitLine, fit_line
from routing.consensus.merged import Merged
from routing.consensus.span_chain import OUT, allowed, forward_backward
from routing.consensus.spans import (
    Answer,
    Calibration,
    Crowd,
    Intervals,
    Reliability,
    Span,
    evidence,
    intervals,
    merge,
    similarity,
    usual_crowd,
)

Floats = NDArray[np.float64]

ROUNDS = 10
PRIOR_TRUTH = 100.0  # pseudo-intervals of what the crowd does whatever its tag before, per (tag before, truth)
PRIOR_USUAL = 0.1  # of the usual crowd's, to fill what was never seen
PRIOR_LABELER = 10.0  # intervals of the crowd's recall and precision that each labeler starts with


@dataclass(frozen=True)
class Refit:
    reliability: Mapping[str, Reliability]
    usual: Reliability
    crowd: Crowd
    calibration: Calibration
    merged: Mapping[str, Merged[tuple[Span, ...]]]


@dataclass(frozen=True)
class _Text:
    """One text's labelers, in the order of the rows of its intervals, and its true tags where they are known."""

    labelers: tuple[int, ...]
    rows: Intervals
    truth: Floats | None


def refit(tasks: Mapping[str, Sequence[tuple[str, Answer]]], gold: Mapping[str, Answer] | None = None) -> Refit:
    """Labelers, crowd and calibration from every task's (labeler, segments) pairs and the known truth of some tasks.

    Starts from the share of votes. The transitions of the truth stay those of the answers: learned along, they drift to
    ever more segments, for an interval is there only where somebody drew a border (measured).
    """
    given = {task: answers for task, answers in tasks.items() if answers}
    known = {task: tuple(answer) for task, answer in (gold or {}).items() if task in given}
    names = sorted({labeler for answers in given.values() for labeler, _ in answers})
    labels = sorted({s.label for answers in given.values() for _, answer in answers for s in answer} or {""})
    labels = sorted({*labels, *(span.label for answer in known.values() for span in answer)})
    number = {name: at for at, name in enumerate(names)}
    texts = {
        task: _text([(number[labeler], answer) for labeler, answer in answers], known.get(task), labels)
        for task, answers in given.items()
    }
    crowd, reliability = _learned(list(texts.values()), len(names), usual_crowd(labels))
    by_name = dict(zip(names, reliability, strict=True))
    calibration = Calibration()
    if known:
        calibration = calibrated({task: given[task] for task in known}, by_name, crowd, known)
    merged = {
        task: merge([a for _, a in answers], [by_name[labeler] for labeler, _ in answers], crowd, calibration)
        for task, answers in given.items()
    }
    return Refit(by_name, crowd.usual, crowd, calibration, merged)


def _text(answers: Sequence[tuple[int, Answer]], truth: Answer | None, labels: Sequence[str]) -> _Text:
    labelers = tuple(labeler for labeler, _ in answers)
    if truth is None:
        return _Text(labelers, intervals([answer for _, answer in answers], labels), None)
    rows = intervals([truth, *(answer for _, answer in answers)], labels)
    known = np.eye(1 + 2 * len(labels))[rows.tags[0]]
    return _Text(labelers, Intervals(rows.cuts, rows.tags[1:]), known)


@dataclass(frozen=True, eq=False)
class _Marks:
    """Every (labeler, interval) of all texts in one row: who, her tag before, her tag, and where its truth lies."""

    who: NDArray[np.int64]
    before: NDArray[np.int64]
    tag: NDArray[np.int64]
    place: NDArray[np.int64]


def _marks(texts: Sequence[_Text]) -> _Marks:
    who, before, tag, place = [], [], [], []
    start = 0
    for text in texts:
        answers, width = text.rows.tags.shape
        who.append(np.repeat(np.array(text.labelers), width))
        before.append(text.rows.before.ravel())
        tag.append(text.rows.tags.ravel())
        place.append(np.tile(np.arange(start, start + width), answers))
        start += width
    return _Marks(*(np.concatenate(parts) for parts in (who, before, tag, place)))


def _learned(texts: Sequence[_Text], labelers: int, start: Crowd) -> tuple[Crowd, list[Reliability]]:
    marks = _marks(texts)
    tags = len(start.transition)
    places = int(marks.place[-1]) + 1
    belief = np.zeros((places, tags))
    np.add.at(belief, (marks.place, marks.tag), 1.0)
    belief = _with_known(belief / belief.sum(axis=1, keepdims=True), texts)
    transition = _transition(marks, start)
    for _ in range(ROUNDS):
        crowd = _crowd(marks, belief, transition, start)
        reliability = _reliability(marks, belief, labelers, crowd)
        logs = [evidence(text.rows, [reliability[at] for at in text.labelers], crowd) for text in texts]
        belief = np.concatenate([chain.posterior for chain in forward_backward(logs, transition)])
        belief = _with_known(belief, texts)
    return crowd, reliability


def _with_known(belief: Floats, texts: Sequence[_Text]) -> Floats:
    start = 0
    for text in texts:
        width = text.rows.tags.shape[1]
        if text.truth is not None:
            belief[start : start + width] = text.truth
        start += width
    return belief


def _transition(marks: _Marks, start: Crowd) -> Floats:
    """Of the truth, as the labelers' own tags follow each other."""
    counts = start.transition.copy()
    np.add.at(counts, (marks.before, marks.tag), 1.0)
    counts *= allowed(len(counts))
    return counts / counts.sum(axis=1, keepdims=True)


def _crowd(marks: _Marks, belief: Floats, transition: Floats, start: Crowd) -> Crowd:
    tags = belief.shape[1]
    counts = np.zeros((tags, tags, tags))
    for truth in range(tags):
        weight = belief[marks.place, truth]
        counts[:, truth] = np.bincount(marks.before * tags + marks.tag, weight, tags * tags).reshape(tags, tags)
    whatever = counts.sum(axis=0) + PRIOR_USUAL * start.given.mean(axis=0)
    whatever /= whatever.sum(axis=1, keepdims=True)
    given = counts + PRIOR_TRUTH * whatever[None] + PRIOR_USUAL * start.given
    marked, there = counts[:, 1:, 1:].sum(), counts[:, 1:].sum()
    invented = counts[:, OUT, 1:].sum()
    usual = Reliability(
        recall=float((marked + 1) / (there + 1 / start.usual.recall)),
        precision=float((marked + 1) / (marked + invented + 1 / start.usual.precision)),
    )
    return Crowd(start.labels, transition, given / given.sum(axis=2, keepdims=True), usual)


def _reliability(marks: _Marks, belief: Floats, labelers: int, crowd: Crowd) -> list[Reliability]:
    real = 1 - belief[marks.place, OUT]
    marked = marks.tag != OUT
    found = np.bincount(marks.who, real * marked, labelers)
    there = np.bincount(marks.who, real, labelers)
    drawn = np.bincount(marks.who, marked.astype(float), labelers)
    recall = (found + PRIOR_LABELER * crowd.usual.recall) / (there + PRIOR_LABELER)
    precision = (found + PRIOR_LABELER * crowd.usual.precision) / (drawn + PRIOR_LABELER)
    return [Reliability(float(r), float(p)) for r, p in zip(recall, precision, strict=True)]


def calibrated(
    tasks: Mapping[str, Sequence[tuple[str, Answer]]],
    reliability: Mapping[str, Reliability],
    crowd: Crowd,
    truth: Mapping[str, Answer],
) -> Calibration:
    """The two lines that make stated confidence true of these tasks: of each segment, and of the F1 of the whole."""
    plain = Calibration(LogitLine(), LogitLine())
    stated: list[float] = []
    right: list[float] = []
    counts: list[int] = []
    whole: list[float] = []
    achieved: list[float] = []
    answers_of: list[int] = []
    for task, answers in tasks.items():
        labelers = [reliability.get(labeler, crowd.usual) for labeler, _ in answers]
        merged = merge([answer for _, answer in answers], labelers, crowd, plain)
        real = set(truth[task])
        stated += merged.parts
        right += [float(span in real) for span in merged.value]
        counts += [len(answers)] * len(merged.parts)
        whole.append(merged.confidence)
        achieved.append(similarity(merged.value, truth[task]))
        answers_of.append(len(answers))
    return Calibration(
        fit_line(stated, counts, right, Calibration().span), fit_line(whole, answers_of, achieved, Calibration().whole)
    )
