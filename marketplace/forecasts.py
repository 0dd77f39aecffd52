"""The range of a quote: what a task will probably cost and when it will be done, from the labelers who are at work."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import numpy as np
from sqlalchemy import text

from marketplace.clock import utc_now
from marketplace.db import db
from marketplace.models import Project
from payouts.pricing import Quote
from routing import overlap
from routing.forecast import Person, forecast
from routing.matching import CLASSES_OF_FREE_ANSWERS
from routing.overlap import Terms
from routing.task_types import TASK_TYPES

DAYS = 7
HOURS = 24 * DAYS
PEOPLE_MAX, ANSWERS_MAX = 40, 200  # of each labeler the last answers are enough to know her pace

# Bounded however large the tables are: the latest labelers of the type, and of each her latest answers by the index.
_PEOPLE = text("""
SELECT s.alpha, s.beta, coalesce(w.effort, 0) AS effort, w.answers, w.since
FROM (
    SELECT labeler_id, alpha, beta FROM skill WHERE task_type = :task_type AND updated_at > :since
    ORDER BY updated_at DESC LIMIT :people
) s CROSS JOIN LATERAL (
    SELECT sum(expected_seconds) AS effort, count(*) AS answers, min(submitted_at) AS since FROM (
        SELECT expected_seconds, submitted_at FROM assignment
        WHERE labeler_id = s.labeler_id ORDER BY id DESC LIMIT :answers
    ) latest WHERE submitted_at > :since
) w
""")


def of_order(
    task_type: str, params: dict[str, Any], project: Project | None, price: Quote, efforts: Sequence[int], answers: int
) -> dict[str, Any] | None:
    """Cents with the fee and seconds, low and high; the same question gets the same answer. None where nobody works."""
    people = _people(task_type)
    classes = len(TASK_TYPES[task_type].classes(params))
    terms = _terms(project, price.total_cents / max(1, len(efforts) * answers), answers, graded=not classes)
    effort = sum(efforts) / max(1, len(efforts))
    rng = np.random.default_rng(0)
    found = forecast(people, len(efforts), effort, classes or CLASSES_OF_FREE_ANSWERS, terms, rng)
    if found is None:
        return None
    low, high = (min(price.total_cents, round(price.total_cents * part / answers)) for part in found.answers)
    soon, late = found.seconds or (None, None)
    return {
        "cents_low": low,
        "cents_high": high,
        "seconds_low": None if soon is None else round(soon),
        "seconds_high": None if late is None else round(late),
        "labelers": len(people),
    }


def _people(task_type: str) -> list[Person]:
    since = utc_now() - timedelta(days=DAYS)
    found = db.session.execute(
        _PEOPLE, {"task_type": task_type, "since": since, "people": PEOPLE_MAX, "answers": ANSWERS_MAX}
    )
    people = []
    for alpha, beta, effort, answers, first in found:
        hours = float(HOURS) if answers < ANSWERS_MAX else (utc_now() - first).total_seconds() / 3_600
        if effort:
            people.append(Person(alpha, beta, float(effort) / max(hours, 1.0)))
    return people


def _terms(project: Project | None, price_cents: float, answers: int, *, graded: bool) -> Terms:
    """As a verdict will weigh it (pipeline/judge.py), the fee in the price."""
    target = overlap.TARGET_OF_GRADED if graded else overlap.TARGET_OF_CLASSES
    own = project.target_confidence if project else None
    cost = project.error_cost_cents if project else None
    return Terms(
        target=target if own is None else own,
        maximum=answers,
        price_cents=price_cents,
        error_cents=overlap.ERROR_COST_ANSWERS * price_cents if cost is None else float(cost),
        minimum=project.answers_min if project else None,
    )
