"""What keeps a labeler from work: the lanes that are closed to her, each with the requirements that she lacks."""

from dataclasses import dataclass
from typing import Any

from marketplace import eligibility, slots
from marketplace.db import db
from marketplace.slots import Wish
from routing.qualification import Access, Resolved, resolve

LANES_MAX = 20


@dataclass(frozen=True)
class Closed:
    """A lane that she may not claim from now; `access` is trial where a paid trial would show what is missing."""

    lane_id: int
    project: str
    task_type: str
    has_work: bool  # that she has not answered
    resolved: Resolved

    @property
    def text(self) -> str:
        return " ".join(one.text for one in self.resolved.unmet)


_CLOSED = f"""
SELECT lane.id AS lane_id, lane.task_type, project.name, {eligibility.FACTS}, EXISTS (
    SELECT FROM slot s WHERE s.lane_id = lane.id AND s.state = 'open' AND NOT EXISTS (
        SELECT FROM assignment a WHERE a.subtask_id = s.subtask_id AND a.labeler_id = me.id)
) AS has_work
FROM labeler me CROSS JOIN lane {eligibility.JOINS}
WHERE me.id = :me AND NOT lane.paused AND {eligibility.OPEN} IS NOT TRUE {{filters}}
ORDER BY has_work DESC, lane.id LIMIT {LANES_MAX}
"""  # noqa: S608  (our own words only)


def closed_lanes(labeler_id: str, wish: Wish) -> list[Closed]:
    """Those with work first, and of them what is nearest: a trial, then the fewest requirements."""
    rows = db.session.execute(slots.with_filters(_CLOSED, *wish.key), {"me": labeler_id, **wish.values})
    return sorted((_closed(row) for row in rows), key=_distance)


def _closed(row: Any) -> Closed:
    resolved = resolve(eligibility.rule_of(row), eligibility.record_of(row))
    return Closed(row.lane_id, row.name, row.task_type, row.has_work, resolved)


def _distance(one: Closed) -> tuple[bool, bool, int, int]:
    return not one.has_work, one.resolved.access is not Access.TRIAL, len(one.resolved.unmet), one.lane_id
