"""Which of the open slots a labeler should get, and which labelers a doubtful slot should be offered to.

Between customers it is a lottery by weight (Waldspurger and Weihl, OSDI 1994): each customer with work for this labeler
holds tickets by share, per second of effort, and how well she matches moves them by a bounded factor only. So no
customer starves, whatever the others send in: of any claim by labelers who may do its work, a customer with share s
wins at least `least_chance(s)`, and waits longer than k of them with at most (1 - least_chance(s)) ** k. There is no
counter to keep, and so nothing that all claims would have to write.

Within a customer its own priorities come first, then what a cent buys: the expected reduction of error by this labeler,
her accuracy drawn from its posterior (Thompson 1933), so that newcomers get their chances, against what a typical
labeler would bring there. Who is good at what few others are good at is sent there. Age counts against the turnaround
that the customer was promised, and the next window of a drive that she knows counts for more.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import numpy as np

CONTINUITY = 1.5
CONTINUES_CHANCE = 0.85  # of the next window, when her drive's lane has its turn
MATCH_MIN, MATCH_MAX = 0.5, 2.0
TYPICAL = 0.8  # the accuracy of the people who work in a lane, until it was measured
CLASSES_OF_FREE_ANSWERS = 50  # a drawn answer can go wrong in many ways: two wrong ones hardly ever agree


class Candidate(NamedTuple):
    """The head of one lane, as this labeler could be given it next. A tuple, since a claim makes one for each lane."""

    lane_id: int
    slot_id: int
    customer_id: str
    rank: int  # lower is first among the customer's own
    effort_seconds: int
    age_seconds: float
    share: float = 1.0  # of the customer, in the marketplace
    turnaround_seconds: float = 86_400.0
    alpha: float = 4.0  # the Beta posterior of her accuracy there
    beta: float = 1.0
    typical: float = TYPICAL  # the accuracy of the people who work there
    classes: int = CLASSES_OF_FREE_ANSWERS
    confidence: float | None = None  # of the present verdict; none before the first answer
    continues: bool = False  # the next window of a drive that she knows


class Match(NamedTuple):
    """A candidate with the numbers that put it where it is, for the explanation."""

    candidate: Candidate
    accuracy: float  # as drawn
    gain: float  # expected reduction of error by her answer
    advantage: float  # her gain over a typical labeler's, within its bounds
    urgency: float
    chance: float  # of the customer, in this draw


def gain(accuracy: float, classes: int, confidence: float | None = None) -> float:
    """Expected reduction of the Gini error 1 - sum p^2 by one answer that is right with probability `accuracy`.

    The present posterior has `confidence` on the best class and the rest spread evenly; none is no answer yet. Unlike
    the chance to change the best class, this is not zero for an answer that alone could not change it.
    """
    best = 1 / classes if confidence is None else min(max(confidence, 1 / classes), 1.0)
    other = (1 - best) / (classes - 1)
    right, wrong = accuracy, (1 - accuracy) / (classes - 1)
    now = best**2 + (classes - 1) * other**2
    says_best = best * right + (classes - 1) * other * wrong
    after = ((best * right) ** 2 + (classes - 1) * (other * wrong) ** 2) / says_best if says_best else 0.0
    says_other = best * wrong + other * right + (classes - 2) * other * wrong
    if says_other:
        squares = (best * wrong) ** 2 + (other * right) ** 2 + (classes - 2) * (other * wrong) ** 2
        after += (classes - 1) * squares / says_other
    return max(0.0, after - now)


# What a typical labeler would bring hardly changes from claim to claim.
_typical_gain = lru_cache(4096)(gain)


def rank(candidates: Sequence[Candidate], rng: np.random.Generator) -> list[Match]:
    """The candidates in the order in which they should be tried, each with its numbers."""
    by_customer: dict[str, list[_Entry]] = {}
    worth: dict[tuple[object, ...], tuple[float, float, float]] = {}
    accuracy: dict[tuple[float, float], float] = {}
    for one in candidates:
        key = (one.alpha, one.beta, one.typical, one.classes, one.confidence)
        if key not in worth:
            posterior = key[:2]
            if posterior not in accuracy:  # one draw of what is one unknown
                accuracy[posterior] = rng.beta(*posterior)
            worth[key] = _worth(accuracy[posterior], one)
        drawn, hers, advantage = worth[key]
        if one.continues:
            advantage *= CONTINUITY
        if not MATCH_MIN < advantage < MATCH_MAX:
            advantage = min(max(advantage, MATCH_MIN), MATCH_MAX)
        urgency = 1 + one.age_seconds / one.turnaround_seconds
        entry = (one.rank, -urgency * advantage, one.slot_id, one, drawn, hers, advantage, urgency)
        by_customer.setdefault(one.customer_id, []).append(entry)
    return _drawn(by_customer, rng)


# What orders a customer's own work, then what a `Match` is made of.
_Entry = tuple[int, float, int, Candidate, float, float, float, float]


def numbers(match: Match) -> dict[str, float]:
    """What the choice rested on, to be kept."""
    _, accuracy, gain, advantage, urgency, chance = match
    named = {"accuracy": accuracy, "gain": gain, "advantage": advantage, "urgency": urgency, "chance": chance}
    return {name: round(value, 4) for name, value in named.items()}


def _worth(accuracy: float, candidate: Candidate) -> tuple[float, float, float]:
    """Her accuracy, the gain by her answer, and how many times a typical labeler's gain that is."""
    hers = gain(accuracy, candidate.classes, candidate.confidence)
    typical = _typical_gain(candidate.typical, candidate.classes, candidate.confidence)
    return accuracy, hers, hers / typical if typical else 1.0


def _drawn(by_customer: dict[str, list[_Entry]], rng: np.random.Generator) -> list[Match]:
    """A lottery between the customers; within each its priorities, then what is late and well matched."""
    tickets = {}
    for customer, own in by_customer.items():
        own.sort()
        _, _, _, first, _, _, advantage, _ = own[0]
        # By the second of effort, so that shares are shares of work and of money, not of clicks.
        tickets[customer] = first.share * advantage / max(1, first.effort_seconds)
    total = sum(tickets.values())
    # The first of exponential waits with these rates is a lottery with these tickets, the others its next draws.
    waits = rng.exponential(size=len(tickets)).tolist()
    turns = sorted((wait / one, name) for wait, (name, one) in zip(waits, tickets.items(), strict=True))
    return [Match(*entry[3:], tickets[name] / total) for _, name in turns for entry in by_customer[name]]


def least_chance(share: float) -> float:
    """The least chance, at equal efforts, of a customer whose share is this part of the shares of all who have work."""
    return share * MATCH_MIN / (share * MATCH_MIN + (1 - share) * MATCH_MAX)


# Offers


@dataclass(frozen=True)
class Available:
    """A labeler who is at work now and may do a slot; `load` is how many answers she gave there lately."""

    labeler_id: str
    alpha: float
    beta: float
    load: int = 0


def offer_to(
    available: Sequence[Available], classes: int, confidence: float | None, load_max: int, rng: np.random.Generator
) -> list[tuple[str, float]]:
    """Whom to offer a doubtful slot first: labelers by the gain of a drawn accuracy; none at the cap."""
    drawn = [
        (one.labeler_id, gain(float(rng.beta(one.alpha, one.beta)), classes, confidence))
        for one in available
        if one.load < load_max
    ]
    return sorted(drawn, key=lambda pair: (-pair[1], pair[0]))
