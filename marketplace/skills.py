"""What is measured of the labelers: writing evidence down, facet by facet, and reading a labeler's profile.

Statistics are kept per project and, but for classes, over all projects of a task type (scope ''), each by its source.
The table `skill` holds the one number of them that a claim reads.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
from sqlalchemy import select, text
from sqlalchemy.dialects.postgresql import insert

from marketplace.db import db
from marketplace.models import Project, ProjectFit, SkillPopulation, SkillRecord, SkillStatistic
from routing.consensus.calibration import Calibration
from routing.skill import (
    HALF_LIFE_DAYS,
    PRIOR_ALPHA,
    PRIOR_BETA,
    Classes,
    Observation,
    Population,
    Profile,
    Skill,
    Source,
    Statistic,
    error_profile,
    statistics,
)
from routing.skill.confusion import ROW_STRENGTH
from routing.skill.evidence import CONFUSION
from routing.skill.profile import ACCURACY

EVERYWHERE = ""  # the scope of all projects
OF_A_PROJECT = (CONFUSION, "class:")  # facets that mean nothing elsewhere, since classes are a project's own


@dataclass(frozen=True)
class Evidence:
    """What one answer showed of its author. `weight` is the source's; negative takes the same evidence back."""

    labeler_id: str
    source: Source
    observations: Sequence[Observation]
    weight: float


# Learning

Key = tuple[str, str, str, str]  # labeler, scope, facet, source

# What is left of the row and of the new evidence at the later of their two times.
_FADED = "0.5 ^ (greatest(0, extract(epoch FROM {later} - {earlier})) / (86400 * :half_life_days))"
_OLD = _FADED.format(later="excluded.updated_at", earlier="s.updated_at")
_NEW = _FADED.format(later="s.updated_at", earlier="excluded.updated_at")
_ADD = text(f"""
INSERT INTO skill_statistic AS s
    (labeler_id, task_type, scope, facet, source, weight, total, squares, updated_at)
SELECT labeler_id, :task_type, scope, facet, source, weight, total, squares, :at
FROM unnest(CAST(:labelers AS text[]), CAST(:scopes AS text[]), CAST(:facets AS text[]), CAST(:sources AS text[]),
            CAST(:weights AS float8[]), CAST(:totals AS float8[]), CAST(:squares AS float8[]))
    AS new (labeler_id, scope, facet, source, weight, total, squares)
ORDER BY labeler_id, scope, facet, source
ON CONFLICT (labeler_id, task_type, scope, facet, source) DO UPDATE SET
    weight = {_OLD} * s.weight + {_NEW} * excluded.weight,
    total = {_OLD} * s.total + {_NEW} * excluded.total,
    squares = {_OLD} * s.squares + {_NEW} * excluded.squares,
    updated_at = greatest(s.updated_at, excluded.updated_at)
""")  # noqa: S608  (our own words only)


def learn(task_type: str, project_id: str, evidence: Sequence[Evidence], at: datetime) -> None:
    """Add evidence of one moment to the labelers' statistics; their rows are locked in one order."""
    sums: dict[Key, Statistic] = {}
    for one in evidence:
        _sum(sums, project_id, one, at)
    add_statistics(task_type, sums, at)
    _learn_accuracy(task_type, evidence, at)


def _sum(sums: dict[Key, Statistic], project_id: str, one: Evidence, at: datetime) -> None:
    for facet, found in statistics(one.observations, abs(one.weight), at).items():
        signed = found if one.weight > 0 else Statistic().plus(_negative(found))
        for scope in _scopes(facet, project_id):
            key = (one.labeler_id, scope, facet, one.source.value)
            sums[key] = sums.get(key, Statistic()).plus(signed)


def _negative(one: Statistic) -> Statistic:
    return Statistic(-one.weight, -one.total, -one.squares, one.updated_at)


def _scopes(facet: str, project_id: str) -> tuple[str, ...]:
    return (project_id,) if facet.startswith(OF_A_PROJECT) else (EVERYWHERE, project_id)


def add_statistics(task_type: str, sums: Mapping[Key, Statistic], at: datetime) -> None:
    """Add to the rows, which fade meanwhile; one statement, whatever their number."""
    if not sums:
        return
    keys = sorted(sums)
    values: dict[str, Any] = {
        "task_type": task_type,
        "at": at,
        "half_life_days": HALF_LIFE_DAYS,
        "labelers": [key[0] for key in keys],
        "scopes": [key[1] for key in keys],
        "facets": [key[2] for key in keys],
        "sources": [key[3] for key in keys],
        "weights": [sums[key].weight for key in keys],
        "totals": [sums[key].total for key in keys],
        "squares": [sums[key].squares for key in keys],
    }
    db.session.execute(_ADD, values)


def _learn_accuracy(task_type: str, evidence: Sequence[Evidence], at: datetime) -> None:
    """The number that claims read, its rows locked in the order of the labelers."""
    labeler_ids = sorted({one.labeler_id for one in evidence})
    if not labeler_ids:
        return
    fresh = {"task_type": task_type, "alpha": PRIOR_ALPHA, "beta": PRIOR_BETA, "updated_at": at}
    rows = [fresh | {"labeler_id": labeler_id} for labeler_id in labeler_ids]
    db.session.execute(insert(SkillRecord).on_conflict_do_nothing(), rows)
    records = db.session.scalars(
        select(SkillRecord)
        .where(SkillRecord.task_type == task_type, SkillRecord.labeler_id.in_(labeler_ids))
        .order_by(SkillRecord.labeler_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    by_labeler = defaultdict(list)
    for one in evidence:
        by_labeler[one.labeler_id].append(one)
    for record in records:
        for one in by_labeler[record.labeler_id]:
            _observe(record, one, at)


def _observe(record: SkillRecord, one: Evidence, at: datetime) -> None:
    for seen in one.observations:
        if seen.facet != ACCURACY:
            continue
        before, weight = Skill(record.alpha, record.beta, record.updated_at), seen.weight * one.weight
        after = before.observe(seen.value, weight, at) if weight >= 0 else before.take_back(seen.value, -weight, at)
        _store(record, after, at)
    if one.source is Source.GOLD and one.weight > 0:
        record.gold_seen += 1
        record.real_seen = 0


def _store(record: SkillRecord, skill: Skill, at: datetime) -> None:
    """With the bound and the evidence that claims compare with a lane's rule: SQL has no Beta quantile."""
    record.alpha, record.beta, record.updated_at = skill.alpha, skill.beta, skill.updated_at or at
    record.lower, record.evidence = skill.lower, max(0.0, skill.evidence)


def change_agreement(project: Project, changes: Mapping[tuple[str, str], Statistic], at: datetime) -> None:
    """Add signed differences of what agreement has told, by (labeler, facet), wherever they count."""
    sums = {
        (labeler_id, scope, facet, Source.AGREEMENT.value): change
        for (labeler_id, facet), change in changes.items()
        for scope in _scopes(facet, project.id)
    }
    add_statistics(project.task_type, sums, at)
    accuracy = {labeler_id: change for (labeler_id, facet), change in changes.items() if facet == ACCURACY}
    records = select(SkillRecord).where(
        SkillRecord.task_type == project.task_type, SkillRecord.labeler_id.in_(list(accuracy))
    )
    for record in db.session.scalars(
        records.order_by(SkillRecord.labeler_id).with_for_update().execution_options(populate_existing=True)
    ):
        now, change = Skill(record.alpha, record.beta, record.updated_at).at(at), accuracy[record.labeler_id]
        alpha = max(PRIOR_ALPHA, now.alpha + change.total)
        beta = max(PRIOR_BETA, now.beta + change.weight - change.total)
        _store(record, Skill(alpha, beta, now.updated_at), at)


# Reading

ByFacet = dict[str, Statistic]


def profiles(project: Project, typical: Profile, labeler_ids: Iterable[str], now: datetime) -> dict[str, Profile]:
    """What is known of each labeler in a project; where nothing is, `typical` of it."""
    wanted = list(labeler_ids)
    found = _statistics(project, wanted, now)
    return {
        labeler_id: Profile(
            labeler_id,
            found[labeler_id, EVERYWHERE],
            found[labeler_id, project.id],
            typical.populations,
            typical.local_populations,
            typical.classes,
        )
        for labeler_id in wanted
    }


def typical_profile(project: Project, names: tuple[str, ...]) -> Profile:
    """Of somebody who has not been measured: what is typical in this project.

    `names` are the task's classes, empty where there are none.
    """
    rows = db.session.scalars(
        select(SkillPopulation).where(
            SkillPopulation.task_type == project.task_type, SkillPopulation.scope.in_((EVERYWHERE, project.id))
        )
    ).all()
    by_scope = {
        scope: {row.facet: _population(row) for row in rows if row.scope == scope} for scope in (EVERYWHERE, project.id)
    }
    classes = _classes(names, fit_of(project)) if len(names) > 1 else None
    return Profile("", {}, {}, by_scope[EVERYWHERE], by_scope[project.id], classes)


def _population(row: SkillPopulation) -> Population:
    return Population(row.mean, row.strength, row.dispersion, row.labelers, row.weight)


def _statistics(project: Project, labeler_ids: Sequence[str], now: datetime) -> dict[tuple[str, str], ByFacet]:
    """By labeler and scope: the sums over all sources, faded to now."""
    rows = db.session.scalars(
        select(SkillStatistic)
        .where(
            SkillStatistic.labeler_id.in_(labeler_ids),
            SkillStatistic.task_type == project.task_type,
            SkillStatistic.scope.in_((EVERYWHERE, project.id)),
        )
        .execution_options(populate_existing=True)
    )
    found: dict[tuple[str, str], ByFacet] = defaultdict(dict)
    for row in rows:
        facets = found[row.labeler_id, row.scope]
        facets[row.facet] = facets.get(row.facet, Statistic()).plus(statistic(row).at(now))
    return found


def statistic(row: SkillStatistic) -> Statistic:
    """A row as the core has it. What was taken back may leave a trace below nothing."""
    if row.weight <= 0:
        return Statistic(updated_at=row.updated_at)
    return Statistic(row.weight, row.total, row.squares, row.updated_at)


def fit_of(project: Project) -> ProjectFit | None:
    return db.session.get(ProjectFit, project.id)


def calibration_of(project: Project) -> Calibration:
    fit = fit_of(project)
    return Calibration() if fit is None else Calibration(fit.shift, fit.slope, tuple((s, t) for s, t in fit.curve))


def _classes(names: tuple[str, ...], fit: ProjectFit | None) -> Classes:
    """The task's classes with what the last refit knew of them; a class that is new since has the usual."""
    if fit is None or fit.classes is None:
        return Classes(names)
    known = {name: k for k, name in enumerate(fit.classes["names"])}
    at = [known.get(name) for name in names]
    frequency = np.array([1e-3 if k is None else fit.classes["frequency"][k] for k in at])
    place = {k: n for n, k in enumerate(at) if k is not None}
    errors = np.zeros((len(names), len(names)))
    for truth, given, weight in fit.classes["errors"]:
        if truth in place and given in place:
            errors[place[truth], place[given]] = weight
    return Classes(
        names,
        tuple((frequency / frequency.sum()).tolist()),
        error_profile(errors),
        float(fit.classes.get("strength", ROW_STRENGTH)),
    )
