"""Whom the claims have served, as the database has it: customers against their shares, labelers, wrong refusals."""

import psycopg

from benchmarks.claim_world import World

# What a labeler could take at this moment, by the rules alone: no statement of the product is used.
FREE = """
SELECT EXISTS (
    SELECT FROM slot s JOIN lane ON lane.id = s.lane_id AND NOT lane.paused
    JOIN labeler me ON me.id = %(me)s AND lane.requires <@ me.credentials
    JOIN qualification q ON q.labeler_id = me.id AND q.task_type = lane.task_type
    WHERE s.state = 'open' AND (s.reserved_until IS NULL OR s.reserved_until < now() OR s.reserved_for = me.id)
      AND NOT EXISTS (SELECT FROM assignment a WHERE a.subtask_id = s.subtask_id AND a.labeler_id = me.id)
)
"""
# The product's claims alone have a reason. What a customer is owed of a labeler's time is by the shares of those whose
# work she may do.
SHARES = """
WITH served AS (
    SELECT a.labeler_id, project.customer_id, sum(a.expected_seconds) AS effort
    FROM assignment a JOIN subtask t ON t.id = a.subtask_id JOIN lane ON lane.id = t.lane_id
    JOIN project ON project.id = lane.project_id WHERE a.why IS NOT NULL GROUP BY 1, 2
), labor AS (
    SELECT labeler_id, sum(effort) AS effort FROM served GROUP BY 1
), open AS (
    SELECT DISTINCT labor.labeler_id, labor.effort, customer.id, customer.share
    FROM labor JOIN labeler me ON me.id = labor.labeler_id JOIN qualification q ON q.labeler_id = me.id
    JOIN lane ON lane.task_type = q.task_type AND lane.requires <@ me.credentials
    JOIN project ON project.id = lane.project_id JOIN customer ON customer.id = project.customer_id
), owed AS (
    SELECT id, sum(effort * part) AS effort FROM (
        SELECT id, effort, share / sum(share) OVER (PARTITION BY labeler_id) AS part FROM open
    ) each GROUP BY 1
)
SELECT owed.id, customer.share, (SELECT count(*) FROM project WHERE customer_id = owed.id),
       owed.effort / sum(owed.effort) OVER (),
       coalesce((SELECT sum(effort) FROM served WHERE customer_id = owed.id), 0) / sum(owed.effort) OVER ()
FROM owed JOIN customer ON customer.id = owed.id ORDER BY length(owed.id), owed.id
"""
# By what is known of a labeler in the task type of her claim, against what is known of her in all that she may do.
LABELERS = """
WITH known AS (
    SELECT me.id, avg(skill.alpha / (skill.alpha + skill.beta)) AS mean FROM labeler me
    LEFT JOIN skill ON skill.labeler_id = me.id GROUP BY 1
), claims AS (
    SELECT a.labeler_id, a.why IS NOT NULL AS matched, skill.alpha / (skill.alpha + skill.beta) AS accuracy
    FROM assignment a JOIN subtask t ON t.id = a.subtask_id JOIN lane ON lane.id = t.lane_id
    LEFT JOIN skill ON skill.labeler_id = a.labeler_id AND skill.task_type = lane.task_type
    WHERE a.slot_id IS NOT NULL
), grouped AS (
    SELECT id, CASE WHEN mean IS NULL THEN 0 ELSE ntile(10) OVER (PARTITION BY mean IS NULL ORDER BY mean) END AS decile
    FROM known
)
SELECT decile, count(DISTINCT grouped.id),
       count(*) FILTER (WHERE matched)::float8 / sum(count(*) FILTER (WHERE matched)) OVER (),
       avg(accuracy) FILTER (WHERE matched), avg(accuracy) FILTER (WHERE NOT matched)
FROM grouped LEFT JOIN claims ON claims.labeler_id = grouped.id GROUP BY 1 ORDER BY 1
"""


def is_work_free(connection: psycopg.Connection, labeler_id: str) -> bool:
    """Whether there is an open slot that this labeler may take."""
    row = connection.execute(FREE, {"me": labeler_id}).fetchone()
    assert row is not None
    return bool(row[0])


def print_shares(world: World) -> None:
    """Of all that the product has claimed in the world since it was filled."""
    with psycopg.connect(world.url, autocommit=True) as connection:
        print("\nWork by customer, by the second of effort: what its share owes it, and what it got")
        print(f"{'customer':<12}{'share':>6}{'lanes':>7}{'owed':>8}{'got':>8}{'ratio':>7}")
        for name, share, lanes, owed, got in connection.execute(SHARES):
            print(
                f"{name:<12}{share:>6g}{lanes:>7}{float(owed):>8.1%}{float(got):>8.1%}{float(got) / float(owed):>7.2f}"
            )
        print("\nWork by labeler, in tenths by accuracy (0: newcomers), and how accurate they are in what they claimed")
        print(f"{'tenth':<7}{'labelers':>9}{'of claims':>11}{'accuracy':>10}{'bare SQL':>10}")
        for decile, labelers, part, matched, plain in connection.execute(LABELERS):
            accuracy = [f"{'-' if one is None else format(one, '.3f'):>10}" for one in (matched, plain)]
            print(f"{decile:<7}{labelers:>9}{float(part or 0):>11.1%}{''.join(accuracy)}", flush=True)
