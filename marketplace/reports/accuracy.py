"""Labelers' measured accuracy as people read it: the mean with the interval it lies in."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import select

from marketplace.clock import utc_now
from marketplace.db import db
from marketplace.models import SkillRecord
from routing.skill import PRIOR_ALPHA, PRIOR_BETA, Skill

INTERVAL_PROBABILITY = 0.9


@dataclass(frozen=True)
class Accuracy:
    task_type: str
    mean: float
    low: float
    high: float
    gold_seen: int


def accuracies(labeler_ids: Iterable[str]) -> dict[str, list[Accuracy]]:
    """By labeler; a task type that she was never measured in is left out: a prior is no measurement."""
    records = db.session.scalars(
        select(SkillRecord)
        .where(SkillRecord.labeler_id.in_(list(labeler_ids)))
        # Who only claimed has a record, too.
        .where(SkillRecord.alpha + SkillRecord.beta > PRIOR_ALPHA + PRIOR_BETA)
        .order_by(SkillRecord.task_type)
    )
    found: dict[str, list[Accuracy]] = defaultdict(list)
    for record in records:
        found[record.labeler_id].append(_accuracy(record))
    return found


def accuracy_of(labeler_id: str) -> list[Accuracy]:
    return accuracies([labeler_id]).get(labeler_id, [])


def _accuracy(record: SkillRecord) -> Accuracy:
    skill = Skill(record.alpha, record.beta, record.updated_at).at(utc_now())
    low, high = skill.interval(INTERVAL_PROBABILITY)
    return Accuracy(record.task_type, skill.mean, low, high, record.gold_seen)
