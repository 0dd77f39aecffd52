"""Reserved offers: an answer that is asked again goes first to the labeler who is expected to mend most.

Without that there is a race, and whoever claims next may be anybody. After `OFFER_SECONDS` the slot is everybody's, by
the clock alone: no job has to come. At most every other claim of a labeler is an offer, so that what one customer asks
again leaves the others their shares.
"""

import sys
from datetime import datetime, timedelta
from typing import Any

import numpy as np

from marketplace import eligibility
from marketplace.clock import day_of
from marketplace.db import fetch_rows
from marketplace.ids import first_id_at
from marketplace.models import Subtask
from marketplace.notes import note
from marketplace.slots import OFFER, UNDER_CAP
from routing import matching
from routing.matching import Available
from routing.skill import Skill

OFFER_SECONDS = 90
SEEN_SECONDS = 300  # who submitted that lately, or is about to, is at work
LATEST_MAX = 500  # of the newest claims of all: those who made them are asked for
CLAIMED_WITHIN = timedelta(hours=2)

_AVAILABLE = f"""
WITH latest AS (
    SELECT DISTINCT ON (newest.labeler_id) * FROM (
        SELECT a.* FROM assignment a WHERE a.id >= %(since)s ORDER BY a.id DESC LIMIT {LATEST_MAX}
    ) newest ORDER BY newest.labeler_id, newest.id DESC
)
SELECT me.id, skill.alpha, skill.beta, skill.updated_at,
       CASE WHEN standing.day = %(today)s THEN standing.answered_today ELSE 0 END,
       project.daily_answers_max, lane.classes
FROM latest
JOIN labeler me ON me.id = latest.labeler_id
JOIN lane ON lane.id = %(lane_id)s AND NOT lane.paused
JOIN project ON project.id = lane.project_id
JOIN qualification q ON q.labeler_id = me.id AND q.task_type = lane.task_type
LEFT JOIN skill ON skill.labeler_id = me.id AND skill.task_type = lane.task_type
LEFT JOIN standing ON standing.labeler_id = me.id AND standing.lane_id = lane.id
WHERE me.state = 'active' AND {UNDER_CAP} AND {eligibility.OPEN}
  AND latest.why->>'by' IS DISTINCT FROM '{OFFER}'
  AND (latest.submitted_at > %(now)s - make_interval(secs => {SEEN_SECONDS})
       OR latest.state = 'claimed' AND latest.lease_expires_at > %(now)s
          AND latest.claimed_at + make_interval(secs => latest.expected_seconds) < %(until)s)
  AND NOT EXISTS (SELECT FROM assignment a WHERE a.subtask_id = %(subtask_id)s AND a.labeler_id = me.id)
  AND NOT EXISTS (
      SELECT FROM slot s WHERE s.reserved_for = me.id AND s.state = 'open' AND s.reserved_until > %(now)s)
"""  # noqa: S608  (our own words only)
_RESERVE = """
UPDATE slot SET reserved_for = %(me)s, reserved_until = %(until)s WHERE id = (
    SELECT s.id FROM slot s WHERE s.subtask_id = %(subtask_id)s AND s.state = 'open' AND s.reserved_until IS NULL
    ORDER BY s.id LIMIT 1 FOR UPDATE SKIP LOCKED
) RETURNING id
"""


def reserve(subtask: Subtask, now: datetime, rng: np.random.Generator | None = None) -> str | None:
    """Offer an open slot of the subtask to the best labeler at work; returns who, or none if nobody suits."""
    until = now + timedelta(seconds=OFFER_SECONDS)
    place = {"subtask_id": subtask.id, "lane_id": subtask.lane_id, "now": now, "until": until, "today": day_of(now)}
    rows = fetch_rows(_AVAILABLE, place | {"since": first_id_at(now - CLAIMED_WITHIN)})
    if not rows:
        return None
    *_, cap, classes = rows[0]
    drawn = matching.offer_to(
        [_available(row, now) for row in rows],
        max(2, classes or matching.CLASSES_OF_FREE_ANSWERS),
        subtask.confidence,
        cap or sys.maxsize,
        rng or np.random.default_rng(),
    )
    if not drawn:
        return None
    labeler_id, gain = drawn[0]
    if not fetch_rows(_RESERVE, {"me": labeler_id, "until": until, "subtask_id": subtask.id}):
        return None
    note("offered", subtask.id, labeler_id=labeler_id, gain=gain, considered=len(rows), until=until.isoformat())
    return labeler_id


def _available(row: tuple[Any, ...], now: datetime) -> Available:
    labeler_id, alpha, beta, updated_at, load, *_ = row
    skill = (Skill() if alpha is None else Skill(alpha, beta, updated_at)).at(now)
    return Available(labeler_id, skill.alpha, skill.beta, load)
