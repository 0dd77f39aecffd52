"""Exams and short paid trials: who may begin one, how long it is, and when it is passed, failed, or still open.

A trial consists of gold of one lane. It mends what gold can show: too little evidence, or bad luck, under the rule's
measured accuracy; a missing exam of the lane (`exam:<lane>`); or no right to the task type yet (`type:<task type>`). It
ends as soon as its outcome is certain, so nobody works, or is paid, for a trial that cannot be passed any more.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from routing.qualification import Access, Record, Rule, Unmet, resolve
from routing.skill import Skill

PASS_MARK = 0.8  # the mean grade that an exam asks for
ATTEMPTS_MAX = 3  # at one lane, since trials are paid
RETRY_AFTER = timedelta(days=7)
LENGTHS_MAX = 2  # how much longer than usual a trial may be for who has to make good for earlier answers


@dataclass(frozen=True)
class Place:
    """A lane as a trial sees it; `gold_left` counts its gold that the labeler has not seen."""

    lane_id: int
    task_type: str
    gold_left: int


@dataclass(frozen=True)
class Tried:
    """What a labeler has tried at a lane so far; `retry_at` is of the last attempt."""

    attempts: int = 0
    retry_at: datetime | None = None


@dataclass(frozen=True)
class Terms:
    """A trial as it is begun: so many answers, and what its passing gives beside the evidence, if it is an exam."""

    answers: int
    gives: tuple[str, ...] = ()


@dataclass(frozen=True)
class Refusal:
    """Why a trial cannot be begun now; `retry_at` where it can be later."""

    code: str
    text: str
    retry_at: datetime | None = None


class Outcome(StrEnum):
    OPEN = "open"
    PASSED = "passed"
    FAILED = "failed"


def exam_of(lane_id: int) -> str:
    """The credential that a lane's own exam gives."""
    return f"exam:{lane_id}"


def type_of(task_type: str) -> str:
    """What an exam gives to who has no right to the task type yet."""
    return f"type:{task_type}"


def may_begin(rule: Rule, record: Record, skill: Skill, place: Place, tried: Tried, now: datetime) -> Terms | Refusal:
    """The terms of a trial for who lacks only what a trial can show, else why there is none.

    `skill` is the posterior of her accuracy, the prior where she was never measured.
    """
    unmet = resolve(rule, record).unmet
    lasting = [one for one in unmet if not _is_mendable(one, place)]
    if lasting:
        return Refusal(lasting[0].kind, lasting[0].text)
    if not unmet:
        return Refusal("open", "This work is open to you; there is nothing to try.")
    if tried.attempts >= ATTEMPTS_MAX:
        return Refusal("attempts", f"You have tried {ATTEMPTS_MAX} times here; there is no further try.")
    if tried.retry_at is not None and now < tried.retry_at:
        return Refusal("retry", f"You may try again from {tried.retry_at:%Y-%m-%d %H:%M} UTC.", tried.retry_at)
    gives = _gives(unmet, place)
    answers = _answers(rule, record, skill.at(now), bool(gives) or tried.attempts > 0, now)
    if answers is None:
        most = LENGTHS_MAX * rule.trial_answers
        return Refusal(
            "accuracy", f"Not even {most} right answers in a row would raise your measured accuracy to that now."
        )
    if place.gold_left < answers:
        asked = f"A trial takes {answers} test subtasks that you have not seen"
        return Refusal("no_gold", f"{asked}; there {'is' if place.gold_left == 1 else 'are'} {place.gold_left} now.")
    return Terms(answers, gives)


def _is_mendable(one: Unmet, place: Place) -> bool:
    own_exam = one.kind == "exam" and one.asked == str(place.lane_id)
    return own_exam or one.kind in {"task_type", "accuracy"}


def _gives(unmet: Sequence[Unmet], place: Place) -> tuple[str, ...]:
    kinds = {one.kind for one in unmet}
    exam = (exam_of(place.lane_id),) if "exam" in kinds else ()
    return (*exam, type_of(place.task_type)) if "task_type" in kinds else exam


def _answers(rule: Rule, record: Record, skill: Skill, is_whole: bool, now: datetime) -> int | None:
    """As many as are missing of the evidence, and more, if even right ones could not be enough; none is too many."""
    # In steps of five: a length that follows each answer would tell which one was gold.
    missing = rule.trial_answers if is_whole else 5 * math.ceil((rule.trial_answers - record.evidence) / 5)
    fewest = min(max(1, missing), rule.trial_answers)
    able = (n for n in range(fewest, LENGTHS_MAX * rule.trial_answers + 1) if _reaches(rule, skill, n, now))
    return next(able, None)


def _reaches(rule: Rule, skill: Skill, right: int, now: datetime) -> bool:
    """Whether so many more right answers would raise the lower bound to what the rule asks for."""
    return rule.accuracy_min is None or skill.observe(1.0, float(right), now).lower >= rule.accuracy_min


def outcome(terms: Terms, grades: Sequence[float], rule: Rule, record: Record, skill: Skill, now: datetime) -> Outcome:
    """What the answers so far have decided; `record` and `skill` hold them already.

    Of an exam the mean grade must reach `PASS_MARK`; the rule's accuracy, where it has one, must be reached too.
    """
    if not terms.gives and resolve(rule, record).access is Access.OPEN:
        return Outcome.PASSED
    left = max(0, terms.answers - len(grades))
    best_mean = (sum(grades) + left) / max(1, len(grades) + left)
    is_lost = bool(terms.gives) and best_mean < PASS_MARK - 1e-9
    if is_lost or not _reaches(rule, skill, left, now):
        return Outcome.FAILED
    return Outcome.OPEN if left else Outcome.PASSED
