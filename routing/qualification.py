"""Who may claim from a lane: a rule over credentials, countries, blocks and measured accuracy, and what is unmet of it.

A credential is a word that an operator, a customer, an exam or the labeler herself has put there: `language:fr`,
`certificate:radiology`, `training:cuboids-2`, `team:north`, `exam:<lane>`. The rule asks for measured accuracy by its
lower bound, so that luck does not qualify; who lacks only the evidence is let in to a short paid trial on gold.
`marketplace/eligibility.py` says the same in SQL; a test compares the two.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from routing.skill import PRIOR_ALPHA

TRIAL_ANSWERS = 5
ENOUGH = 0.9  # of the trial's answers: evidence fades a little while a trial lasts
PREFIXES = ("language", "certificate", "training", "team", "exam")
LUCK = 0.05  # a measured accuracy lies under its lower bound with this probability


@dataclass(frozen=True)
class Rule:
    """What a lane asks for; the default lets everybody in who may do its task type."""

    credentials: frozenset[str] = frozenset()  # all of them
    countries: frozenset[str] = frozenset()  # one of them; none is anywhere
    accuracy_min: float | None = None  # that the lower bound of the measured accuracy must reach
    trial_answers: int = TRIAL_ANSWERS  # evidence, in full answers, before the lower bound counts


@dataclass(frozen=True)
class Record:
    """What a labeler brings to a lane."""

    may_do_type: bool
    credentials: frozenset[str] = frozenset()
    country: str = ""
    blocked: bool = False  # by this customer
    accuracy: float | None = None  # measured mean, none without evidence
    accuracy_low: float | None = None  # its lower bound
    evidence: float = 0.0


class Access(StrEnum):
    OPEN = "open"
    TRIAL = "trial"  # gold only, until there is evidence
    CLOSED = "closed"


@dataclass(frozen=True)
class Unmet:
    """One requirement that is not met: its kind, what is asked and what there is, and a sentence for the labeler."""

    kind: str
    asked: str
    has: str
    text: str


@dataclass(frozen=True)
class Resolved:
    access: Access
    unmet: Sequence[Unmet] = field(default_factory=tuple)


def least_answers(accuracy_min: float) -> int:
    """The fewest answers, all of them right, that raise the lower bound to `accuracy_min` (below 1).

    The bound of Beta(a, 1) is `LUCK ** (1 / a)`. A trial with fewer could be passed by nobody.
    """
    return max(1, math.ceil(math.log(LUCK) / math.log(accuracy_min) - PRIOR_ALPHA - 1e-9))


def has_evidence(rule: Rule, record: Record) -> bool:
    """Whether there is as much of it as the rule asks for."""
    return record.evidence >= ENOUGH * rule.trial_answers


def resolve(rule: Rule, record: Record) -> Resolved:
    """Whether this labeler may claim from a lane with this rule, and if not, why not."""
    unmet = [*_about_type(record), *_about_credentials(rule, record), *_about_country(rule, record)]
    if record.blocked:
        unmet.append(Unmet("block", "", "", "This customer has chosen to work with other labelers."))
    accuracy = _about_accuracy(rule, record)
    if unmet or not accuracy:
        return Resolved(Access.CLOSED if unmet else Access.OPEN, tuple(unmet + accuracy))
    return Resolved(Access.CLOSED if has_evidence(rule, record) else Access.TRIAL, tuple(accuracy))


def _about_type(record: Record) -> list[Unmet]:
    if record.may_do_type:
        return []
    return [Unmet("task_type", "", "", "You are not qualified for this kind of work yet.")]


def _about_credentials(rule: Rule, record: Record) -> list[Unmet]:
    missing = sorted(rule.credentials - record.credentials)
    return [Unmet(*_named(word), has="", text=_sentence(*_named(word))) for word in missing]


def _named(word: str) -> tuple[str, str]:
    kind, _, name = word.partition(":")
    return kind, name


def _sentence(kind: str, name: str) -> str:
    return {
        "language": f'This work needs the language "{name}".',
        "certificate": f'This work needs the certificate "{name}".',
        "training": f'This work needs the training "{name}".',
        "team": f'This work is for the team "{name}".',
        "exam": "This work needs a passed exam on it.",
    }.get(kind, f'This work needs "{kind}:{name}".')


def _about_country(rule: Rule, record: Record) -> list[Unmet]:
    if not rule.countries or record.country in rule.countries:
        return []
    asked = ", ".join(sorted(rule.countries))
    return [Unmet("country", asked, record.country, f"This work is for labelers in {asked}.")]


def _about_accuracy(rule: Rule, record: Record) -> list[Unmet]:
    asked, low = rule.accuracy_min, record.accuracy_low
    if asked is None or (has_evidence(rule, record) and low is not None and low >= asked):
        return []
    if not has_evidence(rule, record) or low is None:
        text = (
            f"This work asks for a measured accuracy of {asked:.0%} on {rule.trial_answers} answers; "
            "yours does not rest on so many yet."
        )
        return [Unmet("accuracy", f"{asked:.3f}", "", text)]
    mean = _coarse(low if record.accuracy is None else record.accuracy)
    text = (
        f"This work asks for a measured accuracy that is surely above {asked:.0%}; "
        f"yours is about {mean:.0%}, surely above {_coarse(low):.0%}."
    )
    return [Unmet("accuracy", f"{asked:.3f}", f"{_coarse(low):.2f}", text)]


def _coarse(accuracy: float) -> float:
    """In steps of 5 %: what a labeler reads after each answer must not tell her which one was gold."""
    return math.floor(20 * accuracy + 1e-9) / 20
