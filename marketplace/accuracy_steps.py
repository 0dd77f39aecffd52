"""Steps: what a labeler is shown of her measured accuracy, brought up to date after every ten answers and not before.

Shown live, the number would move with the very answer that was gold, and a labeler could tell gold from other work by
answering and looking. So she sees what was measured when ten of her answers of a kind had been decided since the last
step, and of those ten nothing but their sum: right and wrong, gold and agreement alike. A change tells that some of the
ten met or missed something, never which one. The steps are also what her page draws over time.
"""

from datetime import datetime
from typing import Any

from sqlalchemy import select, text, update

from marketplace.clock import utc_now
from marketplace.db import db, transaction
from marketplace.models import AccuracyStep
from marketplace.reports import measured
from marketplace.reports.accuracy import Accuracy
from marketplace.reports.measured import Measured

ANSWERS_A_STEP = 10
COUNTED_MAX = 1_000
LABELERS_AT_ONCE = 500
STEPS_SHOWN_MAX = 200

# An assignment that was claimed more than two weeks before the last step has been decided before it.
_DUE = text("""
SELECT skill.labeler_id, skill.task_type, coalesce(last.number, 0) AS number, coalesce(last.answers, 0) AS before, new.n
FROM skill
LEFT JOIN LATERAL (
    SELECT s.number, s.at, s.answers,
           lpad(to_hex((1000 * extract(epoch FROM s.at - interval '14 days'))::bigint), 12, '0') AS young
    FROM accuracy_step s WHERE s.labeler_id = skill.labeler_id AND s.task_type = skill.task_type
    ORDER BY s.number DESC LIMIT 1
) last ON true
CROSS JOIN LATERAL (
    SELECT count(*) AS n FROM (
        SELECT FROM assignment a JOIN subtask t ON t.id = a.subtask_id JOIN lane ON lane.id = t.lane_id
        WHERE a.labeler_id = skill.labeler_id AND a.id >= coalesce(last.young, '') AND lane.task_type = skill.task_type
          AND a.state IN ('accepted', 'rejected') AND a.closed_at > coalesce(last.at, '-infinity')
        LIMIT :counted
    ) found
) new
WHERE skill.updated_at > coalesce(last.at, '-infinity') AND new.n >= :step
ORDER BY skill.updated_at LIMIT :labelers
""")


def take_due(now: datetime | None = None) -> None:
    """Take the next step of everybody of whom enough answers were decided since the last one."""
    now = now or utc_now()
    values = {"counted": COUNTED_MAX, "step": ANSWERS_A_STEP, "labelers": LABELERS_AT_ONCE}
    with transaction():
        due = db.session.execute(_DUE, values).all()
    for row in due:
        with transaction():
            _take(row, now)


def _take(row: Any, now: datetime) -> None:
    found = measured.document(row.labeler_id, row.task_type, now)
    if found is None:
        return
    _forget_details(row.labeler_id, row.task_type)
    db.session.add(
        AccuracyStep(
            labeler_id=row.labeler_id,
            task_type=row.task_type,
            number=row.number + 1,
            at=now,
            answers=row.before + row.n,
            measured=found,
        )
    )


def _forget_details(labeler_id: str, task_type: str) -> None:
    """Of the steps before, only the lines are drawn."""
    db.session.execute(
        update(AccuracyStep)
        .where(AccuracyStep.labeler_id == labeler_id, AccuracyStep.task_type == task_type)
        .where(AccuracyStep.measured["projects"] != text("'[]'::jsonb"))
        .values(measured=AccuracyStep.measured.op("||")(text('\'{"projects": [], "details": []}\'::jsonb')))
        .execution_options(synchronize_session=False)
    )


# Reading


def steps_of(labeler_id: str) -> dict[str, list[AccuracyStep]]:
    """By task type, the oldest first."""
    newest = (
        select(AccuracyStep)
        .where(AccuracyStep.labeler_id == labeler_id)
        .order_by(AccuracyStep.task_type, AccuracyStep.number.desc())
        .limit(STEPS_SHOWN_MAX)
    )
    found: dict[str, list[AccuracyStep]] = {}
    for step in db.session.scalars(newest):
        found.setdefault(step.task_type, []).insert(0, step)
    return found


def shown_to(labeler_id: str) -> dict[str, Accuracy]:
    """By task type: the number over all, as it stood at the last step."""
    return {
        task_type: _accuracy(measured.read(steps[-1].measured)) for task_type, steps in steps_of(labeler_id).items()
    }


def _accuracy(found: Measured) -> Accuracy:
    whole = found.accuracy.estimate
    return Accuracy(found.task_type, whole.mean, whole.low, whole.high, found.gold_seen)
