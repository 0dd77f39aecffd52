"""Redis emptied at any moment: the sweep finds in the rows what was forgotten, and nothing else."""

from collections.abc import Callable

import pytest
from flask import Flask
from rq import Queue
from sqlalchemy import text

from marketplace import queue
from marketplace.db import db, transaction
from marketplace.models import (
    Batch,
    BatchStatus,
    CallbackAttempt,
    CallbackState,
    Subtask,
    SubtaskState,
    Task,
    TaskStage,
    TaskStatus,
)
from marketplace.pipeline import assemble, ingest, resolve, split, sweep
from tests.marketplace.money_world import World, answer, build, receiving

RunJobs = Callable[[], None]
OLD = "5 minutes"


@pytest.fixture
def world(app: Flask, run_jobs: RunJobs) -> World:
    sweep._last_seen.clear()
    return build(app, run_jobs)


def forget(world: World) -> None:
    """Redis is emptied, and some minutes pass."""
    world.app.extensions["redis"].flushdb()
    with transaction():
        db.session.execute(text(f"UPDATE task SET updated_at = updated_at - interval '{OLD}'"))
        db.session.execute(text(f"UPDATE assignment SET submitted_at = submitted_at - interval '{OLD}'"))


def run(world: World, function: queue.Job, one: str) -> None:
    """One job alone, in a context of its own as a worker has."""
    with world.app.app_context():
        function(one)


def waiting(world: World) -> list[str]:
    """The names of the jobs that wait in the queues."""
    redis = world.app.extensions["redis"]
    queues = [Queue(name, connection=redis, serializer="json") for name in queue.QUEUES]
    return [job.func_name.rpartition(".")[2] for one in queues for job in one.jobs]


def stage_of(task: Task) -> TaskStage:
    return the(task).stage


def the(task: Task) -> Task:
    """The task as it is now."""
    db.session.rollback()
    db.session.refresh(task)
    return task


def test_a_task_reaches_its_end_though_redis_forgets_after_every_step(world: World) -> None:
    with receiving() as receiver:
        task = world.send_text(callback_url=receiver.url)
        task_id = task.id
        forget(world)
        sweep.enqueue_forgotten()
        assert waiting(world) == ["ingest_task"]
        run(world, ingest.ingest_task, task_id)
        assert stage_of(task) is TaskStage.INGESTED
        forget(world)
        sweep.enqueue_forgotten()
        assert waiting(world) == ["split_task"]
        run(world, split.split_task, task_id)
        assert stage_of(task) is TaskStage.LABELING
        forget(world)
        sweep.enqueue_forgotten()
        assert waiting(world) == [], "it waits for people"
        answer(world.ana)
        forget(world)
        sweep.enqueue_forgotten()
        assert waiting(world) == [], "it waits for the other answer"
        answer(world.ben)
        forget(world)
        sweep.enqueue_forgotten()
        assert waiting(world) == ["resolve_subtask"]
        run(world, resolve.resolve_subtask, db.session.query(Subtask).one().id)
        db.session.rollback()
        assert db.session.query(Subtask).one().state is SubtaskState.RESOLVED
        forget(world)
        sweep.enqueue_forgotten()
        assert waiting(world) == ["assemble_task"]
        run(world, assemble.assemble_task, task_id)
        assert stage_of(task) is TaskStage.CLOSED
        forget(world)
        sweep.enqueue_forgotten()
        assert waiting(world) == ["send_callback"] and receiver.heard == []
        world.run_jobs()
        db.session.rollback()
        assert db.session.query(CallbackAttempt).one().state is CallbackState.SUCCEEDED
        assert len(receiver.heard) == 1
        assert the(task).status is TaskStatus.COMPLETED
        forget(world)
        sweep.enqueue_forgotten()
        assert waiting(world) == []


def test_the_same_row_is_enqueued_once_however_often_it_is_found(world: World) -> None:
    world.send_text()
    forget(world)
    for _ in range(5):
        sweep.enqueue_forgotten()
    assert waiting(world) == ["ingest_task"]
    world.run_jobs()
    forget(world)
    sweep.enqueue_forgotten()
    assert waiting(world) == []


def test_what_waits_in_its_queue_is_not_enqueued_again(world: World) -> None:
    """The workers are only slow; nothing was lost."""
    world.send_text()
    with transaction():
        db.session.execute(text(f"UPDATE task SET updated_at = updated_at - interval '{OLD}'"))
    sweep.enqueue_forgotten()
    assert waiting(world) == ["ingest_task"]


def test_what_has_just_moved_is_left_alone(world: World) -> None:
    world.send_text()
    world.app.extensions["redis"].flushdb()
    sweep.enqueue_forgotten()
    assert waiting(world) == []


def test_a_batch_that_is_not_finalized_waits(world: World) -> None:
    with transaction():
        batch = Batch(customer_id=world.customer.id, project_id=world.project.id, name="b", status=BatchStatus.STAGING)
        db.session.add(batch)
    task = world.open_text(batch="b")
    assert stage_of(task) is TaskStage.INGESTED
    forget(world)
    sweep.enqueue_forgotten()
    assert waiting(world) == []
    with transaction():
        batch.status = BatchStatus.IN_PROGRESS
    sweep.enqueue_forgotten()
    assert waiting(world) == ["split_task"]


def test_each_look_is_bounded_and_the_next_goes_on_behind_it(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sweep, "LOOKED_AT", 2)
    for _ in range(5):
        world.open_text()
    for labeler in [world.ana, world.ben] * 5:
        answer(labeler)
    forget(world)
    found = []
    for _ in range(3):
        sweep.enqueue_forgotten()
        found.append(len(waiting(world)))
    assert found == [2, 4, 5]
    world.run_jobs()
    db.session.rollback()
    assert {task.status for task in db.session.query(Task)} == {TaskStatus.COMPLETED}
