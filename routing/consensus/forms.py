"""Several filled-in forms become one, field by field, each by the consensus of its kind.

Whether a field is filled in at all is voted on first, then what is in it, among those who filled it in.
"""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

from routing.consensus import classes, numbers, rankings, transcripts
from routing.consensus.classes import Voter
from routing.consensus.merged import Merged

Form = Mapping[str, Any]  # field name to value; a field that is missing or None is not filled in


class Kind(StrEnum):
    CHOICE = "choice"  # one of the options
    CHOICES = "choices"  # any of the options: a set or sequence of them
    BOOLEAN = "boolean"
    NUMBER = "number"
    TEXT = "text"
    RANKING = "ranking"  # places, best first, each a tuple of what is tied there


@dataclass(frozen=True)
class Field:
    """`options`: what can be chosen; `tolerance`: how far off a number may be and still be right, in its unit."""

    kind: Kind
    options: tuple[Hashable, ...] = ()
    tolerance: float = 1.0


@dataclass(frozen=True)
class Reliability:
    """By field what its kind measures (a Voter, or the Reliability of numbers, transcripts, rankings); else the usual.

    `voter`: of all choices without one of their own, and of whether a field is filled in.
    """

    fields: Mapping[str, Any] = field(default_factory=dict)
    voter: Voter = field(default_factory=Voter)


def similarity(a: Form, b: Form, fields: Mapping[str, Field]) -> float:
    """The mean of the fields' similarities; a field that only one has filled in counts 0."""
    if not fields:
        return 1.0
    return sum(_similarity(spec, a.get(name), b.get(name)) for name, spec in fields.items()) / len(fields)


def merge(
    answers: Sequence[Form], reliability: Sequence[Reliability], fields: Mapping[str, Field]
) -> Merged[dict[str, Any]]:
    """The form of at least one answer; fields that are not filled in are left out of it.

    `parts` runs over `fields`, the empty ones too. `confidence`, their mean, is the expected
    similarity to the true form.
    """
    if not answers:
        raise ValueError("answers: at least one is needed")
    value: dict[str, Any] = {}
    parts = []
    for name, spec in fields.items():
        found = merge_field(name, spec, [answer.get(name) for answer in answers], reliability)
        parts.append(found.confidence)
        if found.value is not None:
            value[name] = found.value
    scores = tuple(similarity(value, answer, fields) for answer in answers)
    return Merged(value, sum(parts) / len(parts) if parts else 1.0, tuple(parts), scores)


def merge_field(name: str, spec: Field, values: Sequence[Any], reliability: Sequence[Reliability]) -> Merged[Any]:
    """One field of all forms; None where it is not filled in."""
    filled = [value is not None for value in values]
    there = _vote(filled, [labeler.voter for labeler in reliability], (True, False))
    scores = tuple(0.0 for _ in values)
    if not there.value:
        return Merged(None, there.confidence, (), scores)
    given = [(v, r) for v, r in zip(values, reliability, strict=True) if v is not None]
    inside = _MERGE[spec.kind](name, spec, [value for value, _ in given], [labeler for _, labeler in given])
    if all(value == given[0][0] for value, _ in given):
        inside = replace(inside, value=given[0][0])  # a set stays a set
    # Where all have filled it in nothing speaks for an empty field.
    sure = 1.0 if all(filled) else there.confidence
    scores = tuple(_similarity(spec, value, inside.value) for value in values)
    return Merged(inside.value, sure * inside.confidence, inside.parts, scores)


def _vote(labels: Sequence[Hashable], voters: Sequence[Voter], options: Sequence[Hashable]) -> Merged[Hashable]:
    # One order for all, so that a tie does not go to who came first.
    order = sorted(range(len(labels)), key=lambda at: (repr(labels[at]), voters[at].accuracy))
    every = sorted({*options, *labels}, key=repr)
    return classes.merge([labels[at] for at in order], [voters[at] for at in order], every)


def _voters(name: str, reliability: Sequence[Reliability]) -> list[Voter]:
    return [labeler.fields.get(name, labeler.voter) for labeler in reliability]


def _choice(name: str, spec: Field, values: Sequence[Any], reliability: Sequence[Reliability]) -> Merged[Any]:
    return _vote(values, _voters(name, reliability), spec.options)


def _boolean(name: str, spec: Field, values: Sequence[Any], reliability: Sequence[Reliability]) -> Merged[Any]:
    return _vote(values, _voters(name, reliability), (False, True))


def _choices(name: str, spec: Field, values: Sequence[Any], reliability: Sequence[Reliability]) -> Merged[Any]:
    """Every option by itself: chosen or not. The confidence is the share of options that is expected to be right."""
    every = [*spec.options, *sorted({one for value in values for one in value} - set(spec.options), key=repr)]
    voters = _voters(name, reliability)
    votes = [_vote([option in value for value in values], voters, (False, True)) for option in every]
    chosen = tuple(option for option, vote in zip(every, votes, strict=True) if vote.value)
    parts = tuple(vote.confidence for vote in votes if vote.value)
    return Merged(chosen, sum(vote.confidence for vote in votes) / len(votes) if votes else 1.0, parts)


def _number(name: str, spec: Field, values: Sequence[Any], reliability: Sequence[Reliability]) -> Merged[Any]:
    usual = numbers.Reliability(sd=spec.tolerance)
    return numbers.merge(values, [one.fields.get(name, usual) for one in reliability], spec.tolerance)


def _text(name: str, spec: Field, values: Sequence[Any], reliability: Sequence[Reliability]) -> Merged[Any]:
    return transcripts.merge(values, [one.fields.get(name, transcripts.Reliability()) for one in reliability])


def _ranking(name: str, spec: Field, values: Sequence[Any], reliability: Sequence[Reliability]) -> Merged[Any]:
    return rankings.merge(values, [one.fields.get(name, rankings.Reliability()) for one in reliability])


_MERGE = {
    Kind.CHOICE: _choice,
    Kind.CHOICES: _choices,
    Kind.BOOLEAN: _boolean,
    Kind.NUMBER: _number,
    Kind.TEXT: _text,
    Kind.RANKING: _ranking,
}


def _similarity(spec: Field, a: Any, b: Any) -> float:
    if a is None or b is None:
        return float(a is None and b is None)
    if spec.kind is Kind.CHOICES:
        return len(set(a) & set(b)) / len(set(a) | set(b)) if set(a) | set(b) else 1.0
    if spec.kind is Kind.NUMBER:
        return numbers.similarity(a, b, spec.tolerance)
    if spec.kind is Kind.TEXT:
        return transcripts.similarity(a, b)
    if spec.kind is Kind.RANKING:
        return rankings.similarity(a, b)
    return classes.similarity(a, b)


class OnlineForm:
    """The forms of one task as they come."""

    def __init__(self, fields: Mapping[str, Field]) -> None:
        self._fields = fields
        self._answers: list[Form] = []
        self._reliability: list[Reliability] = []

    def add(self, answer: Form, reliability: Reliability) -> None:
        self._answers.append(answer)
        self._reliability.append(reliability)

    def merged(self) -> Merged[dict[str, Any]]:
        return merge(self._answers, self._reliability, self._fields)
