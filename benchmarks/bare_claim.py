"""The claim as bare SQL through psycopg, with nothing around it: what Labelyard's claim is measured against.

The same rules as the product's: the first open slot of the best lane that the labeler is qualified for and has not
answered, leased under a new epoch, with its assignment, in one transaction.
"""

from typing import Any

import psycopg

from marketplace.ids import new_id

HEADS = """
SELECT lane.id FROM qualification q JOIN lane ON lane.task_type = q.task_type AND NOT lane.paused
CROSS JOIN LATERAL (
    SELECT s.id, s.rank FROM slot s WHERE s.lane_id = lane.id AND s.state = 'open' AND NOT EXISTS (
        SELECT FROM assignment a WHERE a.subtask_id = s.subtask_id AND a.labeler_id = %(me)s)
    ORDER BY s.rank, s.id LIMIT 1
) head
WHERE q.labeler_id = %(me)s ORDER BY head.rank, head.id
"""
TAKE = """
WITH picked AS (
    SELECT s.id FROM slot s WHERE s.lane_id = %(lane)s AND s.state = 'open' AND NOT EXISTS (
        SELECT FROM assignment a WHERE a.subtask_id = s.subtask_id AND a.labeler_id = %(me)s)
    ORDER BY s.rank, s.id LIMIT 1 FOR UPDATE OF s SKIP LOCKED
)
UPDATE slot SET state = 'leased', epoch = epoch + 1, labeler_id = %(me)s, lease_expires_at = now() + interval '10 min'
FROM picked WHERE slot.id = picked.id RETURNING slot.id, slot.subtask_id, slot.epoch
"""
ASSIGN = """
INSERT INTO assignment (id, subtask_id, slot_id, labeler_id, epoch, state, claimed_at, lease_expires_at, active_seconds,
                        pay_cents, expected_seconds)
VALUES (%(id)s, %(subtask)s, %(slot)s, %(me)s, %(epoch)s, 'claimed', now(), now() + interval '10 min', 0, 10, 20)
"""


def claim(connection: psycopg.Connection[Any], labeler_id: str) -> str | None:
    """The new assignment's id; the connection prepares its statements at first use."""
    with connection.transaction():
        for (lane,) in connection.execute(HEADS, {"me": labeler_id}, prepare=True).fetchall():
            taken = connection.execute(TAKE, {"me": labeler_id, "lane": lane}, prepare=True).fetchone()
            if taken is not None:
                slot, subtask, epoch = taken
                values = {"id": new_id(), "subtask": subtask, "slot": slot, "me": labeler_id, "epoch": epoch}
                connection.execute(ASSIGN, values, prepare=True)
                return str(values["id"])
    return None
