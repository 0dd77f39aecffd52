"""The calibration of a project whose answers are more or less alike: what a stated likeness to the truth really was."""

from collections.abc import Iterator
from datetime import datetime
from itertools import groupby
from typing import Any

import numpy as np
from sqlalchemy import case, select

from marketplace import skills
from marketplace.db import db
from marketplace.fitting.labels import COUNTED, reviewed
from marketplace.models import Assignment, Lane, Project, Subtask, SubtaskState
from routing.consensus.calibration import Calibration, isotonic
from routing.task_types import TASK_TYPES
from routing.types import Answer, Vote

GROUPS_MIN, GROUPS_MAX = 30, 500
GROUP_SIZE = 2
ROWS_AT_ONCE = 200  # whole answers of a drive are large


def calibrate(project: Project, now: datetime) -> tuple[Calibration, dict[str, Any]]:
    """From gold and reviews: verdicts of two answers, their stated confidence against their likeness to the truth."""
    kind = TASK_TYPES[project.task_type]
    stated, true = [], []
    for truth, votes in _groups(project, now):
        verdict = kind.merge(votes)
        stated.append(verdict.confidence)
        true.append(kind.agreement(verdict.answer, truth))
        if len(stated) >= GROUPS_MAX:
            break
    numbers = {"groups": len(stated)}
    if len(stated) < GROUPS_MIN:
        return Calibration(), numbers
    return Calibration(curve=isotonic(np.array(stated), np.array(true))), numbers


def _groups(project: Project, now: datetime) -> Iterator[tuple[Answer, list[Vote]]]:
    typical = skills.typical_profile(project, ())
    for _, rows in groupby(_rows(project), key=lambda row: row[0]):
        listed = list(rows)
        for start in range(0, len(listed) - GROUP_SIZE + 1, GROUP_SIZE):
            pair = listed[start : start + GROUP_SIZE]
            known = skills.profiles(project, typical, [labeler_id for _, labeler_id, _, _ in pair], now)
            votes = [Vote(one, answer, known[one].accuracy.mean, known[one]) for _, one, answer, _ in pair]
            yield pair[0][3], votes


def _rows(project: Project) -> Iterator[Any]:
    """(subtask, labeler, answer, truth) of what is known, subtask by subtask."""
    truth = case((Subtask.gold, Subtask.truth), else_=Subtask.verdict)
    known = (
        select(Assignment.subtask_id, Assignment.labeler_id, Assignment.answer, truth)
        .join(Subtask, Subtask.id == Assignment.subtask_id)
        .join(Lane, Lane.id == Subtask.lane_id)
        .where(
            Lane.project_id == project.id,
            Assignment.state.in_(COUNTED),
            Assignment.focus.is_(None),
            Subtask.gold | ((Subtask.state == SubtaskState.RESOLVED) & reviewed()),
        )
        .order_by(Assignment.subtask_id)
        .limit(GROUP_SIZE * GROUPS_MAX * 2)
    )
    yield from db.session.execute(known, execution_options={"yield_per": ROWS_AT_ONCE})
