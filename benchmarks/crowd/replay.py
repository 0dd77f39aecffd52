"""A real crowd's labels asked for one by one: which policy needs how many, for what it delivers.

Every label that a task really got can be drawn once. A share of the tasks is gold: it is not judged, all its labels are
paid for from the beginning and measure the labelers. In each round every open task gets one label more, everything is
fitted anew, and a task is open or closed by what the fit says then: a closed one opens again where later labels
overturn it. The answer in the end is the last fit's.

Repeated labels of a worker for a task are dropped: nobody is asked twice.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from benchmarks.crowd.sets import ClassSet
from routing.consensus.labels import Floats, Ints, Labels
from routing.overlap import Terms, another_answer

Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Crowd:
    """A set ready for replay: unique (task, worker) labels, sorted by task."""

    name: str
    labels: Labels
    truth: Ints

    @cached_property
    def available(self) -> Ints:
        """(tasks,): how many labels each task has in all."""
        return np.bincount(self.labels.task, minlength=self.labels.tasks)

    @property
    def cap(self) -> int:
        return int(np.median(self.available))

    def some(self, which: Mask, gold: Ints) -> Labels:
        one = self.labels
        return replace(one, task=one.task[which], worker=one.worker[which], label=one.label[which], gold=gold)


@dataclass(frozen=True)
class Belief:
    """`posterior` (tasks, classes); `confidence` (tasks,) that its best class is right; `merit` (n,): of every label of
    the crowd, how much is expected of its author."""

    posterior: Floats
    confidence: Floats
    merit: Floats


Judge = Callable[[Crowd, Mask, Ints, np.random.Generator], Belief]


@dataclass(frozen=True)
class Policy:
    """`judge(crowd, asked, gold, rng)`. `routed`: who is expected to help most is asked first, else anybody.
    `asks_gold`: gold, too, is asked about label by label, so that its states are those of ordinary tasks."""

    judge: Judge
    routed: bool = False
    asks_gold: bool = False
    minimum: int = 1
    maximum: int | None = None  # none: as many labels as the median task has
    at_once: int = 0  # labels that are asked before anything is judged


@dataclass(frozen=True)
class Result:
    """Of one replay, over the judged tasks: labels a task, gold labels a task, accuracy and mean promised confidence.

    By worker: how many labels she gave (`load`) and could have given (`offered`), how far the work was when she gave
    the first (`first`, 0 to 1, NaN for none), and whether she is without any gold (`newcomers`).
    """

    cost: float
    gold_cost: float
    accuracy: float
    promised: float
    load: Ints
    offered: Ints
    first: Floats
    newcomers: Mask


def crowd(one: ClassSet) -> Crowd:
    labels = one.labels
    _, kept = np.unique(labels.task * labels.workers + labels.worker, return_index=True)
    unique = Labels(
        labels.task[kept], labels.worker[kept], labels.label[kept], labels.tasks, labels.workers, labels.classes
    )
    return Crowd(one.name, unique, one.truth)


def replay(of: Crowd, policy: Policy, target: float, gold_share: float, rng: np.random.Generator) -> Result:
    """One run of a policy that stops a task at `target`, with this share of the tasks as gold."""
    gold = np.full(of.labels.tasks, -1)
    known = rng.permutation(of.labels.tasks)[: round(gold_share * of.labels.tasks)]
    gold[known] = of.truth[known]
    judged = (gold < 0) & (of.available > 0) & (of.truth >= 0)
    open_to = judged | (gold >= 0) if policy.asks_gold else judged
    terms = Terms(target, policy.maximum or of.cap, 1.0, np.inf, policy.minimum)
    order = rng.random(len(of.labels))
    asked, at = np.zeros(len(of.labels), bool), np.full(len(of.labels), -1)
    for round_ in range(terms.maximum + 1):
        if round_ < policy.at_once:
            more = _next(of, asked, open_to & (of.available > round_), order)
        else:
            belief = policy.judge(of, asked, gold, rng)
            wanted = _wanted(of, asked, open_to, belief, terms)
            more = _next(of, asked, wanted, belief.merit if policy.routed else order)
        if not len(more):
            break
        asked[more], at[more] = True, round_
    return _summed_up(of, at, judged, gold, belief)


def _wanted(of: Crowd, asked: Mask, open_to: Mask, belief: Belief, terms: Terms) -> Mask:
    """(tasks,): which tasks the product's stop rule would ask about again."""
    answered = np.bincount(of.labels.task[asked], minlength=of.labels.tasks)
    wanted = np.zeros(of.labels.tasks, bool)
    for task in np.flatnonzero(open_to & (answered < of.available)).tolist():
        sure, count = float(belief.confidence[task]), int(answered[task])
        wanted[task] = another_answer(sure, terms, answered=count, gain=1.0, trusted=True).again
    return wanted


def _next(of: Crowd, asked: Mask, wanted: Mask, merit: Floats) -> Ints:
    """Positions of the next labels: of each wanted task the one with the most merit."""
    left = np.flatnonzero(~asked & wanted[of.labels.task])
    by_task = left[np.lexsort((-merit[left], of.labels.task[left]))]
    _, first = np.unique(of.labels.task[by_task], return_index=True)
    return by_task[first]


def _summed_up(of: Crowd, at: Ints, judged: Mask, gold: Ints, belief: Belief) -> Result:
    best = belief.posterior[judged].max(axis=1, keepdims=True)
    ties = belief.posterior[judged] >= best - 1e-12
    right = ties[np.arange(judged.sum()), of.truth[judged]] / ties.sum(axis=1)
    count, workers = judged.sum(), of.labels.workers
    on_gold = gold[of.labels.task] >= 0
    counted = np.flatnonzero(judged[of.labels.task] & (at >= 0))
    given = np.bincount(of.labels.worker[counted], minlength=workers)
    offered = np.bincount(of.labels.worker[judged[of.labels.task]], minlength=workers)
    return Result(
        cost=float(len(counted) / count),
        gold_cost=float(on_gold.sum() / count),
        accuracy=float(right.mean()),
        promised=float(belief.confidence[judged].mean()),
        load=given,
        offered=offered,
        first=_first(of, at, counted),
        newcomers=(np.bincount(of.labels.worker[on_gold], minlength=workers) == 0) & (offered > 0),
    )


def _first(of: Crowd, at: Ints, counted: Ints) -> Floats:
    """(workers,): the share of all labels that was asked for before the round of a worker's first one."""
    before = np.concatenate([[0], np.cumsum(np.bincount(at[counted]))]) / max(1, len(counted))
    earliest = np.full(of.labels.workers, np.iinfo(np.int64).max)
    np.minimum.at(earliest, of.labels.worker[counted], at[counted])
    return np.array([before[k] if k < len(before) else np.nan for k in earliest.tolist()])
