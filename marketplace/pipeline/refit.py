"""refit_project: learn a project's labelers, classes and calibration anew from all answers; look again at what is open.

Verdicts use what was known when they were made. A refit knows more: it replaces what agreement has told, estimates what
is typical, and has finished subtasks reconsidered whose task is not yet assembled.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

from sqlalchemy import delete, select, text
from sqlalchemy.dialects.postgresql import insert

from marketplace import skills
from marketplace.clock import utc_now
from marketplace.db import db, transaction
from marketplace.fitting import classes, graded, populations
from marketplace.fitting.classes import ByLabeler, ClassFit
from marketplace.models import Lane, Project, ProjectFit, SkillStatistic, Source, Subtask, SubtaskState, Task, TaskStage
from marketplace.pipeline import resolve
from marketplace.queue import enqueue_once, job
from routing.consensus.calibration import Calibration
from routing.skill import Statistic
from routing.task_types import categorization

log = logging.getLogger(__name__)

REFIT_AFTER = 200  # resolved subtasks, and a twentieth of what the last refit saw
REFIT_DAILY = 20  # resolved subtasks in a day
LABELERS_AT_ONCE = 100
RECONSIDERED_MAX = 2_000

_DUE = text("""
SELECT lane.project_id FROM lane LEFT JOIN project_fit f ON f.project_id = lane.project_id
CROSS JOIN LATERAL (
    SELECT count(*) AS n FROM (
        SELECT FROM subtask s
        WHERE s.lane_id = lane.id AND s.state = 'resolved' AND s.resolved_at > coalesce(f.fitted_at, '-infinity')
        LIMIT greatest(:after, coalesce(f.answers, 0) / 20)
    ) found
) new
WHERE new.n >= greatest(:after, coalesce(f.answers, 0) / 20)
   OR new.n >= :daily AND coalesce(f.fitted_at, '-infinity') < CAST(:now AS timestamptz) - interval '1 day'
ORDER BY lane.id LIMIT 100
""")


def enqueue_due() -> None:
    """Refit the projects with enough new verdicts since their last refit."""
    with transaction():
        due = db.session.scalars(_DUE, {"after": REFIT_AFTER, "daily": REFIT_DAILY, "now": utc_now()}).all()
    for project_id in due:
        enqueue_once(refit_project, project_id)


@job(queue="work", timeout_seconds=1800)
def refit_project(project_id: str) -> None:
    """Fit outside of any lock, then write: what was learned meanwhile is added to and not lost."""
    with _alone(project_id) as is_alone:
        if not is_alone:
            return
        now = utc_now()
        with transaction():
            # One snapshot: what agreement has told so far is taken back exactly, whatever is judged meanwhile.
            db.session.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ"))
            project = db.session.get(Project, project_id)
            if project is None:
                return
            found = _fit(project, now)
            before = _agreement(project, now) if found.agreement else {}
        for labeler_ids in _chunks(sorted(found.agreement.keys() | before.keys())):
            with transaction():
                _replace(project_id, labeler_ids, before, found.agreement, now)
        with transaction():
            project = db.session.get_one(Project, project_id)
            populations.refresh(project, now)
            _keep(project, found, now)
        reconsider(project_id)
        log.info("project refitted", extra={"project_id": project_id, "answers": found.answers})


@contextmanager
def _alone(project_id: str) -> Iterator[bool]:
    """Two refits of one project at once would both replace the same evidence."""
    with db.engine.connect() as connection:
        key = {"key": f"refit:{project_id}"}
        locked = bool(connection.scalar(text("SELECT pg_try_advisory_lock(hashtextextended(:key, 0))"), key))
        connection.rollback()  # the lock is the session's; an open transaction would hold back vacuum
        try:
            yield locked
        finally:
            if locked:
                connection.execute(text("SELECT pg_advisory_unlock(hashtextextended(:key, 0))"), key)
                connection.rollback()


def _fit(project: Project, now: datetime) -> ClassFit:
    if project.task_type == categorization.NAME and not project.params.get("allow_multiple"):
        found = classes.fit(project, now)
        return found or ClassFit(0, {}, {}, Calibration(), {})
    learned, numbers = graded.calibrate(project, now)
    return ClassFit(0, {}, {}, learned, numbers)


# Replacing what agreement has told


def _agreement(project: Project, now: datetime) -> ByLabeler:
    found: ByLabeler = {}
    columns = (
        SkillStatistic.labeler_id,
        SkillStatistic.facet,
        SkillStatistic.weight,
        SkillStatistic.total,
        SkillStatistic.squares,
        SkillStatistic.updated_at,
    )
    rows = select(*columns).where(
        SkillStatistic.task_type == project.task_type,
        SkillStatistic.scope == project.id,
        SkillStatistic.source == Source.AGREEMENT,
    )
    for who, facet, weight, total, squares, at in db.session.execute(rows, execution_options={"yield_per": 10_000}):
        found.setdefault(who, {})[facet] = Statistic(weight, total, squares, at).at(now)
    return found


def _chunks(labeler_ids: list[str]) -> Iterator[list[str]]:
    for start in range(0, len(labeler_ids), LABELERS_AT_ONCE):
        yield labeler_ids[start : start + LABELERS_AT_ONCE]


def _replace(project_id: str, labeler_ids: list[str], before: ByLabeler, after: ByLabeler, now: datetime) -> None:
    """Add the differences, here and in what is known everywhere; rows that come to nothing go."""
    project = db.session.get_one(Project, project_id)
    changes = {
        (labeler_id, facet): difference
        for labeler_id in labeler_ids
        for facet, difference in _differences(before.get(labeler_id, {}), after.get(labeler_id, {}), now)
    }
    skills.change_agreement(project, changes, now)
    db.session.execute(
        delete(SkillStatistic).where(
            SkillStatistic.task_type == project.task_type,
            SkillStatistic.scope == project_id,
            SkillStatistic.source == Source.AGREEMENT,
            SkillStatistic.labeler_id.in_(labeler_ids),
            SkillStatistic.weight < 1e-6,
        )
    )


def _differences(
    before: dict[str, Statistic], after: dict[str, Statistic], now: datetime
) -> Iterator[tuple[str, Statistic]]:
    nothing = Statistic(updated_at=now)
    for facet in before.keys() | after.keys():
        old, new = before.get(facet, nothing), after.get(facet, nothing)
        yield facet, Statistic(new.weight - old.weight, new.total - old.total, new.squares - old.squares, now)


def _keep(project: Project, found: ClassFit, now: datetime) -> None:
    row = {
        "project_id": project.id,
        "fitted_at": now,
        "answers": found.answers,
        "shift": found.calibration.shift,
        "slope": found.calibration.slope,
        "curve": [list(point) for point in found.calibration.curve],
        "classes": found.typical or None,
        "numbers": found.numbers,
    }
    upsert = insert(ProjectFit).values(row)
    db.session.execute(upsert.on_conflict_do_update(index_elements=["project_id"], set_=row))


# Looking again


def reconsider(project_id: str) -> None:
    """Have finished subtasks judged again whose task waits for others."""
    waiting = (
        select(Subtask.id)
        .join(Task, Task.id == Subtask.task_id)
        .join(Lane, Lane.id == Subtask.lane_id)
        .where(Lane.project_id == project_id, Subtask.state == SubtaskState.RESOLVED, Task.stage == TaskStage.LABELING)
        .order_by(Subtask.resolved_at)
        .limit(RECONSIDERED_MAX)
    )
    with transaction():
        found = db.session.scalars(waiting).all()
    for subtask_id in found:
        enqueue_once(resolve.reconsider_subtask, subtask_id)
