"""What a subtask's answers say, how sure that is, and whether another is worth its price; nothing is written."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import numpy as np
from sqlalchemy import text

from marketplace import eligibility, skills
from marketplace.auth import settings
from marketplace.db import db
from marketplace.models import Assignment, Project, Subtask
from routing import focus, overlap
from routing.consensus.calibration import Calibration
from routing.overlap import Choice, Focus, Terms
from routing.skill import Profile, error_profile, rows
from routing.task_types import TASK_TYPES
from routing.types import Answer, Verdict, Vote

PERCENT = 100
SAME = 1e-9
CLASSES_TOLD_MAX = 100  # of more, a labeler's confusion costs more than its sentence is worth


@dataclass(frozen=True)
class Judgement:
    """The verdict with its calibrated confidence, what the project wants, and the choice that follows."""

    verdict: Verdict
    terms: Terms
    choice: Choice
    focus: Focus | None  # what a further answer would be asked about, if not the whole
    votes: Sequence[Vote]

    @property
    def needs_review(self) -> bool:
        return not self.choice.again and overlap.needs_review(self.verdict.confidence, self.terms)

    @property
    def numbers(self) -> dict[str, Any]:
        """What the decision rests on, for its note."""
        return {
            "confidence": self.verdict.confidence,
            "target": self.terms.target,
            "reason": self.choice.reason.value,
            "gain": self.choice.gain,
            "price_cents": self.terms.price_cents,
            "error_cents": self.terms.error_cents,
            "minimum": self.choice.minimum,
            "minimum_asked": self.terms.minimum,
            "maximum": self.terms.maximum,
            "review_below": min(self.terms.target, self.terms.review_below),
            "answers": len(self.votes),
            "value": _value(self.verdict.answer),
            "votes": {vote.labeler_id: _numbers_of(vote, self.verdict) for vote in self.votes},
            "posterior": dict(sorted(self.verdict.posterior.items(), key=lambda item: -item[1])[:5]),
            "objects": dict(self.verdict.objects),
        }


def judge(subtask: Subtask, answered: Sequence[Assignment], now: datetime) -> Judgement:
    """Merge what has been answered by what is known of the authors; at least one answer."""
    task = subtask.task
    project = task.project
    assert project is not None, "a task that is worked on has a project"
    names = TASK_TYPES[task.type].classes(task.params)
    typical = skills.typical_profile(project, names)
    known = skills.profiles(project, typical, [one.labeler_id for one in answered], now)
    votes = [
        Vote(a.labeler_id, a.answer or {}, known[a.labeler_id].accuracy.mean, known[a.labeler_id]) for a in answered
    ]
    verdict = merge(task.type, votes, subtask.focus)
    if len(votes) > 1:
        verdict = replace(verdict, confidence=calibrated(verdict, skills.calibration_of(project)))
    terms = terms_of(subtask, project, graded=not verdict.posterior)
    asked = overlap.focus(verdict.objects, terms.target)
    terms = replace(terms, price_cents=terms.price_cents * (asked.share if asked else 1))
    choice = overlap.another_answer(
        verdict.confidence,
        terms,
        answered=len(votes),
        gain=_gain(verdict, typical, len(votes), terms),
        trusted=any(overlap.is_trusted(one.accuracy) for one in known.values()),
        anybody=_is_anybody_left(subtask),
    )
    return Judgement(verdict, terms, choice, asked, votes)


def _value(answer: Answer) -> Any:
    """What can be said of an answer in a word: its category, if that is what it is."""
    return answer.get("category")


def _numbers_of(vote: Vote, verdict: Verdict) -> dict[str, Any]:
    """What an answer weighs: her accuracy and, of classes, how often she says what she said where this one is right."""
    assert vote.profile is not None, "who is judged has a profile"
    accuracy, given, right = vote.profile.accuracy, _value(vote.answer), _value(verdict.answer)
    numbers: dict[str, Any] = {
        "accuracy": accuracy.mean,
        "measured": accuracy.is_measured,
        "agreement": verdict.scores.get(vote.labeler_id),
    }
    if given is None:
        return numbers
    numbers["given"] = given
    names = vote.profile.classes.names if vote.profile.classes else ()
    if len(names) > CLASSES_TOLD_MAX or right not in names or given not in names:
        return numbers
    row = vote.profile.confusion()[names.index(right)]
    said = float(row[names.index(given)])
    return numbers | ({"hit": said} if given == right else {"mistake": said})


def merge(task_type: str, votes: Sequence[Vote], asked: Mapping[str, Any] | None) -> Verdict:
    """The verdict of all votes or, where a part is settled, of the votes on the rest."""
    kind = TASK_TYPES[task_type]
    return kind.merge(votes) if not asked else focus.merge(kind, votes, asked)


def terms_of(subtask: Subtask, project: Project, *, graded: bool) -> Terms:
    """What the project wants, in money as the customer pays it: the fee is in every price. It is of a whole answer."""
    with_fee = 1 + settings().fee_percent / PERCENT
    target = overlap.TARGET_OF_GRADED if graded else overlap.TARGET_OF_CLASSES
    cost = project.error_cost_cents
    return Terms(
        target=target if project.target_confidence is None else project.target_confidence,
        maximum=subtask.answers_wanted,
        price_cents=with_fee * subtask.pay_cents,
        error_cents=overlap.ERROR_COST_ANSWERS * with_fee * subtask.pay_cents if cost is None else float(cost),
        minimum=project.answers_min,
        review_below=overlap.REVIEW_BELOW_OF_GRADED if graded else overlap.REVIEW_BELOW_OF_CLASSES,
    )


def calibrated(verdict: Verdict, calibration: Calibration) -> float:
    """The confidence as often right as it says, by the gold and the reviews of the project."""
    if verdict.posterior:
        sure = np.array(list(verdict.posterior.values()))
        chosen = int(np.abs(sure - verdict.confidence).argmin())
        is_outcome = abs(float(sure[chosen]) - verdict.confidence) < SAME
        return float(calibration.apply(sure[None])[0, chosen]) if is_outcome else verdict.confidence
    return float(calibration.confidence(np.array([verdict.confidence]))[0]) if calibration.curve else verdict.confidence


def _gain(verdict: Verdict, typical: Profile, answered: int, terms: Terms) -> float:
    """The expected reduction of error by one more answer of somebody typical; where none is thought of, 0."""
    if verdict.confidence >= terms.target or answered >= terms.maximum:
        return 0.0
    if verdict.gain is not None:
        return verdict.gain
    if not verdict.posterior:
        return overlap.graded_gain(verdict.confidence, answered)
    size = len(verdict.posterior)
    if typical.classes is not None and tuple(verdict.posterior) == typical.classes.names:
        confusion = typical.confusion()
    else:
        empty = np.zeros((size, size))
        confusion = rows(empty, typical.accuracy.mean, error_profile(empty), 1.0)
    return overlap.class_gain(list(verdict.posterior.values()), confusion, terms.maximum - answered)


_LEFT = text(f"""
SELECT me.id FROM lane
JOIN qualification q ON q.task_type = lane.task_type
JOIN labeler me ON me.id = q.labeler_id AND me.state = 'active'
JOIN project ON project.id = lane.project_id
LEFT JOIN skill ON skill.labeler_id = me.id AND skill.task_type = lane.task_type
WHERE lane.id = :lane_id AND {eligibility.OPEN} AND NOT EXISTS (
    SELECT FROM assignment a WHERE a.subtask_id = :subtask_id AND a.labeler_id = me.id)
LIMIT 1
""")  # noqa: S608  (our own words only)


def _is_anybody_left(subtask: Subtask) -> bool:
    """Whether a labeler to whom the lane is open has not had this subtask yet."""
    return db.session.scalar(_LEFT, {"lane_id": subtask.lane_id, "subtask_id": subtask.id}) is not None
