"""A marketplace full of open slots for the claim benchmarks, on embedded servers of its own with full durability."""

import os
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg

from marketplace import embedded, migrate
from marketplace.config import Settings

ANSWERS = 3  # slots per subtask
LANES, CUSTOMERS, TYPES = 40, 10, 5
TASK_SUBTASKS = 100
LABELERS = 10_000  # at work by turns, 32 at a time: each has finished before it is her turn again
HISTORY_SUBTASKS = 2_000  # done before, each by 100 labelers
HISTORY_ANSWERS = 100
CLOSE_SECONDS = 0.25

# Customer 1 has 13 lanes and the others 3 each; shares are 1 to 4, effort 10 to 30 s, classes 2 to 5. Of the five task
# types a labeler may do each with 6 chances in 10, and at least one; every tenth labeler is a newcomer, of whom nothing
# is known; the others' accuracy lies within .5 to .98 by type. Three lanes ask for a credential that half have.
BASE = f"""
INSERT INTO customer (id, name, email, callback_auth_key, test_callback_auth_key, signing_secret, share, created_at)
SELECT 'customer' || k, 'Bench', 'b@example.org', 'k', 'k', 'k', 1 + k % 4, now()
FROM generate_series(1, {CUSTOMERS}) k;
INSERT INTO project (id, customer_id, mode, name, task_type, params, param_history, hourly_rate_cents, simulated,
                     staged, created_at)
SELECT 'project' || k, 'customer' || CASE WHEN k <= 13 THEN 1 ELSE 2 + (k - 14) / 3 END, 'live', 'bench ' || k,
       'kind' || k % {TYPES}, '{{}}', '[]', 1800, false, false, now()
FROM generate_series(1, {LANES}) k;
INSERT INTO lane (project_id, task_type, paused, classes, typical_accuracy, requires)
SELECT 'project' || k, 'kind' || k % {TYPES}, false, 2 + k % 4, 0.75,
       CASE WHEN k > {LANES} - 3 THEN ARRAY['team:bench'] ELSE ARRAY[]::varchar[] END
FROM generate_series(1, {LANES}) k ORDER BY k;
INSERT INTO labeler (id, name, email, country, reviewer, state, credentials, created_at)
SELECT 'labeler' || k, 'L', 'l@example.org', 'US', false, 'active',
       CASE WHEN k % 2 = 0 THEN ARRAY['team:bench'] ELSE ARRAY[]::varchar[] END, now()
FROM generate_series(0, {LABELERS - 1}) k;
INSERT INTO qualification (labeler_id, task_type, granted_at)
SELECT 'labeler' || k, 'kind' || n, now() FROM generate_series(0, {LABELERS - 1}) k, generate_series(0, {TYPES - 1}) n
WHERE n = k % {TYPES} OR abs(hashtext(k || '/' || n)) % 10 < 6;
INSERT INTO skill (id, labeler_id, task_type, alpha, beta, lower, evidence, gold_seen, real_seen, updated_at)
SELECT 's' || row_number() OVER (), labeler_id, task_type, 4 + 50 * right_share, 1 + 50 * (1 - right_share), 0.5, 50, 5,
       10, now()
FROM (
    SELECT *, 0.5 + 0.48 * (abs(hashtext(labeler_id || task_type)) % 1000) / 1000 AS right_share
    FROM qualification WHERE NOT labeler_id LIKE '%7'
) known;
INSERT INTO labeler_token (token_hash, labeler_id, created_at)
SELECT encode(sha256(convert_to('labeler_' || id, 'UTF8')), 'hex'), id, now() FROM labeler;
"""
TASKS = """
INSERT INTO task (id, customer_id, mode, project_id, type, status, stage, params, instruction, metadata, tags, priority,
                  work_started, audits, quote_cents, currency, frames_total, frames_ready, created_at, updated_at,
                  clear_unique_id_on_error)
SELECT 't' || k, (SELECT customer_id FROM project WHERE id = 'project' || (k %% %(lanes)s::int + 1)), 'live',
       'project' || (k %% %(lanes)s::int + 1), 'categorization', 'pending', 'labeling',
       '{"attachment_type": "text", "attachment": "A short text.", "categories": ["good", "bad"],
         "allow_multiple": false, "answers": 3}', 'What is it?', '{}', '[]', 10, false, '[]', 30, 'USD', 0, 0, now(),
       now(), false
FROM generate_series(%(first)s::int, %(last)s::int) k ON CONFLICT DO NOTHING
"""
SUBTASKS = """
INSERT INTO subtask (id, task_id, lane_id, position, state, answers_wanted, effort_seconds, pay_cents, gold, created_at)
SELECT 's' || k, 't' || k / %(per_task)s::int, lane.id, k %% %(per_task)s::int, 'open', %(answers)s::int,
       10 * (1 + lane.id %% 3), 10, false, now()
FROM generate_series(%(first)s::int, %(last)s::int) k
JOIN lane ON lane.project_id = 'project' || (k / %(per_task)s::int %% %(lanes)s::int + 1)
"""
SLOTS = """
INSERT INTO slot (lane_id, rank, subtask_id, state, epoch)
SELECT subtask.lane_id, -10, subtask.id, 'open', 0
FROM generate_series(%(first)s::int, %(last)s::int) k JOIN subtask ON subtask.id = 's' || k,
     generate_series(1, %(answers)s::int) ORDER BY k
"""
# What the labelers have done before: without it the planner would take the table of assignments for empty.
HISTORY = f"""
INSERT INTO task (id, customer_id, mode, project_id, type, status, stage, params, instruction, metadata, tags, priority,
                  work_started, audits, quote_cents, currency, frames_total, frames_ready, created_at, updated_at,
                  clear_unique_id_on_error)
VALUES ('history', 'customer1', 'live', 'project1', 'categorization', 'completed', 'closed', '{{}}', '', '{{}}', '[]',
        10, true, '[]', 30, 'USD', 0, 0, now(), now(), false);
INSERT INTO subtask (id, task_id, lane_id, position, state, answers_wanted, effort_seconds, pay_cents, gold, created_at)
SELECT 'h' || k, 'history', (SELECT min(id) FROM lane), k, 'resolved', {HISTORY_ANSWERS}, 20, 10, false, now()
FROM generate_series(1, {HISTORY_SUBTASKS}) k;
INSERT INTO assignment (id, subtask_id, labeler_id, epoch, state, claimed_at, lease_expires_at, submitted_at, closed_at,
                        active_seconds, pay_cents, expected_seconds, answer)
SELECT '0' || k || '-' || n, 'h' || k, 'labeler' || (n * ({LABELERS} / {HISTORY_ANSWERS}) + k % 100), 1, 'accepted',
       now(), now(), now(), now(), 20, 10, 20, '{{"category": "good"}}'
FROM generate_series(1, {HISTORY_SUBTASKS}) k, generate_series(0, {HISTORY_ANSWERS - 1}) n;
"""
CLOSE = """
WITH closed AS (
    UPDATE assignment SET state = 'submitted', submitted_at = now(), answer = '{"category": "good"}'
    WHERE state = 'claimed' AND claimed_at < now() - interval '0.1 s' RETURNING slot_id
)
UPDATE slot SET state = 'done', lease_expires_at = NULL FROM closed WHERE slot.id = closed.slot_id
"""
HEALTH = """
SELECT n_dead_tup, (SELECT count(*) FROM (SELECT FROM slot WHERE state = 'open' LIMIT 2000000) o)
FROM pg_stat_user_tables WHERE relname = 'slot'
"""


@dataclass
class World:
    servers: embedded.Servers
    folder: Path
    subtasks: int = 0

    @property
    def url(self) -> str:
        """For psycopg; the owner's, which may bulk-load."""
        return self.servers.migrations_database_url.replace("postgresql+psycopg://", "postgresql://")

    def settings(self, **more: Any) -> Settings:
        return Settings(
            database_url=self.servers.database_url,
            migrations_database_url=self.servers.migrations_database_url,
            redis_url=self.servers.redis_url,
            secret_key="benchmark",
            data_dir=self.folder,
            storage_url=f"file://{self.folder / 'storage'}",
            base_url="http://127.0.0.1",
            **more,
        )

    def open_slots(self, connection: psycopg.Connection, count: int) -> None:
        """Bulk-load subtasks with their slots, a few at a time or a million at once."""
        first, last = self.subtasks, self.subtasks + -(-count // ANSWERS) - 1
        values = {"lanes": LANES, "per_task": TASK_SUBTASKS, "answers": ANSWERS}
        tasks = {"first": first // TASK_SUBTASKS, "last": last // TASK_SUBTASKS}
        connection.execute(TASKS, values | tasks)
        connection.execute(SUBTASKS, values | {"first": first, "last": last})
        connection.execute(SLOTS, values | {"first": first, "last": last})
        self.subtasks = last + 1

    def refill(self, count: int) -> None:
        """Empty the marketplace and fill it with `count` open slots."""
        with psycopg.connect(self.url, autocommit=True) as connection:
            connection.execute("TRUNCATE customer, project, lane, labeler, task, subtask, slot, assignment CASCADE")
            connection.execute(BASE)
            self.subtasks = 0
            connection.execute(HISTORY)
            self.open_slots(connection, count)
        self.tidy()

    def tidy(self) -> None:
        """So that no measurement pays for what was before it."""
        with psycopg.connect(self.url, autocommit=True) as connection:
            connection.execute("VACUUM ANALYZE")
            connection.execute("CHECKPOINT")

    @contextmanager
    def steady(self) -> Iterator[None]:
        """Meanwhile finish what was claimed and open as many slots anew, as submits and new tasks would."""
        stop = threading.Event()
        thread = threading.Thread(target=self._close_and_open, args=[stop], daemon=True)
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join()

    def _close_and_open(self, stop: threading.Event) -> None:
        with psycopg.connect(self.url, autocommit=True) as connection:
            while not stop.wait(CLOSE_SECONDS):
                closed = connection.execute(CLOSE).rowcount
                if closed:
                    self.open_slots(connection, closed)

    def health(self) -> tuple[int, int]:
        """Dead rows of the table of slots, and open slots."""
        with psycopg.connect(self.url, autocommit=True) as connection:
            row = connection.execute(HEALTH).fetchone()
            assert row is not None
            return int(row[0]), int(row[1])


@contextmanager
def world() -> Iterator[World]:
    with tempfile.TemporaryDirectory() as folder:
        attachment = embedded.attach(Path(folder) / "var")
        try:
            migrate.upgrade(attachment.servers.migrations_database_url)
            yield World(attachment.servers, Path(folder))
        finally:
            attachment.close()


def fsync_milliseconds(folder: Path, tries: int = 50) -> float:
    """What one small durable write costs here: the floor of any commit's latency."""
    with (folder / "fsync").open("wb") as file:
        began = time.perf_counter()
        for _ in range(tries):
            file.write(b"x" * 512)
            file.flush()
            os.fdatasync(file.fileno())
        return (time.perf_counter() - began) / tries * 1e3
