"""Who answers for the sets: the default consensus, each of its parts alone, and the peers; each once in a run."""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from benchmarks.crowd import ebcc
from benchmarks.crowd.peers import PeerFailed, Peers, PeerTooSlow
from benchmarks.crowd.sets import ClassSet
from routing.consensus import classes, dawid_skene, one_coin, weighted_vote
from routing.consensus.labels import Labels

TIED = 1e-6
EBCC_SEED = 1234  # as in the authors' notebooks

OURS: dict[str, Callable[[Labels], NDArray[np.floating]]] = {
    "Labelyard default": lambda labels: classes.refit(labels).posterior,
    "- hierarchical DS": dawid_skene.fit,
    "- weighted vote": weighted_vote.fit,
    "- one coin": one_coin.fit,
}
# Published methods that crowd-kit lacks: ours to write, peers all the same.
WRITTEN: dict[str, Callable[[Labels], NDArray[np.floating]]] = {
    "EBCC": lambda labels: ebcc.fit(labels, np.random.default_rng(EBCC_SEED)),
    "MV, ties split": lambda labels: labels.shares(),
}
CROWD_KIT = {
    "ck MajorityVote": "majority",
    "ck Wawa": "wawa",
    "ck ZeroBasedSkill": "zbs",
    "ck DawidSkene": "dawid_skene",
    "ck OneCoin": "one_coin",
    "ck GLAD": "glad",
    "ck MACE": "mace",
    "ck MMSR": "mmsr",
    "ck KOS": "kos",
}
PEERS = (*CROWD_KIT, *WRITTEN)


@dataclass(frozen=True)
class Outcome:
    """Over the judged tasks: `probability` (n, classes) and `of_truth` (n,), its part on the true class, `right` (n,)
    from 0 to 1; or the reason why there is none."""

    probability: NDArray[np.floating]
    of_truth: NDArray[np.floating]
    right: NDArray[np.floating]
    why_not: str = ""

    @property
    def accuracy(self) -> float:
        return float(self.right.mean()) if len(self.right) else float("nan")


def missing(why: str) -> Outcome:
    return Outcome(np.empty((0, 0)), np.empty(0), np.empty(0), why)


def outcome(probability: NDArray[np.floating], truth: NDArray[np.int64]) -> Outcome:
    """A tie between classes counts as right by its share: what choosing by chance would give on average."""
    top = probability >= probability.max(axis=1, keepdims=True) - TIED
    each = np.arange(len(truth))
    return Outcome(probability, probability[each, truth], top[each, truth] / top.sum(axis=1))


def outcomes(sets: list[ClassSet], limit: float) -> dict[str, dict[str, Outcome]]:
    """Every contender's by set and by name; as many sets at a time as there are cores, since the peers are slow."""
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        asked = pool.map(lambda one: peers(one, limit), sorted(sets, key=lambda one: -len(one.labels)))
        list(asked)
    return {one.name: {**ours(one), **peers(one, limit)} for one in sets}


def ours(one: ClassSet) -> dict[str, Outcome]:
    judged = one.judged
    return {name: outcome(fit(one.labels)[judged], one.truth[judged]) for name, fit in OURS.items()}


def peers(one: ClassSet, limit: float) -> dict[str, Outcome]:
    """The peers', asked once in this process; who fails or takes more than `limit` seconds says so."""
    return _peers_of(one.name, limit, _Held(one))


class _Held:
    """A set as an argument that does not count: sets are told apart by their names."""

    def __init__(self, one: ClassSet) -> None:
        self.one = one

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Held)

    def __hash__(self) -> int:
        return 0


@cache
def _peers_of(_name: str, limit: float, held: _Held) -> dict[str, Outcome]:
    one, judged = held.one, held.one.judged
    found = {name: outcome(fit(one.labels)[judged], one.truth[judged]) for name, fit in WRITTEN.items()}
    with Peers() as process:
        for name, method in CROWD_KIT.items():
            if method == "kos" and one.labels.classes != 2:
                found[name] = missing("-")
                continue
            try:
                reply, _ = process.run(method, limit, **arrays(one.labels))
            except PeerTooSlow:
                found[name] = missing(f">{limit:.0f}s")
            except PeerFailed:
                found[name] = missing("fails")
            else:
                found[name] = chosen_by(reply, judged, one.truth[judged])
    return found


def chosen_by(reply: dict[str, NDArray], judged: NDArray[np.int64], truth: NDArray[np.int64]) -> Outcome:
    """A peer's own choice counts, also where its probabilities are tied."""
    probability = reply["probability"][judged]
    right = (reply["chosen"][judged] == truth).astype(float)
    return Outcome(probability, probability[np.arange(len(truth)), truth], right)


def arrays(labels: Labels) -> dict[str, object]:
    named = {"task": labels.task, "worker": labels.worker, "label": labels.label}
    return {**named, "tasks": labels.tasks, "classes": labels.classes}
