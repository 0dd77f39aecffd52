"""Slots, one per wanted answer: opening and canceling them, who could take which, and taking one.

The statements are SQL as it was measured: a probe of the partial index per lane, never a list of lanes; the rows that
others are about to take are skipped, not waited for; and lease, assignment and the task's start are one statement.
"""

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any, NamedTuple

import numpy as np
from sqlalchemy import TextClause, bindparam, insert, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.types import String

from marketplace import eligibility, gold_items, held
from marketplace.clock import day_of, utc_now
from marketplace.db import db, fetch_rows
from marketplace.errors import WrongState
from marketplace.held import Held
from marketplace.ids import new_id
from marketplace.models import Slot, SlotState, Subtask
from routing import leases
from routing.skill import Skill

PRIORITY_STEP = 10


# Opening, filling, canceling


def open_slots(subtask: Subtask, count: int) -> int:
    """Ask for `count` more answers; returns how many of them late answers, which were kept, have given at once."""
    rank = -PRIORITY_STEP * (subtask.task.priority // PRIORITY_STEP)
    row = {"lane_id": subtask.lane_id, "rank": rank, "subtask_id": subtask.id, "state": SlotState.OPEN, "epoch": 0}
    db.session.flush()
    db.session.execute(insert(Slot), [row] * count)
    return len(fill([subtask.id], utc_now()))


_WAITING = text("""
SELECT a.id, a.subtask_id FROM assignment a
WHERE a.subtask_id = ANY(:subtask_ids) AND a.state = 'expired' AND a.closed_at IS NULL AND a.answer IS NOT NULL
ORDER BY a.submitted_at
""").bindparams(bindparam("subtask_ids", type_=ARRAY(String)))

_FILL = text("""
WITH free AS (
    SELECT id FROM slot WHERE subtask_id = :subtask_id AND state = 'open' ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED
), given AS (
    UPDATE slot SET state = 'done', labeler_id = a.labeler_id, lease_expires_at = NULL
    FROM free, assignment a WHERE slot.id = free.id AND a.id = :assignment_id RETURNING slot.id
)
UPDATE assignment SET state = 'submitted', slot_id = given.id FROM given
WHERE assignment.id = :assignment_id AND assignment.state = 'expired' RETURNING assignment.subtask_id
""")


def fill(subtask_ids: Iterable[str], now: datetime) -> list[str]:
    """Give free slots to late answers that were kept; returns the subtask of each answer so used."""
    filled = []
    for waiting in db.session.execute(_WAITING, {"subtask_ids": list(subtask_ids)}).all():
        used = db.session.scalar(_FILL, {"subtask_id": waiting.subtask_id, "assignment_id": waiting.id})
        filled += [used] if used else []
    return filled


_CANCEL = text("""
WITH locked AS (
    SELECT s.id FROM slot s JOIN subtask t ON t.id = s.subtask_id
    WHERE t.task_id = :task_id AND s.state IN ('open', 'leased') ORDER BY s.id FOR UPDATE OF s SKIP LOCKED
)
UPDATE slot SET state = 'canceled', labeler_id = NULL, lease_expires_at = NULL FROM locked WHERE slot.id = locked.id
""")
_HELD = text("""
SELECT s.id FROM slot s JOIN subtask t ON t.id = s.subtask_id
WHERE t.task_id = :task_id AND s.state IN ('open', 'leased') LIMIT 1
""")


def cancel_slots(task_id: str) -> None:
    """Withdraw a task's open and leased slots; raises WrongState if one is being taken at this moment.

    Whoever takes the first slot waits for the task's row, which the caller holds: waiting for her would be a circle.
    """
    db.session.flush()
    db.session.execute(_CANCEL, {"task_id": task_id})
    if db.session.scalar(_HELD, {"task_id": task_id}) is not None:
        raise WrongState("This task can no longer be canceled: its work has started.")


# Looking


@dataclass(frozen=True)
class Wish:
    """What a labeler asks for: none is anything; `project` is a name or an id."""

    types: Sequence[str] | None = None
    project: str | None = None

    @property
    def key(self) -> tuple[bool, bool]:
        return self.types is not None, self.project is not None

    @property
    def values(self) -> dict[str, Any]:
        values: dict[str, Any] = {} if self.types is None else {"types": list(self.types)}
        return values if self.project is None else values | {"project": self.project}


OFFER, CONTINUITY, MATCH = "offer", "continuity", "match"


class Head(NamedTuple):
    """The slot of a lane that this labeler could be given, and how well she is known in its task type."""

    lane_id: int
    slot_id: int
    customer_id: str
    rank: int
    effort_seconds: int
    age_seconds: float
    share: float
    turnaround_seconds: int
    typical_accuracy: float | None
    classes: int | None
    confidence: float | None
    by: str  # OFFER: reserved for her; CONTINUITY: beside the window that she did last; MATCH: the first of the lane
    task_type: str
    alpha: float | None  # none where nothing is known of her
    beta: float
    updated_at: datetime
    gold_seen: int | None
    real_seen: int | None
    has_gold: bool  # gold of this lane that she has not seen

    @property
    def skill(self) -> Skill:
        return Skill() if self.alpha is None else Skill(self.alpha, self.beta, self.updated_at)


@dataclass(frozen=True)
class Look:
    """What a labeler could do next: go on with what she holds, take back what she lost by time, or take a head."""

    is_restricted: bool
    live_id: str | None
    back_id: str | None
    trial_id: str | None  # that is under way
    heads: list[Head]


# What has been offered to somebody else is not free meanwhile.
FREE = "(s.reserved_until > %(now)s AND s.reserved_for <> %(me)s) IS NOT TRUE"
# OFFSET keeps it a probe of the index for each slot: as a join it might read all that a labeler has ever done.
UNSEEN = "NOT EXISTS (SELECT FROM assignment a WHERE a.subtask_id = s.subtask_id AND a.labeler_id = %(me)s OFFSET 0)"
# Who has given the most answers of a day gets no more of this lane; `standing` is her row of it.
UNDER_CAP = "(standing.day = %(today)s AND standing.answered_today >= project.daily_answers_max) IS NOT TRUE"
# The last window that she answered, and what is open beside it; a drive is forgotten in a day.
_NEAR = f"""
    SELECT s.id, s.rank, s.subtask_id FROM subtask n JOIN slot s ON s.subtask_id = n.id
    WHERE mine.last_at > %(now)s - interval '1 day' AND n.task_id = mine.last_task_id
      AND n.position IN (mine.last_position + 1, mine.last_position - 1)
      AND s.state = 'open' AND s.rank <= first.rank AND {FREE} AND {UNSEEN}
    ORDER BY n.position DESC, s.id LIMIT 1
"""  # noqa: S608  (our own words only)
_OFFERED = f"""
    SELECT s.id, s.rank, s.subtask_id FROM slot s
    WHERE s.reserved_for = me.id AND s.state = 'open' AND s.reserved_until > %(now)s AND s.lane_id = mine.id
      AND {UNSEEN} LIMIT 1
"""  # noqa: S608

# The lanes that are hers come first, whatever the planner thinks of so few rows: each of them costs a probe.
_LOOK = f"""
WITH mine AS MATERIALIZED (
    SELECT lane.id, lane.task_type, lane.typical_accuracy, lane.classes, project.customer_id, c.share,
           3600 * project.turnaround_hours AS turnaround, skill.alpha, skill.beta, skill.updated_at,
           skill.gold_seen, skill.real_seen,
           standing.last_task_id, standing.last_position, standing.updated_at AS last_at
    FROM labeler me JOIN qualification q ON q.labeler_id = me.id
    JOIN lane ON lane.task_type = q.task_type AND NOT lane.paused
    JOIN project ON project.id = lane.project_id
    JOIN customer c ON c.id = project.customer_id
    LEFT JOIN skill ON skill.labeler_id = me.id AND skill.task_type = lane.task_type
    LEFT JOIN standing ON standing.labeler_id = me.id AND standing.lane_id = lane.id
    WHERE me.id = %(me)s AND {UNDER_CAP} AND {eligibility.OPEN} {{filters}}
)
SELECT me.state = 'restricted' AND (me.restricted_until IS NULL OR me.restricted_until > %(now)s),
       live.id, back.id, trying.id, head.*
FROM labeler me
LEFT JOIN assignment live ON live.labeler_id = me.id AND live.state = 'claimed'
LEFT JOIN LATERAL (
    SELECT a.id FROM assignment a JOIN subtask t ON t.id = a.subtask_id JOIN lane ON lane.id = t.lane_id
    WHERE a.labeler_id = me.id AND a.state = 'expired' AND a.closed_at IS NULL
      AND a.answer IS NULL AND t.state = 'open' {{filters}}
      AND (t.gold OR EXISTS (SELECT FROM slot s WHERE s.subtask_id = t.id AND s.state = 'open' AND {FREE}))
    ORDER BY a.draft_saved_at DESC NULLS LAST, a.id LIMIT 1
) back ON true
LEFT JOIN LATERAL (
    SELECT trial.id FROM trial JOIN lane ON lane.id = trial.lane_id
    WHERE trial.labeler_id = me.id AND trial.state = 'open' {{filters}}
) trying ON true
LEFT JOIN LATERAL (
    SELECT mine.id, coalesce(hers.id, near.id, first.id), mine.customer_id,
           coalesce(hers.rank, near.rank, first.rank), coalesce(t.focus_effort_seconds, t.effort_seconds),
           extract(epoch FROM %(now)s - t.created_at)::float8,
           mine.share, mine.turnaround, mine.typical_accuracy, mine.classes, t.confidence,
           CASE WHEN hers.id > 0 THEN 'offer' WHEN near.id > 0 THEN 'continuity' ELSE 'match' END,
           mine.task_type, mine.alpha, mine.beta, mine.updated_at, mine.gold_seen, mine.real_seen,
           EXISTS (
               SELECT FROM subtask g WHERE g.gold AND g.lane_id = mine.id AND g.state = 'open' AND NOT EXISTS (
                   SELECT FROM assignment a WHERE a.subtask_id IN (g.id, g.gold_of) AND a.labeler_id = me.id OFFSET 0)
           )
    FROM mine, LATERAL (
        SELECT s.id, s.rank, s.subtask_id FROM slot s
        WHERE s.lane_id = mine.id AND s.state = 'open' AND {FREE} AND {UNSEEN}
        ORDER BY s.rank, s.id LIMIT 1
    ) first
    LEFT JOIN LATERAL ({_NEAR}) near ON true
    LEFT JOIN LATERAL ({_OFFERED}) hers ON true
    JOIN subtask t ON t.id = coalesce(hers.subtask_id, near.subtask_id, first.subtask_id)
    WHERE live.id IS NULL
) head ON true
WHERE me.id = %(me)s
"""  # noqa: S608
FILTERS = {
    "types": "AND lane.task_type = ANY(:types)",
    "project": "AND lane.project_id IN (SELECT id FROM project WHERE id = :project OR name = :project)",
}


@cache
def _look(has_types: bool, has_project: bool) -> str:
    """The statement for a wish, for the driver; only the texts above are put in, never a value.

    In one line: the driver reads a statement of more than 4096 characters anew each time.
    """
    return " ".join(_LOOK.format(filters=_NAMED.sub(r"%(\1)s", _filters(has_types, has_project))).split())


_NAMED, _PLACED = re.compile(r"(?<!:):(\w+)"), re.compile(r"%\((\w+)\)s")  # as the session and the driver write a value


def for_session(statement: str) -> str:
    return _PLACED.sub(r":\1", statement)


def _filters(has_types: bool, has_project: bool) -> str:
    return " ".join((FILTERS["types"] if has_types else "", FILTERS["project"] if has_project else ""))


def with_filters(statement: str, has_types: bool, has_project: bool) -> TextClause:
    """The statement for a wish, for the session."""
    clause = text(for_session(statement.format(filters=_filters(has_types, has_project))))
    return clause.bindparams(bindparam("types", type_=ARRAY(String))) if has_types else clause


def look(labeler_id: str, wish: Wish, now: datetime) -> Look:
    rows = fetch_rows(_look(*wish.key), {"me": labeler_id, "now": now, "today": day_of(now), **wish.values})
    is_restricted, live_id, back_id, trial_id, lane_id, *_ = rows[0]
    heads = [] if lane_id is None else [Head(*row[4:]) for row in rows]
    return Look(is_restricted, live_id, back_id, trial_id, heads)


# Taking

# `leases.expires_at` in SQL, since the effort of the slot is known only once it is locked.
_EXPIRES = """
    %(now)s + make_interval(secs => greatest(%(lease_min)s, least(%(lease_max)s, %(lease_factor)s * t.effort_seconds)))
"""
_LEASE = {
    "lease_min": leases.LEASE_SECONDS_MIN,
    "lease_max": leases.LEASE_SECONDS_MAX,
    "lease_factor": leases.EFFORT_FACTOR,
}
# Not a join with `picked` or `made`, of which the planner knows nothing: at 300,000 subtasks it took to merge joins,
# which read the index of all subtasks for one row.
_PICKED = "(SELECT subtask_id FROM picked)"
_INSERT = f"""
    INSERT INTO assignment (id, subtask_id, slot_id, labeler_id, epoch, state, claimed_at, lease_expires_at,
                            active_seconds, pay_cents, expected_seconds, focus, why)
    SELECT %(id)s, t.id, picked.slot_id, %(me)s, picked.epoch + 1, 'claimed', %(now)s, {_EXPIRES}, 0,
           coalesce(t.focus_pay_cents, t.pay_cents), coalesce(t.focus_effort_seconds, t.effort_seconds), t.focus,
           %(why)s::jsonb
    FROM picked JOIN subtask t ON t.id = {_PICKED}
    ON CONFLICT DO NOTHING RETURNING *
"""  # noqa: S608  (our own words only)
# One row if something was picked; its columns are null if the same labeler has claimed in another window meanwhile.
_MADE = f"""
SELECT {held.COLUMNS} FROM picked LEFT JOIN (made a CROSS JOIN ({held.PIECE})) ON t.id = {_PICKED}
"""  # noqa: S608
# Asked again at the moment of the taking, once: it does not depend on the slot.
_IS_OPEN = f"""
    SELECT {eligibility.OPEN} AND NOT lane.paused FROM labeler me JOIN lane ON lane.id = %(lane_id)s {eligibility.JOINS}
    WHERE me.id = %(me)s
"""  # noqa: S608
_TAKE = f"""
WITH picked AS MATERIALIZED (
    SELECT s.id AS slot_id, s.subtask_id, s.epoch FROM slot s
    WHERE {{which}} AND s.state = 'open' AND {FREE} AND {UNSEEN} AND ({_IS_OPEN})
    ORDER BY s.rank, s.id LIMIT 1 FOR UPDATE OF s SKIP LOCKED
), made AS ({_INSERT}), leased AS (
    UPDATE slot SET state = 'leased', epoch = made.epoch, labeler_id = %(me)s, lease_expires_at = made.lease_expires_at,
                    reserved_for = NULL, reserved_until = NULL
    FROM made WHERE slot.id = (SELECT slot_id FROM picked)
), started AS (
    UPDATE task SET work_started = true, updated_at = %(now)s FROM made JOIN subtask t ON t.id = {_PICKED}
    WHERE task.id = t.task_id AND NOT task.work_started
)
{_MADE}
"""  # noqa: S608
_TAKE_FIRST = _TAKE.format(which="s.lane_id = %(lane_id)s")
_TAKE_THIS = _TAKE.format(which="s.id = %(slot_id)s AND s.lane_id = %(lane_id)s")
_TAKE_GOLD = f"""
WITH picked AS MATERIALIZED (
    SELECT NULL::bigint AS slot_id, g.id AS subtask_id, 0 AS epoch FROM subtask g
    WHERE g.id = %(subtask_id)s AND g.gold AND g.lane_id = %(lane_id)s AND g.state = 'open' AND NOT EXISTS (
        SELECT FROM assignment a WHERE a.subtask_id IN (g.id, g.gold_of) AND a.labeler_id = %(me)s)
), made AS ({_INSERT})
{_MADE}
"""  # noqa: S608


class Collided(Exception):
    """In another window the same labeler has claimed at this moment."""


def take_head(
    labeler_id: str, lane_id: int, now: datetime, *, slot_id: int | None = None, why: dict[str, Any] | None = None
) -> Held | None:
    """Lease this slot of a lane or, where none is named, the first that nobody else is about to take."""
    statement = _TAKE_FIRST if slot_id is None else _TAKE_THIS
    return _take(statement, labeler_id, lane_id, now, slot_id=slot_id, why=why)


def take_gold(labeler_id: str, lane_id: int, now: datetime, rng: np.random.Generator | None = None) -> Held | None:
    """Hold a gold subtask of the lane that she has not seen, if there is one: the one that tells most of her."""
    chosen = gold_items.choose(labeler_id, lane_id, now, rng or np.random.default_rng())
    if chosen is None:
        return None
    return _take(_TAKE_GOLD, labeler_id, lane_id, now, subtask_id=chosen, why={"by": "gold"})


def _take(
    statement: str, labeler_id: str, lane_id: int, now: datetime, *, why: dict[str, Any] | None, **place: Any
) -> Held | None:
    """Raises Collided."""
    reason = None if why is None else json.dumps(why)
    values = {"id": new_id(), "me": labeler_id, "lane_id": lane_id, "now": now, "why": reason, **place, **_LEASE}
    rows = fetch_rows(statement, values)
    if not rows:
        return None
    taken = held.from_row(rows[0])
    if taken.id is None:
        raise Collided
    return taken
