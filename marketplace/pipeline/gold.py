"""A person decides about doubted gold; what it had said of labelers is taken back, and said anew where there is truth.

Gold is paid whatever its grade, so a wrong truth has cost nobody money that was earned; what hung on the score is
mended: measured accuracy and all that is read from it, the agreement that labelers see, and trials that were failed.
"""

import logging
from datetime import datetime
from enum import StrEnum

from marketplace import decisions, gold_items, golds, trials
from marketplace.clock import utc_now
from marketplace.errors import Forbidden, InvalidInput, NotFound, WrongState
from marketplace.models import Assignment, AssignmentState, Subtask, SubtaskState, User
from marketplace.models.columns import check_move
from marketplace.models.subtask import SUBTASK_MOVES
from marketplace.notes import note
from marketplace.pipeline import resolve
from marketplace.queue import enqueue
from routing.skill import WEIGHTS, Source
from routing.task_types import TASK_TYPES
from routing.types import Answer

log = logging.getLogger(__name__)


class Ruling(StrEnum):
    STANDS = "stands"
    CORRECTED = "corrected"
    RETIRED = "retired"  # nobody can tell: it measures nobody, and is given to nobody


def decide(user: User, subtask_id: str, ruling: Ruling, *, reason: str, answer: Answer | None = None) -> None:
    """Raises NotFound, WrongState, Forbidden for who has answered it, InvalidInput that names `reason` or `answer`."""
    if not reason.strip():
        raise InvalidInput("Please say why.", "reason")
    subtask = resolve.lock_subtask(subtask_id)
    if subtask is None or not subtask.gold:
        raise NotFound("There is no gold with this id.")
    if subtask.state is not SubtaskState.IN_REVIEW:
        raise WrongState("This gold is not in doubt any more.")
    graded = golds.graded_answers(subtask.id)
    if user.labeler_id is not None and user.labeler_id in {one.labeler_id for one in graded}:
        raise Forbidden("You have answered this yourself; somebody else must decide about it.")
    now = utc_now()
    if ruling is Ruling.RETIRED:
        _retire(subtask, graded, now)
    else:
        if ruling is Ruling.CORRECTED:
            _correct(subtask, resolve.checked_answer(subtask, answer), graded, now)
        golds.confirm(subtask, now)
        enqueue(resolve.resolve_subtask, subtask.id)  # what was answered meanwhile
    decisions.record(user, f"gold.{ruling.value}", subtask.id, reason=reason.strip(), answers=len(graded))
    log.info("gold decided", extra={"subtask_id": subtask.id, "ruling": ruling.value})


def _correct(subtask: Subtask, truth: Answer, graded: list[Assignment], now: datetime) -> None:
    before, subtask.truth = subtask.truth or {}, truth
    subtask.gold_classes = gold_items.classes_of(subtask.task.type, truth)
    subtask.task.expected_answer = truth if subtask.gold_of is not None else subtask.task.expected_answer
    for one in graded:
        _learn_again(subtask, one, before, -1)
        _learn_again(subtask, one, truth, 1)
        grade = TASK_TYPES[subtask.task.type].grade(one.answer or {}, truth)
        note("gold_overturned", one.id, grade_before=one.agreement, grade=grade)
        one.agreement = grade
    _reconsider_trials(subtask, graded, now)


def _retire(subtask: Subtask, graded: list[Assignment], now: datetime) -> None:
    for one in graded:
        _learn_again(subtask, one, subtask.truth or {}, -1)
        note("gold_overturned", one.id, grade_before=one.agreement, grade=None)
        one.agreement = None
    for one in resolve.answers_in(subtask, [AssignmentState.SUBMITTED]):
        resolve.accept(one, agreement=None, now=now)
    subtask.state = check_move(SUBTASK_MOVES, subtask.state, SubtaskState.CANCELED)
    _reconsider_trials(subtask, graded, now)


def _learn_again(subtask: Subtask, one: Assignment, truth: Answer, sign: int) -> None:
    """Add or take back what her answer shows against this truth, as of the moment at which it was graded."""
    weight = sign * WEIGHTS[Source.GOLD]
    evidence = resolve.observed(one, truth, Source.GOLD, weight)
    resolve.learn(subtask, [evidence], one.closed_at or utc_now())


def _reconsider_trials(subtask: Subtask, graded: list[Assignment], now: datetime) -> None:
    for one in graded:
        trials.reconsider(one.labeler_id, subtask.lane_id, one.claimed_at, now)
