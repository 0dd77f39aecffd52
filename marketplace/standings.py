"""What a labeler has done in a lane: counted with each answer, in a row that only she writes."""

from datetime import datetime

from marketplace.clock import day_of
from marketplace.db import fetch_rows
from marketplace.models import Subtask

# Who answers the same lane in two windows at once waits for nobody but herself.
_COUNT = """
INSERT INTO standing AS own
    (labeler_id, lane_id, answered, day, answered_today, last_task_id, last_position, updated_at)
VALUES (%(me)s, %(lane_id)s, 1, %(today)s, 1, %(task_id)s, %(position)s, %(now)s)
ON CONFLICT (labeler_id, lane_id) DO UPDATE SET
    answered = own.answered + 1, day = excluded.day,
    answered_today = CASE WHEN own.day = excluded.day THEN own.answered_today + 1 ELSE 1 END,
    last_task_id = coalesce(excluded.last_task_id, own.last_task_id),
    last_position = CASE WHEN excluded.last_task_id IS NULL THEN own.last_position ELSE excluded.last_position END,
    updated_at = excluded.updated_at
RETURNING answered_today
"""


def count(labeler_id: str, subtask: Subtask, now: datetime) -> None:
    """One more answer. Gold counts against the cap, as all work does, but is no drive to go on with."""
    is_window = subtask.window_start is not None and not subtask.gold
    values = {"me": labeler_id, "lane_id": subtask.lane_id, "now": now, "today": day_of(now)}
    last = (subtask.task_id, subtask.position) if is_window else (None, None)
    fetch_rows(_COUNT, values | {"task_id": last[0], "position": last[1]})
