"""The full refit of labelers of forms: each field by the refit of its kind, over all tasks at once."""

from collections import defaultdict
from collections.abc import Hashable, Mapping, Sequence
from typing import Any

from routing.consensus import classes, labels, numbers, rankings, transcripts
from routing.consensus.classes import Voter
from routing.consensus.forms import Field, Form, Kind, Reliability

Values = Mapping[str, Sequence[tuple[str, Any]]]  # task to (labeler, value) pairs


def refit(
    tasks: Mapping[str, Sequence[tuple[str, Form]]],
    fields: Mapping[str, Field],
    gold: Mapping[str, Form] | None = None,
) -> dict[str, Reliability]:
    """All labelers, from every task's (labeler, form) pairs and the known truth of some tasks."""
    by_labeler: dict[str, dict[str, Any]] = defaultdict(dict)
    for name, spec in fields.items():
        for labeler, found in _of_field(name, spec, tasks, gold or {}).items():
            by_labeler[labeler][name] = found
    filled = [
        ((task, name), labeler, form.get(name) is not None)
        for task, answers in tasks.items()
        for labeler, form in answers
        for name in fields
    ]
    known = {(task, name): form.get(name) is not None for task, form in (gold or {}).items() for name in fields}
    voters = _voters(filled, (False, True), known)
    everyone = dict.fromkeys(labeler for answers in tasks.values() for labeler, _ in answers)
    return {who: Reliability(by_labeler.get(who, {}), voters.get(who, Voter())) for who in everyone}


def _of_field(
    name: str, spec: Field, tasks: Mapping[str, Sequence[tuple[str, Form]]], gold: Mapping[str, Form]
) -> Mapping[str, Any]:
    given = {
        task: [(who, form[name]) for who, form in answers if form.get(name) is not None]
        for task, answers in tasks.items()
    }
    given = {task: values for task, values in given.items() if values}
    known = {task: form[name] for task, form in gold.items() if form.get(name) is not None}
    if not given:
        return {}
    if spec.kind is Kind.NUMBER:
        return numbers.refit(given, known, spec.tolerance).reliability
    if spec.kind is Kind.TEXT:
        return transcripts.refit(given, known).reliability
    if spec.kind is Kind.RANKING:
        return rankings.refit(given, known).reliability
    if spec.kind is Kind.CHOICES:
        return _of_choices(spec, given, known)
    options = (False, True) if spec.kind is Kind.BOOLEAN else spec.options
    return _voters([(task, who, value) for task, values in given.items() for who, value in values], options, known)


def _of_choices(spec: Field, given: Values, known: Mapping[str, Any]) -> dict[str, Voter]:
    """Every option of every task is a question of its own: chosen or not."""
    rows = [
        ((task, option), who, option in value)
        for task, values in given.items()
        for who, value in values
        for option in spec.options
    ]
    truth = {(task, option): option in value for task, value in known.items() for option in spec.options}
    return _voters(rows, (False, True), truth)


def _voters(
    rows: Sequence[tuple[Hashable, str, Hashable]], options: Sequence[Hashable], known: Mapping[Any, Hashable]
) -> dict[str, Voter]:
    if not rows:
        return {}
    found = classes.refit(labels.index(rows, options, known)).voters()
    return {str(who): voter for who, voter in found.items()}
