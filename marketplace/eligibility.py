"""Who may claim from a lane, as SQL: `routing.qualification.resolve` over the rows, one text for all who ask.

The statements that use it have these aliases: `me`, the labeler; `lane` and its `project`; `q`, her qualification for
the lane's task type; `skill`, her row of that type. `JOINS` brings the last three to statements without them.
The claim's look and its taking both ask, so that a rule or a block that has changed in between counts.
"""

from typing import Any

from routing.qualification import ENOUGH, Record, Rule
from routing.skill import PRIOR_ALPHA, PRIOR_BETA

JOINS = """
JOIN project ON project.id = lane.project_id
LEFT JOIN qualification q ON q.labeler_id = me.id AND q.task_type = lane.task_type
LEFT JOIN skill ON skill.labeler_id = me.id AND skill.task_type = lane.task_type
"""
BLOCKED = "EXISTS (SELECT FROM block b WHERE b.customer_id = project.customer_id AND b.labeler_id = me.id)"
# Null, which is as good as false in a condition, where accuracy is asked of who has no row of `skill`.
OPEN = f"""(
    q.labeler_id IS NOT NULL AND lane.requires <@ me.credentials
    AND (lane.countries = ARRAY[]::varchar[] OR me.country = ANY (lane.countries)) AND NOT {BLOCKED}
    AND (lane.accuracy_min IS NULL
         OR (skill.evidence >= {ENOUGH}::float8 * lane.trial_answers AND skill.lower >= lane.accuracy_min))
)"""

# What `rule_of` and `record_of` read.
FACTS = f"""
    lane.requires, lane.countries, lane.accuracy_min, lane.trial_answers,
    q.labeler_id IS NOT NULL AS may_do_type, me.credentials, me.country, {BLOCKED} AS blocked,
    skill.alpha, skill.beta, skill.updated_at, skill.lower, coalesce(skill.evidence, 0) AS evidence
"""


def rule_of(row: Any) -> Rule:
    """The rule of a lane: its row, or one that has `FACTS`."""
    return Rule(frozenset(row.requires), frozenset(row.countries), row.accuracy_min, row.trial_answers)


def record_of(row: Any) -> Record:
    """What a labeler brings to a lane, of a row that has `FACTS`."""
    is_measured = row.alpha is not None and row.alpha + row.beta > PRIOR_ALPHA + PRIOR_BETA
    return Record(
        may_do_type=row.may_do_type,
        credentials=frozenset(row.credentials),
        country=row.country,
        blocked=row.blocked,
        accuracy=row.alpha / (row.alpha + row.beta) if is_measured else None,
        accuracy_low=row.lower,
        evidence=row.evidence,
    )
