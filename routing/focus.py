"""A follow-up asks about the disputed objects only: what stands is taken out of every answer, and put back behind.

A focus is `{answer, settled, disputed, objects}`: the answer as it stood, the ids of what stands in it and of what is
asked about, and the confidence of each.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Protocol

from routing.overlap import Focus
from routing.types import Answer, Verdict, Vote

Objects = Sequence[dict[str, Any]]


class ObjectsKind(Protocol):
    """What is needed of a task type whose answers are lists of objects."""

    @property
    def OBJECTS(self) -> str: ...  # noqa: N802

    def same_objects(self, a: Objects, b: Objects) -> list[tuple[int, int]]: ...

    def agreement(self, a: Answer, b: Answer) -> float: ...

    def merge(self, votes: Sequence[Vote]) -> Verdict: ...


def of_verdict(verdict: Verdict, found: Focus) -> dict[str, Any]:
    return {
        "answer": verdict.answer,
        "settled": list(found.settled),
        "disputed": list(found.disputed),
        "objects": {name: round(sure, 4) for name, sure in verdict.objects.items()},
    }


def settled_objects(kind: ObjectsKind, focus: Mapping[str, Any]) -> list[dict[str, Any]]:
    names = set(focus["settled"])
    return [one for one in focus["answer"][kind.OBJECTS] if one["id"] in names]


def disputed_part(kind: ObjectsKind, answer: Answer, focus: Mapping[str, Any]) -> Answer:
    """An answer without what is settled, found by likeness: nobody's tool needs to keep our ids."""
    settled, given = settled_objects(kind, focus), answer[kind.OBJECTS]
    taken = {j for _, j in kind.same_objects(settled, given)}
    return answer | {kind.OBJECTS: [one for j, one in enumerate(given) if j not in taken]}


def merge(kind: ObjectsKind, votes: Sequence[Vote], focus: Mapping[str, Any]) -> Verdict:
    """The verdict of all votes on what is disputed, with what is settled as it stood."""
    rest = kind.merge([replace(vote, answer=disputed_part(kind, vote.answer, focus)) for vote in votes])
    settled = settled_objects(kind, focus)
    taken = {one["id"] for one in settled}
    names = _free_names([one["id"] for one in rest.answer[kind.OBJECTS]], taken)
    added = [one | {"id": names[one["id"]]} for one in rest.answer[kind.OBJECTS]]
    answer = rest.answer | {kind.OBJECTS: [*settled, *added]}
    known = {one["id"]: float(focus["objects"].get(one["id"], 1.0)) for one in settled}
    objects = known | {names[name]: sure for name, sure in rest.objects.items() if name in names}
    count = max(1, len(added))
    confidence = (sum(known.values()) + count * rest.confidence) / (len(known) + count)
    scores = {vote.labeler_id: kind.agreement(vote.answer, answer) for vote in votes}
    gain = None if rest.gain is None else rest.gain * count / (len(known) + count)
    return replace(rest, answer=answer, confidence=confidence, scores=scores, objects=objects, gain=gain)


def _free_names(names: Sequence[str], taken: set[str]) -> dict[str, str]:
    used, free = set(taken), {}
    for name in names:
        other, number = name, 2
        while other in used:
            other, number = f"{name[:56]}-{number}", number + 1
        used.add(other)
        free[name] = other
    return free
