"""Which gold subtask a labeler is given: of some that she has not seen, the one whose answer tells most of her."""

import secrets
from collections.abc import Sequence
from datetime import datetime

import numpy as np

from marketplace.db import fetch_rows
from routing import gold
from routing.gold import GoldItem
from routing.skill import PRIOR_ALPHA, PRIOR_BETA, Statistic
from routing.task_types import TASK_TYPES
from routing.types import Answer

CLASS = "class:"  # as `Observation` names the facets of single classes
ITEMS_MAX = 50
ANSWERS_COUNTED_MAX = 100

# A run of the index, in the order of hashes, from a point that is another each time: bounded, whatever a lane has.
_SOME = """
    SELECT g.id, g.gold_classes FROM subtask g
    WHERE g.gold AND g.lane_id = %(lane_id)s AND g.state = 'open' AND {where} AND NOT EXISTS (
        SELECT FROM assignment a WHERE a.subtask_id IN (g.id, g.gold_of) AND a.labeler_id = %(me)s)
    ORDER BY md5(g.id) LIMIT %(most)s
"""
_ITEMS = f"""
SELECT item.id, item.gold_classes, (
    SELECT count(*) FROM (SELECT FROM assignment a WHERE a.subtask_id = item.id LIMIT {ANSWERS_COUNTED_MAX}) counted
) FROM (
    ({_SOME.format(where="md5(g.id) >= %(from)s")}) UNION ALL ({_SOME.format(where="md5(g.id) < %(from)s")})
    LIMIT %(most)s
) item
"""  # noqa: S608  (our own words only)
_SEEN = """
SELECT st.facet, st.weight, st.total, st.squares, st.updated_at
FROM lane JOIN skill_statistic st ON st.task_type = lane.task_type AND st.scope = lane.project_id
WHERE lane.id = %(lane_id)s AND st.labeler_id = %(me)s AND st.facet = ANY(%(facets)s)
"""
_SHARES = """
SELECT fit.classes->'names', fit.classes->'frequency'
FROM lane JOIN project_fit fit ON fit.project_id = lane.project_id
WHERE lane.id = %(lane_id)s AND fit.classes IS NOT NULL
"""


def classes_of(task_type: str, truth: Answer) -> list[str]:
    """The classes in a gold's truth: what an answer to it can tell about."""
    facets = {one.facet for one in TASK_TYPES[task_type].observations(truth, truth)}
    return sorted(facet.removeprefix(CLASS) for facet in facets if facet.startswith(CLASS))


def choose(labeler_id: str, lane_id: int, now: datetime, rng: np.random.Generator) -> str | None:
    """The id of a gold subtask of the lane that she has not seen; none if there is none."""
    place = {"me": labeler_id, "lane_id": lane_id}
    rows = fetch_rows(_ITEMS, place | {"from": secrets.token_hex(16), "most": ITEMS_MAX})
    items = [GoldItem(subtask_id, classes or (), answered) for subtask_id, classes, answered in rows]
    if len(items) < 2:
        return items[0].subtask_id if items else None
    names = sorted({name for item in items for name in item.classes})
    posteriors = {"": (PRIOR_ALPHA, PRIOR_BETA)} | _posteriors(labeler_id, lane_id, names, now)
    return gold.choose(items, posteriors, _shares(lane_id), rng).subtask_id


def _posteriors(labeler_id: str, lane_id: int, names: Sequence[str], now: datetime) -> dict[str, tuple[float, float]]:
    """The Beta posterior of her accuracy by class, of those that were seen."""
    facets = [CLASS + name for name in names]
    rows = fetch_rows(_SEEN, {"me": labeler_id, "lane_id": lane_id, "facets": facets}) if names else []
    sums: dict[str, Statistic] = {}
    for facet, weight, total, squares, updated_at in rows:
        seen = Statistic(max(0.0, weight), max(0.0, total), max(0.0, squares), updated_at).at(now)
        name = facet.removeprefix(CLASS)
        sums[name] = sums.get(name, Statistic()).plus(seen)
    return {
        name: (PRIOR_ALPHA + one.total, PRIOR_BETA + max(0.0, one.weight - one.total)) for name, one in sums.items()
    }


def _shares(lane_id: int) -> dict[str, float]:
    """How common each class is in the lane's work, as its last refit has found."""
    rows = fetch_rows(_SHARES, {"lane_id": lane_id})
    return dict(zip(*rows[0], strict=False)) if rows else {}
