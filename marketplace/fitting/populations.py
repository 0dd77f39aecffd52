"""What is typical of the labelers, and how far they differ: of a task type everywhere, and of one project."""

import math
from collections import defaultdict
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert

from marketplace import skills
from marketplace.db import db
from marketplace.models import Project, SkillPopulation, SkillStatistic
from marketplace.skills import EVERYWHERE
from routing.skill import Population, Statistic, estimate, population
from routing.skill.estimate import within_detail
from routing.skill.evidence import CONFUSION, DETAILS, is_magnitude
from routing.skill.population import default
from routing.skill.profile import ACCURACY

ByFacet = dict[str, dict[str, Statistic]]  # facet: labeler: what was measured


def refresh(project: Project, now: datetime) -> None:
    """Estimate the populations of a project and of its task type anew, from the statistics as they are."""
    everywhere = _measured(project.task_type, EVERYWHERE, now)
    here = _measured(project.task_type, project.id, now)
    known = {facet: population(facet, list(members.values())) for facet, members in everywhere.items()}
    _store(project.task_type, EVERYWHERE, known, now)
    local = {}
    for facet in sorted(here, key=lambda name: name.startswith(DETAILS)):
        local[facet] = _local(facet, here, everywhere, known)
    _store(project.task_type, project.id, local, now)


def _measured(task_type: str, scope: str, now: datetime) -> ByFacet:
    """All labelers' statistics of a scope, but for confusions, summed over sources."""
    rows = db.session.scalars(
        select(SkillStatistic)
        .where(
            SkillStatistic.task_type == task_type,
            SkillStatistic.scope == scope,
            ~SkillStatistic.facet.startswith(CONFUSION, autoescape=True),
        )
        .execution_options(yield_per=10_000)
    )
    found: ByFacet = defaultdict(dict)
    for row in rows:
        own = found[row.facet]
        own[row.labeler_id] = own.get(row.labeler_id, Statistic()).plus(skills.statistic(row).at(now))
    return found


def _local(facet: str, here: ByFacet, everywhere: ByFacet, known: dict[str, Population]) -> Population:
    """A project's population, its strength by how near labelers keep to what is to be expected of them."""
    members, typical = here[facet], known.get(facet, default(facet))
    if facet.startswith(DETAILS):
        return population(facet, list(members.values()), expected=_by_accuracy(facet, here, known))
    expected = []
    for labeler_id, own in members.items():
        elsewhere = everywhere.get(facet, {}).get(labeler_id, Statistic()).minus(own)
        mean = estimate(facet, elsewhere, typical).mean
        expected.append(math.log(mean) if is_magnitude(facet) else mean)
    return population(facet, list(members.values()), expected=expected, prior=typical)


def _by_accuracy(facet: str, here: ByFacet, known: dict[str, Population]) -> list[float]:
    """What each labeler's accuracy makes of a class, condition or sensor."""
    whole, detail = known.get(ACCURACY, default(ACCURACY)), population(facet, list(here[facet].values()))
    own = [estimate(ACCURACY, here[ACCURACY].get(one, Statistic()), whole) for one in here[facet]]
    return [within_detail(one, whole, detail).mean for one in own]


def _store(task_type: str, scope: str, found: dict[str, Population], now: datetime) -> None:
    if not found:
        return
    rows: list[dict[str, Any]] = [
        {
            "task_type": task_type,
            "scope": scope,
            "facet": facet,
            "mean": one.mean,
            "strength": one.strength,
            "dispersion": one.dispersion,
            "labelers": one.labelers,
            "weight": one.weight,
            "updated_at": now,
        }
        for facet, one in sorted(found.items())
    ]
    upsert = insert(SkillPopulation)
    columns = ("mean", "strength", "dispersion", "labelers", "weight", "updated_at")
    db.session.execute(
        upsert.on_conflict_do_update(
            index_elements=["task_type", "scope", "facet"], set_={name: upsert.excluded[name] for name in columns}
        ),
        rows,
    )
