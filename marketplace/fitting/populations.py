"""What is typical of the labelers, and how far they differ: of a task type everywhere, and of one project."""

import math
from collections import defaultdict
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert

from marketplace import skills
from marketplace.db import db
from marketplace.models import Lane, Project, SkillPopulation, SkillStatistic
from marketplace.skills import EVERYWHERE
from routing.skill import WEIGHTS, Population, Source, Statistic, estimate, population
from routing.skill.estimate import within_detail
from routing.skill.evidence import CONFUSION, DETAILS, is_magnitude
from routing.skill.population import STRENGTH_MAX, default
from routing.skill.profile import ACCURACY


@dataclass(frozen=True)
class Measured:
    """One labeler's statistic over all sources, and what one of its observations weighs on average."""

    statistic: Statistic = field(default_factory=Statistic)
    observation: float = 1.0

    def plus(self, other: "Measured") -> "Measured":
        one, two = self.statistic.weight, other.statistic.weight
        total = one + two
        mixed = (one * self.observation + two * other.observation) / total if total > 0 else 1.0
        return Measured(self.statistic.plus(other.statistic), mixed)


ByFacet = dict[str, dict[str, Measured]]  # facet: labeler: what was measured


def refresh(project: Project, now: datetime) -> None:
    """Estimate the populations of a project and of its task type anew, from the statistics as they are."""
    everywhere = _measured(project.task_type, EVERYWHERE, now)
    here = _measured(project.task_type, project.id, now)
    known = {facet: _population(facet, members) for facet, members in everywhere.items()}
    _store(project.task_type, EVERYWHERE, known, now)
    local = {facet: _local(facet, here, everywhere, known) for facet in here}
    _store(project.task_type, project.id, local, now)
    typical = local.get(ACCURACY) or known.get(ACCURACY)
    if typical is not None:  # what claims compare a labeler with
        db.session.execute(update(Lane).where(Lane.project_id == project.id).values(typical_accuracy=typical.mean))


def _population(facet: str, members: dict[str, Measured], **more: Any) -> Population:
    listed = list(members.values())
    observation = [one.observation for one in listed]
    return population(facet, [one.statistic for one in listed], observation=observation, **more)


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
        own, new = found[row.facet], Measured(skills.statistic(row).at(now), WEIGHTS[Source(row.source.value)])
        own[row.labeler_id] = own[row.labeler_id].plus(new) if row.labeler_id in own else new
    return found


def _local(facet: str, here: ByFacet, everywhere: ByFacet, typical_of: dict[str, Population]) -> Population:
    """A project's population, its strength by how near labelers keep to what is to be expected of them."""
    members, typical = here[facet], typical_of.get(facet, default(facet))
    if facet.startswith(DETAILS):
        return _population(facet, members, expected=_by_accuracy(facet, here, typical_of))
    expected, doubt, total = [], 0.0, 0.0
    for labeler_id, own in members.items():
        elsewhere = everywhere.get(facet, {}).get(labeler_id, Measured()).statistic.minus(own.statistic)
        known = estimate(facet, elsewhere, typical)
        expected.append(math.log(known.mean) if is_magnitude(facet) else known.mean)
        doubt += own.statistic.weight / (known.evidence + known.strength)
        total += own.statistic.weight
    found = _population(facet, members, expected=expected, prior=typical)
    # What is measured around an expectation is the expectation's own doubt, too; that is not the project's doing.
    apart = 1 / found.strength - (doubt / total if total > 0 else 0.0)
    return replace(found, strength=1 / max(apart, 1 / STRENGTH_MAX))


def _by_accuracy(facet: str, here: ByFacet, known: dict[str, Population]) -> list[float]:
    """What each labeler's accuracy makes of a class, condition or sensor."""
    whole, detail = known.get(ACCURACY, default(ACCURACY)), _population(facet, here[facet])
    accuracy = here.get(ACCURACY, {})
    own = [estimate(ACCURACY, accuracy.get(one, Measured()).statistic, whole) for one in here[facet]]
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
