"""Why a labeler does not see a subtask, or would: every condition of a claim that keeps her from it, in words."""

from dataclasses import dataclass

from sqlalchemy import func, or_, select, text

from marketplace import eligibility
from marketplace.clock import utc_now
from marketplace.db import db
from marketplace.models import (
    Assignment,
    AssignmentState,
    Labeler,
    Slot,
    SlotState,
    Subtask,
    SubtaskState,
)
from marketplace.reports.explanations import Place
from marketplace.reports.labelers import is_restricted
from marketplace.words import plural
from routing.qualification import resolve

HAD = {
    AssignmentState.CLAIMED: "holds it at this moment.",
    AssignmentState.EXPIRED: "had it, lost it by time, and is offered it back first while a slot is free.",
    AssignmentState.SKIPPED: "has skipped it, and nobody gets again what they skipped.",
    AssignmentState.SUBMITTED: "has answered it, and nobody answers the same subtask twice.",
    AssignmentState.ACCEPTED: "has answered it, and nobody answers the same subtask twice.",
    AssignmentState.REJECTED: "has answered it and was rejected; others are asked now.",
    AssignmentState.CANCELED: "had it when its task was withdrawn.",
}
CLOSED = {
    SubtaskState.IN_REVIEW: "It is in review: no further answer is asked until a person has decided.",
    SubtaskState.RESOLVED: "It is resolved: no further answer is asked.",
    SubtaskState.CANCELED: "Its task was withdrawn.",
}


@dataclass(frozen=True)
class Absence:
    """A labeler and what keeps her from a subtask; nothing does where `reasons` is empty."""

    labeler: Labeler | None
    reasons: list[str]


def of(place: Place, word: str) -> Absence:
    """`word` is a labeler's id, name or address."""
    labeler = _labeler(word)
    if labeler is None:
        return Absence(None, [])
    subtask = place.subtask
    had = db.session.scalar(
        select(Assignment.state).where(Assignment.subtask_id == subtask.id, Assignment.labeler_id == labeler.id)
    )
    reasons = [f"{labeler.name} {HAD[had]}"] if had is not None else []
    if is_restricted(labeler, utc_now()):
        reasons.append(
            f"{labeler.name} is restricted and claims nothing new: {labeler.restriction_reason or ''}".strip()
        )
    reasons += _about_rule(place, labeler)
    if place.lane.paused:
        reasons.append(f"The lane of {place.project.name} is paused and gives nothing out.")
    return Absence(labeler, reasons + _about_slots(subtask, had))


def _labeler(word: str) -> Labeler | None:
    found = select(Labeler).where(
        or_(Labeler.id == word, func.lower(Labeler.email) == word.lower(), func.lower(Labeler.name) == word.lower())
    )
    return db.session.scalar(found.order_by(Labeler.created_at).limit(1))


_FACTS = text(f"""
SELECT {eligibility.FACTS} FROM labeler me CROSS JOIN lane {eligibility.JOINS} WHERE me.id = :me AND lane.id = :lane_id
""")  # noqa: S608  (our own words only)


def _about_rule(place: Place, labeler: Labeler) -> list[str]:
    """What the lane asks for and she lacks; the sentences are those that she reads herself."""
    row = db.session.execute(_FACTS, {"me": labeler.id, "lane_id": place.lane.id}).one()
    resolved = resolve(eligibility.rule_of(row), eligibility.record_of(row))
    return [f"{labeler.name} is told: {one.text}" for one in resolved.unmet]


def _about_slots(subtask: Subtask, had: AssignmentState | None) -> list[str]:
    if subtask.state is not SubtaskState.OPEN:
        return [CLOSED[subtask.state]]
    if subtask.gold or had is not None:
        return []
    counted = select(Slot.state, func.count()).where(Slot.subtask_id == subtask.id).group_by(Slot.state)
    counts = {row[0]: row[1] for row in db.session.execute(counted)}
    if counts.get(SlotState.OPEN):
        return []
    leased = counts.get(SlotState.LEASED, 0)
    if leased:
        return [f"Others hold {plural(leased, 'answer')} of it, and no other is wanted now."]
    return ["No answer is wanted at this moment: what is there waits to be judged."]
