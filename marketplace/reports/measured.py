"""Measured accuracy in full: every facet of a labeler in one task type, with its interval and what it rests on.

It is made as a document, since a step (`accuracy_steps.py`) keeps it; `read` gives it back as the pages use it.
The number over all is the one that claims read. Classes, conditions and sensors are told where there is enough evidence
for them to be hers (`Estimate.is_measured`), and a table of confusions where classes are few.
"""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import select

from marketplace import skills
from marketplace.db import db
from marketplace.explain import measures
from marketplace.models import Project, ProjectFit, SkillPopulation, SkillRecord, SkillStatistic
from marketplace.reports.accuracy import INTERVAL_PROBABILITY
from marketplace.skills import EVERYWHERE
from routing.skill import PRIOR_ALPHA, PRIOR_BETA, Estimate, Population, Profile, Skill, Statistic, counts
from routing.skill.evidence import CONFUSION
from routing.skill.profile import ACCURACY

CLASSES_SHOWN_MAX = 8
ROW_MIN = 3.0  # a truth with less evidence has no row: two answers are no habit
PROJECTS_MAX = 20

ByFacet = dict[str, Statistic]


@dataclass(frozen=True)
class Line:
    """One facet: the estimate and, by source, the evidence behind it in full answers."""

    facet: str
    estimate: Estimate
    sources: Mapping[str, float] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return measures.name(self.facet)

    @property
    def value(self) -> str:
        return measures.value(self.facet, self.estimate.mean)

    @property
    def interval(self) -> str:
        return measures.interval(self.facet, self.estimate)

    @property
    def sentence(self) -> str:
        """Said of her only where it is hers."""
        if not self.estimate.is_measured:
            return "too little evidence yet; what is usual counts for the rest"
        return measures.sentence(self.facet, self.estimate.mean)

    @property
    def evidence(self) -> float:
        return sum(self.sources.values())


@dataclass(frozen=True)
class Confusion:
    """Shares of what was given, by truth; `rows` are (truth, evidence, shares in the order of `given`)."""

    given: list[str]
    rows: list[tuple[str, float, list[float]]]


@dataclass(frozen=True)
class InProject:
    name: str
    details: list[Line]
    confusion: Confusion | None


@dataclass(frozen=True)
class Measured:
    task_type: str
    gold_seen: int
    lines: list[Line]
    details: list[Line]  # conditions and sensors
    projects: list[InProject]

    @property
    def accuracy(self) -> Line:
        return next(line for line in self.lines if line.facet == ACCURACY)

    @property
    def summary(self) -> str:
        """The geometry in one sentence, as far as it is hers."""
        said = [one.sentence for one in self.lines if one.facet != ACCURACY and one.estimate.is_measured]
        return f"{'; '.join(said)[:1].upper()}{'; '.join(said)[1:]}." if said else ""


# From the tables


def document(labeler_id: str, task_type: str, now: datetime) -> dict[str, Any] | None:
    """All that is measured of a labeler in a task type; none where nothing is."""
    record = db.session.scalar(select(SkillRecord).filter_by(labeler_id=labeler_id, task_type=task_type))
    if record is None or record.alpha + record.beta <= PRIOR_ALPHA + PRIOR_BETA:
        return None
    by_scope, sources = _statistics(labeler_id, task_type, now)
    populations = _populations(task_type, list(by_scope))
    overall = by_scope.get(EVERYWHERE, {})
    whole = Profile(labeler_id, overall, overall, populations.get(EVERYWHERE, {}), populations.get(EVERYWHERE, {}))

    def line(profile: Profile, scope: str, facet: str) -> dict[str, Any]:
        return {"facet": facet, "estimate": asdict(profile[facet]), "sources": sources[scope, facet]}

    accuracy = {
        "facet": ACCURACY,
        "estimate": asdict(_accuracy(record, now)),
        "sources": sources[EVERYWHERE, ACCURACY],
    }
    facets = sorted((one for one in whole.facets() if one != ACCURACY), key=measures.place)
    return {
        "task_type": task_type,
        "gold_seen": record.gold_seen,
        "lines": [accuracy, *(line(whole, EVERYWHERE, one) for one in facets)],
        "details": [line(whole, EVERYWHERE, one) for one in whole.details() if not one.startswith("class:")],
        "projects": [
            {
                "name": project.name,
                "details": [line(known, project.id, one) for one in known.details() if one.startswith("class:")],
                "confusion": _confusion(project, known.local),
            }
            for project in _projects(by_scope)
            for known in [_in_project(labeler_id, project.id, by_scope, populations)]
        ],
    }


def _accuracy(record: SkillRecord, now: datetime) -> Estimate:
    skill = Skill(record.alpha, record.beta, record.updated_at).at(now)
    low, high = skill.interval(INTERVAL_PROBABILITY)
    return Estimate(skill.mean, low, high, skill.evidence, PRIOR_ALPHA + PRIOR_BETA)


def _statistics(
    labeler_id: str, task_type: str, now: datetime
) -> tuple[dict[str, ByFacet], dict[tuple[str, str], dict[str, float]]]:
    """By scope and facet: the statistics summed over their sources, and what each source weighs."""
    sums: dict[str, ByFacet] = defaultdict(dict)
    sources: dict[tuple[str, str], dict[str, float]] = defaultdict(dict)
    for row in db.session.scalars(select(SkillStatistic).filter_by(labeler_id=labeler_id, task_type=task_type)):
        found = skills.statistic(row).at(now)
        facets = sums[row.scope]
        facets[row.facet] = facets.get(row.facet, Statistic()).plus(found)
        sources[row.scope, row.facet][row.source.value] = round(found.weight, 4)
    return sums, sources


def _populations(task_type: str, scopes: list[str]) -> dict[str, dict[str, Population]]:
    found: dict[str, dict[str, Population]] = defaultdict(dict)
    wanted = select(SkillPopulation).where(SkillPopulation.task_type == task_type, SkillPopulation.scope.in_(scopes))
    for row in db.session.scalars(wanted):
        found[row.scope][row.facet] = Population(row.mean, row.strength, row.dispersion, row.labelers, row.weight)
    return found


def _projects(by_scope: Mapping[str, ByFacet]) -> list[Project]:
    """Those with classes of their own, the newest first."""
    ids = [scope for scope, facets in by_scope.items() if any(one.startswith((CONFUSION, "class:")) for one in facets)]
    wanted = select(Project).where(Project.id.in_(ids)).order_by(Project.id.desc()).limit(PROJECTS_MAX)
    return list(db.session.scalars(wanted))


def _in_project(
    labeler_id: str,
    project_id: str,
    by_scope: Mapping[str, ByFacet],
    populations: Mapping[str, dict[str, Population]],
) -> Profile:
    return Profile(
        labeler_id,
        by_scope.get(EVERYWHERE, {}),
        by_scope[project_id],
        populations.get(EVERYWHERE, {}),
        populations.get(project_id, {}),
    )


def _confusion(project: Project, local: Mapping[str, Statistic]) -> dict[str, Any] | None:
    """What each truth was taken for, where the classes are few enough for a table."""
    fit = db.session.get(ProjectFit, project.id)
    known = [str(name) for name in fit.classes["names"]] if fit is not None and fit.classes else []
    seen = {one.removeprefix("class:") for one in local if one.startswith("class:")}
    names = sorted(seen | set(known))
    if not 1 < len(names) <= CLASSES_SHOWN_MAX:
        return None
    table = counts(local, names)
    weight = table.sum(axis=1)
    rows = [
        [name, float(weight[k]), (table[k] / weight[k]).tolist()]
        for k, name in enumerate(names)
        if weight[k] >= ROW_MIN
    ]
    return {"given": names, "rows": rows} if rows else None


# As the pages use it


def read(found: Mapping[str, Any]) -> Measured:
    """A document as it was made."""
    return Measured(
        found["task_type"],
        found["gold_seen"],
        [_line(one) for one in found["lines"]],
        [_line(one) for one in found["details"]],
        [
            InProject(
                one["name"],
                [_line(each) for each in one["details"]],
                Confusion(one["confusion"]["given"], [tuple(row) for row in one["confusion"]["rows"]])
                if one["confusion"]
                else None,
            )
            for one in found["projects"]
        ],
    )


def _line(found: Mapping[str, Any]) -> Line:
    return Line(found["facet"], Estimate(**found["estimate"]), found["sources"])
