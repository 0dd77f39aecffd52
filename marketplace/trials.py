"""Exams and paid trials: offering, beginning, giving gold, deciding. The rules are `routing.trials`'s.

What a trial has brought is read from the assignments: gold of its lane that was claimed since it began. A restriction,
a block or a changed rule ends a trial, but takes neither the answer in hand nor what is earned.
"""

import logging
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import bindparam, func, select, text
from sqlalchemy.dialects.postgresql import ARRAY, insert
from sqlalchemy.types import BigInteger

from marketplace import decisions, eligibility, people, slots
from marketplace.db import db
from marketplace.errors import Conflict, NotFound
from marketplace.held import Held
from marketplace.models import (
    Assignment,
    AssignmentState,
    AuditEvent,
    Labeler,
    Lane,
    Project,
    Qualification,
    Subtask,
    Trial,
    TrialState,
)
from marketplace.reports.labelers import DECLINE, REVOKE, is_restricted
from routing import trials as rules
from routing.skill import Skill
from routing.trials import Outcome, Place, Refusal, Terms, Tried

log = logging.getLogger(__name__)

NEWS_FOR = timedelta(days=3)
GIVEN = (AssignmentState.CLAIMED, AssignmentState.SUBMITTED, AssignmentState.ACCEPTED)


@dataclass(frozen=True)
class Chance:
    """A lane's trial as it is offered to a labeler: its terms with effort and pay, or why it cannot be begun."""

    terms: Terms | None
    refusal: Refusal | None = None
    effort_seconds: int = 0
    pay_cents: int = 0


# Offering

_FACTS = text(f"""
SELECT lane.id AS lane_id, lane.task_type, lane.paused, {eligibility.FACTS}
FROM labeler me CROSS JOIN lane {eligibility.JOINS} WHERE me.id = :me AND lane.id = ANY(:lanes) ORDER BY lane.id
""").bindparams(bindparam("lanes", type_=ARRAY(BigInteger)))  # noqa: S608  (our own words only)
_GOLD = text("""
SELECT g.lane_id, count(*) AS gold, avg(g.pay_cents) AS pay_cents, avg(g.effort_seconds) AS effort_seconds
FROM subtask g WHERE g.gold AND g.lane_id = ANY(:lanes) AND g.state = 'open' AND NOT EXISTS (
    SELECT FROM assignment a WHERE a.subtask_id IN (g.id, g.gold_of) AND a.labeler_id = :me)
GROUP BY g.lane_id
""").bindparams(bindparam("lanes", type_=ARRAY(BigInteger)))


def chances(labeler_id: str, lane_ids: Iterable[int], now: datetime) -> dict[int, Chance]:
    """By lane: the trial that this labeler could begin there, or why not."""
    lanes = list(lane_ids)
    values = {"me": labeler_id, "lanes": lanes}
    gold: dict[int, Any] = {row.lane_id: row for row in db.session.execute(_GOLD, values)}
    tried, refused = _tried(labeler_id, lanes), _refused_types(labeler_id)
    found = {}
    for row in db.session.execute(_FACTS, values):
        left = gold.get(row.lane_id)
        answer = _may_begin(row, left.gold if left else 0, tried.get(row.lane_id, Tried()), refused, now)
        if isinstance(answer, Refusal):
            found[row.lane_id] = Chance(None, answer)
        else:
            assert left is not None, "a trial takes gold"
            effort, pay = (answer.answers * float(each) for each in (left.effort_seconds, left.pay_cents))
            found[row.lane_id] = Chance(answer, None, round(effort), round(pay))
    return found


def _may_begin(row: Any, gold_left: int, tried: Tried, refused: set[str], now: datetime) -> Terms | Refusal:
    if not row.may_do_type and row.task_type in refused:
        return Refusal("task_type", "An operator has decided on this; ask for the qualification again.")
    if row.paused:
        return Refusal("paused", "This work is paused now.")
    skill = Skill() if row.alpha is None else Skill(row.alpha, row.beta, row.updated_at)
    place = Place(row.lane_id, row.task_type, gold_left)
    return rules.may_begin(eligibility.rule_of(row), eligibility.record_of(row), skill, place, tried, now)


def _tried(labeler_id: str, lane_ids: list[int]) -> dict[int, Tried]:
    rows = db.session.execute(
        select(Trial.lane_id, func.count(), func.max(Trial.retry_at))
        .where(Trial.labeler_id == labeler_id, Trial.lane_id.in_(lane_ids), Trial.state != TrialState.OPEN)
        .where(Trial.graded > 0)
        .group_by(Trial.lane_id)
    )
    return {lane_id: Tried(count, retry_at) for lane_id, count, retry_at in rows}


def _refused_types(labeler_id: str) -> set[str]:
    """Task types whose right an operator has taken or refused: an exam does not overrule that."""
    kind = AuditEvent.details["task_type"].astext
    rows = db.session.scalars(
        select(kind).where(AuditEvent.subject_id == labeler_id, AuditEvent.action.in_([DECLINE, REVOKE]))
    )
    return set(rows)


# Beginning and stopping


def begin(labeler: Labeler, lane_id: int, now: datetime) -> Trial:
    """Begin a trial; raises NotFound, and Conflict with the reason why she cannot."""
    db.session.refresh(labeler, with_for_update={"key_share": True})  # one at a time, whatever the number of windows
    if is_restricted(labeler, now):
        raise Conflict("Your account is restricted; there is nothing new to begin.")
    if open_trial(labeler.id) is not None:
        raise Conflict("You are in a trial already; finish or stop it first.")
    chance = chances(labeler.id, [lane_id], now).get(lane_id)
    if chance is None:
        raise NotFound("There is no such work.")
    if chance.terms is None:
        assert chance.refusal is not None, "who may not begin is told why"
        raise Conflict(chance.refusal.text)
    terms = chance.terms
    trial = Trial(
        labeler_id=labeler.id, lane_id=lane_id, answers=terms.answers, gives=list(terms.gives), started_at=now
    )
    db.session.add(trial)
    db.session.flush()
    return trial


def stop(labeler: Labeler, now: datetime) -> None:
    """Give up the trial under way, if there is one; once something is graded it counts as an attempt."""
    trial = open_trial(labeler.id, lock=True)
    if trial is not None:
        _close(trial, TrialState.STOPPED, now)


def open_trial(labeler_id: str, *, lock: bool = False) -> Trial | None:
    wanted = select(Trial).where(Trial.labeler_id == labeler_id, Trial.state == TrialState.OPEN)
    if lock:
        wanted = wanted.with_for_update().execution_options(populate_existing=True)
    return db.session.scalar(wanted)


# Giving gold


def take(labeler_id: str, trial_id: str, now: datetime) -> Held | None:
    """The next gold of her trial; none if all is given, or if it has ended, for whatever reason."""
    trial = _lock(trial_id)
    if trial is None:
        return None
    lane = db.session.get_one(Lane, trial.lane_id)
    if lane.paused:
        return None
    ended = _ended(trial, now)
    if ended is not None:
        _close(trial, ended, now)
        return None
    if len(_grades(trial, GIVEN)) >= trial.answers:
        return None
    taken = slots.take_gold(labeler_id, trial.lane_id, now)
    if taken is None and not _grades(trial, GIVEN[:2]):
        _close(trial, TrialState.STOPPED, now)
    return taken


def _lock(trial_id: str) -> Trial | None:
    wanted = select(Trial).where(Trial.id == trial_id, Trial.state == TrialState.OPEN)
    return db.session.scalar(wanted.with_for_update().execution_options(populate_existing=True))


def _ended(trial: Trial, now: datetime) -> TrialState | None:
    """How the trial is over, if it cannot show what she lacks any more: a rule has changed, or a block came."""
    row = _facts(trial)
    skill = Skill()  # whether the outcome is certain already is another question, and not asked here
    place = Place(trial.lane_id, row.task_type, rules.LENGTHS_MAX * (trial.answers + row.trial_answers))
    answer = rules.may_begin(eligibility.rule_of(row), eligibility.record_of(row), skill, place, Tried(), now)
    if isinstance(answer, Terms) or answer.code == "accuracy":
        return None
    return TrialState.PASSED if answer.code == "open" else TrialState.STOPPED


def _facts(trial: Trial) -> Any:
    return db.session.execute(_FACTS, {"me": trial.labeler_id, "lanes": [trial.lane_id]}).one()


def _grades(trial: Trial, states: Iterable[AssignmentState]) -> list[float | None]:
    """The grades of the trial's answers, null where there is none yet."""
    return list(
        db.session.scalars(
            select(Assignment.agreement)
            .join(Subtask, Subtask.id == Assignment.subtask_id)
            .where(
                Assignment.labeler_id == trial.labeler_id,
                Assignment.claimed_at >= trial.started_at,
                Assignment.state.in_(list(states)),
                Subtask.lane_id == trial.lane_id,
                Subtask.gold,
            )
            .order_by(Assignment.id)
        )
    )


# Deciding


def settle(labeler_id: str, lane_id: int, now: datetime) -> None:
    """Decide her trial at this lane, if one is under way and what is graded is enough; gold has just been graded."""
    db.session.flush()
    trial = open_trial(labeler_id, lock=True)
    if trial is None or trial.lane_id != lane_id:
        return
    grades = [grade for grade in _grades(trial, [AssignmentState.ACCEPTED]) if grade is not None]
    trial.graded, trial.grade = len(grades), sum(grades) / len(grades) if grades else None
    row = _facts(trial)
    skill = Skill(row.alpha, row.beta, row.updated_at)
    terms = Terms(trial.answers, tuple(trial.gives))
    decided = rules.outcome(terms, grades, eligibility.rule_of(row), eligibility.record_of(row), skill, now)
    if decided is Outcome.PASSED:
        _give(trial)
    if decided is not Outcome.OPEN:
        _close(trial, TrialState(decided.value), now)


def reconsider(labeler_id: str, lane_id: int, graded_at: datetime, now: datetime) -> None:
    """Gold of a failed trial was found wrong: decide it anew from the grades as they are now.

    A trial that was passed stays so: what was given in good faith is not taken back.
    """
    db.session.flush()
    failed = select(Trial).where(
        Trial.labeler_id == labeler_id,
        Trial.lane_id == lane_id,
        Trial.state == TrialState.FAILED,
        Trial.started_at <= graded_at,
        Trial.closed_at >= graded_at,
    )
    trial = db.session.scalar(failed.with_for_update().execution_options(populate_existing=True))
    if trial is None:
        return
    if open_trial(labeler_id) is not None:  # she is trying again already: that one decides
        trial.retry_at = None
        return
    trial.state, trial.closed_at, trial.retry_at = TrialState.OPEN, None, None
    settle(labeler_id, lane_id, now)


def _give(trial: Trial) -> None:
    for word in trial.gives:
        kind, _, name = word.partition(":")
        if kind == "type":
            row = {"labeler_id": trial.labeler_id, "task_type": name}
            db.session.execute(insert(Qualification).values(row).on_conflict_do_nothing())
        else:
            people.add_credential(trial.labeler_id, word)


def _close(trial: Trial, state: TrialState, now: datetime) -> None:
    trial.state, trial.closed_at = state, now
    if state is not TrialState.PASSED and trial.graded:
        trial.retry_at = now + rules.RETRY_AFTER
    numbers = {"lane_id": trial.lane_id, "graded": trial.graded, "grade": trial.grade, "gives": list(trial.gives)}
    decisions.record(None, f"trial.{state.value}", trial.labeler_id, **numbers)
    db.session.flush()
    log.info("trial closed", extra={"labeler_id": trial.labeler_id, "lane_id": trial.lane_id, "state": state.value})


# Telling


@dataclass(frozen=True)
class Progress:
    """A trial with where it belongs and how many of its answers are given."""

    trial: Trial
    project: str
    task_type: str
    given: int

    def is_news(self, now: datetime) -> bool:
        """Whether how it ended should be told on the work page: while it is fresh, or until she may try again."""
        trial = self.trial
        if trial.closed_at is None or not trial.graded:
            return False
        return now < (trial.retry_at or trial.closed_at + NEWS_FOR)


def recent(labeler_id: str, limit: int = 5) -> list[Progress]:
    """Her trials, the newest first."""
    rows = db.session.execute(
        select(Trial, Project.name, Lane.task_type)
        .join(Lane, Lane.id == Trial.lane_id)
        .join(Project, Project.id == Lane.project_id)
        .where(Trial.labeler_id == labeler_id)
        .order_by(Trial.id.desc())
        .limit(limit)
    )
    return [Progress(trial, project, kind, len(_grades(trial, GIVEN[1:]))) for trial, project, kind in rows]
