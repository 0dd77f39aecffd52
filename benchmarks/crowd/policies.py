"""How the policies of the replay judge: ours, Toloka's rule, and the majority."""

import numpy as np
from scipy.special import betaincinv

from benchmarks.crowd.replay import Belief, Crowd, Mask
from routing.consensus import classes
from routing.consensus.labels import Floats, Ints, Labels
from routing.consensus.promise import Step, part, promises

ACCURACY_PRIOR = (4.0, 1.0)  # as the product's (routing.skill)
TOLOKA_SMOOTHING = 0.5


class Ours:
    """The product's consensus with what is promised of it; a labeler's merit is her accuracy, drawn from its Beta
    posterior (Thompson), which orders as the expected reduction of error of `routing.matching` does."""

    def __init__(self, step: Step = classes.step) -> None:
        self.step = step
        self.folds: tuple[Ints, ...] = ()

    def __call__(self, of: Crowd, asked: Mask, gold: Ints, rng: np.random.Generator) -> Belief:
        if not self.folds:
            self.folds = part(np.flatnonzero(gold >= 0), rng)
        seen = asked | (gold[of.labels.task] >= 0)
        found = promises(of.some(seen, gold), asked[seen], self.folds, self.step)
        luck = rng.random(of.labels.workers)  # one draw of each labeler, whichever fit judges her
        drawn = [accuracy(labels, posterior, luck) for labels, posterior in found.fits]
        merit = np.mean(drawn, axis=0)[of.labels.worker]
        for fold, one in zip(self.folds, drawn, strict=True):
            # Who was right on a gold task must not be asked about it for that.
            hidden = np.isin(of.labels.task, fold)
            merit[hidden] = one[of.labels.worker[hidden]]
        return Belief(found.posterior, found.confidence, merit)


def accuracy(labels: Labels, posterior: Floats, luck: Floats) -> Floats:
    """(workers,): that quantile (workers,) of what the posteriors say of each, shrunk to the crowd's."""
    hits = np.bincount(labels.worker, posterior[labels.task, labels.label], minlength=labels.workers)
    a, b = ACCURACY_PRIOR
    mean = (hits.sum() + a) / (len(labels) + a + b)
    right, wrong = (a + b) * mean + hits, (a + b) * (1 - mean) + (labels.given - hits).clip(min=0)
    return np.asarray(betaincinv(right, wrong, luck))


def toloka(of: Crowd, asked: Mask, gold: Ints, rng: np.random.Generator) -> Belief:
    """Toloka's dynamic overlap: skill (K + correct) / (2 K + total) from gold, K = 0.5; one coin, even prior. Its
    candidate is the answer with the largest sum of skills, and the confidence is that answer's posterior."""
    labels = of.some(asked | (gold[of.labels.task] >= 0), gold)
    on_gold = gold[labels.task] >= 0
    correct = on_gold & (gold[labels.task] == labels.label)
    total = np.bincount(labels.worker[on_gold], minlength=labels.workers)
    hits = np.bincount(labels.worker[correct], minlength=labels.workers)
    skill = (TOLOKA_SMOOTHING + hits) / (2 * TOLOKA_SMOOTHING + total)
    mine = np.clip(skill[labels.worker], 1e-6, 1 - 1e-6)
    wrong = np.log((1 - mine) / (labels.classes - 1))
    logs = np.tile(np.bincount(labels.task, wrong, minlength=labels.tasks)[:, None], (1, labels.classes))
    np.add.at(logs, (labels.task, labels.label), np.log(mine) - wrong)
    odds = np.exp(logs - logs.max(axis=1, keepdims=True))
    sums = np.zeros_like(odds)
    np.add.at(sums, (labels.task, labels.label), skill[labels.worker])
    chosen = sums >= sums.max(axis=1, keepdims=True) - 1e-12
    confidence = (odds / odds.sum(axis=1, keepdims=True) * chosen).max(axis=1)
    return Belief(chosen / chosen.sum(axis=1, keepdims=True), confidence, skill[of.labels.worker])


def majority(of: Crowd, asked: Mask, gold: Ints, rng: np.random.Generator) -> Belief:
    """Never sure, so it goes on to the maximum."""
    shares = of.some(asked, np.empty(0, np.int64)).shares()
    return Belief(shares, np.zeros(len(shares)), np.zeros(len(of.labels)))
